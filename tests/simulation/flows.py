"""Work-flows for a simulated cluster: drawn by chance, nested, and what must have come of them."""

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from random import Random
from typing import Any

from celeriac.domain.canvas.signature import Signature
from celeriac.domain.canvas.unfold import never_sent, unfold
from celeriac.domain.canvas.workflow import Kind, frozen, kind_of, parts_of
from celeriac.domain.tasks import states
from celeriac.domain.work.attempt import ids_after

TASKS = (
    "plain plain plain late late slow flaky limited fails bomb poison unknown becomes becomes adds"
).split()

#: How deep work-flows are nested.
DEEPEST = 2


def drawn(chance: Random, depth: int = 0) -> Signature:
    """Return a work-flow, or a call at last."""
    kinds = (
        ["chain", "group", "chord", "chord"] if depth == 0 else ["call"] * 6 + ["chain", "chord"]
    )
    match chance.choice(kinds) if depth <= DEEPEST else "call":
        case "call":
            return Signature(chance.choice(TASKS), immutable=True)
        case "chain":
            return chain(*(drawn(chance, depth + 1) for _ in range(chance.choice([2, 3]))))
        case "group":
            return group(*(drawn(chance, depth + 1) for _ in range(chance.choice([1, 3]))))
        case _:
            header = [drawn(chance, depth + 1) for _ in range(chance.choice([1, 2, 4]))]
            return chord(header, drawn(chance, depth + 1))


def chain(*links: Signature) -> Signature:
    tasks = [link.to_dict() for link in links]
    return Signature("celery.chain", (), {"tasks": tasks}, {}, "chain")


def group(*members: Signature) -> Signature:
    tasks = [member.to_dict() for member in members]
    return Signature("celery.group", (), {"tasks": tasks}, {}, "group")


def chord(header: list[Signature], body: Signature) -> Signature:
    parts = {"header": [one.to_dict() for one in header], "body": body.to_dict(), "kwargs": {}}
    return Signature("celery.chord", (), parts, {}, "chord")


def replacement(nesting: int) -> Signature:
    """Return what a task becomes that replaces itself, and what that becomes in its turn."""
    late, plain = (Signature(name, immutable=True) for name in ("late", "plain"))
    match nesting:
        case 0:
            return chain(late, chord([late, plain], Signature("becomes", immutable=True)))
        case 1:
            return chord([late, late], Signature("becomes", immutable=True))
        case _:
            return late


def id_added(id_: str) -> str:
    """Return the id of what a task adds to its chord."""
    return next(ids_after(id_, "added 0"))


class Flow:
    """One work-flow that was sent."""

    def __init__(self, name: str, sig: Signature) -> None:
        numbers = count(1)
        self.name = name
        self.whole = frozen(sig, lambda: f"{name}-{next(numbers)}")
        self.unfolded = unfold(self.whole)

    def ids(self) -> list[str]:
        return [str(call.options["task_id"]) for call in never_sent(self.whole)]

    def is_stuck(self, found: Mapping[str, str]) -> Iterator[str]:
        """Say of which calls nobody will ever know what came."""
        for id_ in self.ids():
            if found.get(id_) not in states.READY_STATES:
                yield f"{self.name} is stuck: {id_} is {found.get(id_)}"

    def is_wrong(self, found: Mapping[str, str], accepted: Callable[[str], int]) -> Iterator[str]:
        """Say which calls were sent although what comes before had failed, or not once if not."""
        yield from _wrong_in(self.whole, True, found, accepted)


def _wrong_in(
    sig: Signature, is_reached: bool, found: Mapping[str, str], accepted: Callable[[str], int]
) -> Iterator[str]:
    """Look at a signature that is sent if all before it went well."""
    match kind_of(sig):
        case Kind.CHAIN:
            for link in parts_of(sig):
                yield from _wrong_in(link, is_reached, found, accepted)
                is_reached = is_reached and _went_well(link, found)
        case Kind.GROUP:
            for member in parts_of(sig):
                yield from _wrong_in(member, is_reached, found, accepted)
        case Kind.CHORD:
            header, body = _halves(sig)
            for member in header:
                yield from _wrong_in(member, is_reached, found, accepted)
            is_reached = is_reached and all(_went_well(member, found) for member in header)
            yield from _wrong_in(body, is_reached, found, accepted)
        case _:
            id_ = str(sig.options["task_id"])
            if accepted(id_) != int(is_reached):
                yield f"{id_} was sent {accepted(id_)} times, expected {int(is_reached)}"


def _went_well(sig: Signature, found: Mapping[str, str]) -> bool:
    """Tell whether the end of a signature, which what follows waits for, went well."""
    match kind_of(sig):
        case Kind.CHAIN:
            return _went_well(parts_of(sig)[-1], found)
        case Kind.GROUP:
            return all(_went_well(member, found) for member in parts_of(sig))
        case Kind.CHORD:
            return _went_well(_halves(sig)[1], found)
        case _:
            id_ = str(sig.options["task_id"])
            # If it is in no chord, it adds nothing.
            added = found.get(id_added(id_), states.SUCCESS)
            return found.get(id_) == added == states.SUCCESS


def _halves(sig: Signature) -> tuple[list[Signature], Signature]:
    kwargs: Mapping[str, Any] = sig.kwargs
    header = kwargs["header"]
    listed = header["kwargs"]["tasks"] if isinstance(header, Mapping) else header
    return [Signature.from_dict(one) for one in listed], Signature.from_dict(kwargs["body"])
