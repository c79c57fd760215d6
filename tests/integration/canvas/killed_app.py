"""The app of workers that are killed in the middle of work-flows; copied to a folder, as `killed`.

All tasks but `lost` are delivered again when their worker dies. Each notes in a file that it was
begun: under which name, with which id, by which worker and process.
"""

import json
import os
import signal
import time
from typing import Any

from celeriac import Celeriac, chain, chord, group

app = Celeriac("killed", set_as_current=False)
app.conf.update(json.loads(os.environ["KILLED_SETTINGS"]), task_acks_late=True)


def mark(task: Any, name: str) -> None:
    file = os.open("marks.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{name} {task.request.id} {task.request.hostname} {os.getpid()}\n".encode())
    os.close(file)


@app.task(bind=True, name="step")
def step(self: Any, before: Any, name: str) -> int:
    """Count what came before: 1 is added to the sum of it."""
    mark(self, name)
    time.sleep(0.01)  # long enough for a worker to be killed in between
    return 1 + (sum(before) if isinstance(before, list) else int(before))


@app.task(name="quick")
def quick(number: int) -> int:
    return number


@app.task(bind=True, name="total")
def total(self: Any, numbers: list[int]) -> list[int]:
    mark(self, "total")
    return [len(numbers), sum(numbers)]


@app.task(bind=True, name="fail")
def fail(self: Any, name: str) -> None:
    mark(self, name)
    raise ValueError(name)


@app.task(bind=True, name="lost", acks_late=False)
def lost(self: Any, name: str) -> None:
    """End the process it runs in, and wish not to be repeated."""
    mark(self, name)
    os.kill(os.getpid(), signal.SIGKILL)


@app.task(bind=True, name="mourn")
def mourn(self: Any, failed: str, *, name: str) -> None:
    mark(self, name)


@app.task(bind=True, name="becomes")
def becomes(self: Any, before: Any, name: str) -> None:
    """Leave for a chain with a chord in it, which counts four more."""
    mark(self, name)
    inner = chord([step.s(f"{name}.b"), step.s(f"{name}.c")], step.s(f"{name}.d"))
    self.replace(chain(step.s(before, f"{name}.a"), inner))


@app.task(bind=True, name="adds")
def adds(self: Any, name: str) -> int:
    """Have the chord wait for three more."""
    mark(self, name)
    self.add_to_chord(step.s(0, f"{name}.e"))
    self.add_to_chord(group(step.s(0, f"{name}.f"), step.s(0, f"{name}.g")))
    return 1


def _chain(f: str) -> Any:
    return chain(step.s(0, f"{f}.0"), *[step.s(f"{f}.{n}") for n in range(1, 5)])


def _chord(f: str) -> Any:
    return chord([step.s(0, f"{f}.{n}") for n in range(5)], step.s(f"{f}.body"))


def _nested(f: str) -> Any:
    inner = chord([step.s(f"{f}.{n}") for n in "34"], step.s(f"{f}.inner"))
    header = [step.si(0, f"{f}.0") | step.s(f"{f}.1"), step.si(0, f"{f}.2") | inner]
    return chain(step.si(0, f"{f}.5"), chord(header, step.s(f"{f}.body")), step.s(f"{f}.6"))


def _replaced(f: str) -> Any:
    return chord([becomes.s(0, f"{f}.0"), step.s(0, f"{f}.1")], step.s(f"{f}.body"))


def _added_to(f: str) -> Any:
    return chord([adds.s(f"{f}.0"), step.s(0, f"{f}.1")], step.s(f"{f}.body"))


def _called_back(f: str) -> Any:
    return step.s(0, f"{f}.0").set(link=[step.s(f"{f}.1"), step.s(f"{f}.2") | step.s(f"{f}.3")])


def _mourned(f: str) -> Any:
    header = [step.s(0, f"{f}.0"), fail.s(f"{f}.1"), step.s(0, f"{f}.2") | step.s(f"{f}.3")]
    return chord(header, step.s(f"{f}.never").on_error(mourn.s(name=f"{f}.mourned")))


#: What makes each kind of work-flow, what that comes to, and what is begun of it.
KINDS = [
    (_chain, 5, "0 1 2 3 4"),
    (_chord, 6, "0 1 2 3 4 body"),
    (_nested, 9, "0 1 2 3 4 5 6 inner body"),
    (_replaced, 7, "0 0.a 0.b 0.c 0.d 1 body"),
    (_added_to, 6, "0 0.e 0.f 0.g 1 body"),
    (_called_back, 1, "0 1 2 3"),
    (_mourned, "ChordError", "0 1 2 3 mourned"),
]
