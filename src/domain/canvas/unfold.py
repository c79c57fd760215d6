"""From a work-flow to the calls to send now.

A chain is its first link, which carries the rest; a group is all its members. So what is sent is
always calls, each with a message of its own, and every id is in one of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .signature import Signature
from .workflow import CHORD, Kind, kind_of, links_of, members_of, no_chords


@dataclass(frozen=True, slots=True)
class Unfolded:
    """Calls to send now, and the id of their group if they are one."""

    calls: tuple[Signature, ...]
    group_id: str | None = None


def unfold(sig: Signature, rest: Sequence[Mapping[str, Any]] = ()) -> Unfolded:
    """Return the calls to send now.

    `rest` is what follows in the chain around, its next link last, as it travels in a message.
    Raises NotSupported for what would be a chord.
    """
    match kind_of(sig):
        case Kind.CHAIN:
            return _chain(sig, rest)
        case Kind.GROUP if rest:
            raise no_chords("a group followed by something")
        case Kind.GROUP:
            calls = (call for member in members_of(sig) for call in unfold(member).calls)
            return Unfolded(tuple(calls), sig.options.get("task_id"))
        case Kind.CHORD:
            raise no_chords(CHORD)
        case _:
            return Unfolded((_carrying(sig, rest),))


def _chain(sig: Signature, rest: Sequence[Mapping[str, Any]]) -> Unfolded:
    links = links_of(sig)
    if not links:
        return Unfolded(())
    first, *later = links
    return unfold(first, [*rest, *(link.to_dict() for link in reversed(later))])


def _carrying(call: Signature, rest: Sequence[Mapping[str, Any]]) -> Signature:
    """Return the call with the rest of its chain beneath what it carries already."""
    if not rest:
        return call
    own = call.options.get("chain") or ()
    return replace(call, options={**call.options, "chain": [*rest, *own]})
