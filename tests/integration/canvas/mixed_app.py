"""An app that is Celery's or ours, as its environment says, copied to a folder as `mixed`.

MIXED_KIND is the package, MIXED_CONF the settings as JSON. Run as a program it sends all flows,
waits, and prints what each came to.
"""

import json
import os
import sys
import warnings
from importlib import import_module
from typing import Any

KIND = os.environ["MIXED_KIND"]
kind: Any = import_module(KIND)
app = getattr(kind, KIND.capitalize())("mixed")
app.conf.update(json.loads(os.environ["MIXED_CONF"]))


@app.task(name="mixed.add")
def add(*numbers: int) -> int:
    return sum(numbers)


@app.task(name="mixed.total")
def total(numbers: list[int]) -> int:
    mark("totalled")
    return sum(numbers)


@app.task(name="mixed.fail")
def fail(*_: Any) -> None:
    raise ValueError("this one fails")


@app.task(name="mixed.becomes", bind=True)
def becomes(self: Any, *numbers: int) -> Any:
    """Leave for a chain that adds 100 to the sum."""
    return self.replace(kind.chain(add.s(*numbers), add.s(100)))


@app.task(name="mixed.adds", bind=True)
def adds(self: Any, number: int) -> int:
    """Have the chord wait for one more."""
    self.add_to_chord(add.s(number, number))
    return number


@app.task(name="mixed.note")
def note(*said: Any) -> None:
    mark(f"noted {said[-1]}")


@app.task(name="mixed.mourn")
def mourn(failed: str) -> None:
    mark(f"mourned {failed}")


def mark(line: str) -> None:
    file = os.open("marks.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{line}\n".encode())
    os.close(file)


def flows() -> dict[str, Any]:
    """Return a work-flow of each kind; what it comes to is in EXPECTED."""
    chain, group, chord = kind.chain, kind.group, kind.chord
    header = [add.s(1, 1), add.s(2, 2)]
    failing = chord([add.s(1, 1), fail.s()], total.s().on_error(mourn.s()))
    return {
        "chain": chain(add.s(1, 2), add.s(3), add.s(4)),
        "group": group(header),
        "chord": chord(header, total.s()),
        "chord in a chain": chain(add.s(1, 1), chord([add.s(1), add.s(2)], total.s()), add.s(9)),
        "group in a header": chord([group(header), add.s(3, 3)], total.s()),
        "chain in a header": chord([chain(add.s(1, 1), add.s(5)), add.s(2, 2)], total.s()),
        "chord in a header": chord([chord(header, total.s()), add.s(1, 1)], total.s()),
        "chord in a body": chord(header, chain(total.s(), chord([add.s(1), add.s(2)], total.s()))),
        "replaced": becomes.s(1, 2),
        "replaced in a chain": chain(add.s(1, 1), becomes.s(1), add.s(5)),
        "replaced in a header": chord([becomes.s(1, 1), add.s(2, 2)], total.s()),
        "added to a header": chord([adds.s(5), add.s(1, 1)], total.s()),
        "linked": add.s(20, 2).set(link=note.s()),
        "failed": chain(add.s(1, 1), fail.s().on_error(mourn.s()), add.s(1)),
        "failed in a header": failing,
        "failed in a chain in a header": chord(
            [chain(fail.s(), add.s(1)), add.s(1, 1)], total.s().on_error(mourn.s())
        ),
    }


EXPECTED: dict[str, Any] = {
    "chain": 10,
    "group": [2, 4],
    "chord": 6,
    "chord in a chain": 16,
    "group in a header": 12,
    "chain in a header": 11,
    "chord in a header": 8,
    "chord in a body": 15,
    "replaced": 103,
    "replaced in a chain": 108,
    "replaced in a header": 106,
    "added to a header": 17,
    "linked": 22,
    "failed": "ValueError",
    "failed in a header": "ChordError",
    "failed in a chain in a header": "ChordError",
}


def main() -> None:
    warnings.simplefilter("ignore")
    asked = sys.argv[1:] or EXPECTED
    sent = {name: flow.apply_async() for name, flow in flows().items() if name in asked}
    came = {}
    for name, result in sent.items():
        # What never runs has no result with Celery: its get() raises what its parents came to.
        try:
            value = result.get(timeout=12, propagate=name == "failed")
        except Exception as error:
            value = error
        came[name] = type(value).__name__ if isinstance(value, Exception) else value
    json.dump(came, sys.stdout)


if __name__ == "__main__":
    main()
