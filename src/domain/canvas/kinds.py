"""What a signature is: a call, or a work-flow made of signatures.

Chains, groups and chords are signatures of names that no task has; what they are made of is in
their `kwargs`.
"""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Final

from .signature import Signature

CHAIN: Final = "celery.chain"
GROUP: Final = "celery.group"
CHORD: Final = "celery.chord"
MAP: Final = "celery.map"
STARMAP: Final = "celery.starmap"
CHUNKS: Final = "celery.chunks"


class Kind(Enum):
    """What a signature is."""

    CALL = None
    CHAIN = CHAIN
    GROUP = GROUP
    CHORD = CHORD


_KINDS: Final = {
    CHAIN: Kind.CHAIN,
    GROUP: Kind.GROUP,
    CHORD: Kind.CHORD,
}


def kind_of(sig: Signature) -> Kind:
    """Return what a signature is."""
    return _KINDS.get(sig.task, Kind.CALL)


def parts_of(sig: Signature) -> list[Signature]:
    """Return what a chain or group was made of. Raises ValueError."""
    tasks = sig.kwargs.get("tasks")
    if not isinstance(tasks, list | tuple):
        raise ValueError(f"the 'tasks' of {sig.task} are {tasks!r}: expected a list of signatures")
    return [Signature.from_dict(task) for task in tasks]


def header_of(sig: Signature) -> Signature:
    """Return the header of a chord as a group, however it is stored. Raises ValueError."""
    header = sig.kwargs.get("header")
    if isinstance(header, list | tuple):
        return group_of(header)
    if not isinstance(header, Mapping):
        raise ValueError(
            f"the 'header' of {CHORD} is {header!r}: expected a list of signatures or a group"
        )
    made = Signature.from_dict(header)
    match kind_of(made):
        case Kind.GROUP:
            return made
        case Kind.CHAIN:  # as Celery has it: its links side by side
            return group_of(made.kwargs.get("tasks") or ())
        case _:
            return group_of([header])


def body_of(sig: Signature) -> Signature:
    """Return the body of a chord. Raises ValueError when it has none."""
    body = sig.kwargs.get("body")
    if not body:
        raise ValueError(
            "a chord without a body: write chord(header, body) or chord(header)(body); "
            "tasks that nothing follows are a group"
        )
    return Signature.from_dict(body)


def has_chords(sig: Signature) -> bool:
    """Tell whether there is a chord in a frozen signature, in which groups are no hidden ones."""
    match kind_of(sig):
        case Kind.CHAIN | Kind.GROUP:
            return any(has_chords(part) for part in parts_of(sig))
        case kind:
            return kind is Kind.CHORD


def chain_of(links: Iterable[Any], options: Mapping[str, Any] | None = None) -> Signature:
    """Make a chain of stored signatures."""
    return Signature(CHAIN, (), {"tasks": list(links)}, options or {}, "chain")


def group_of(members: Iterable[Any], options: Mapping[str, Any] | None = None) -> Signature:
    """Make a group of stored signatures."""
    return Signature(GROUP, (), {"tasks": list(members)}, options or {}, "group")


def chord_of(header: Any, body: Any, options: Mapping[str, Any] | None = None) -> Signature:
    """Make a chord of a stored group and a stored body."""
    parts = {"kwargs": {}, "header": header, "body": body}
    return Signature(CHORD, (), parts, options or {}, "chord")
