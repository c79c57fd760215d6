"""From a work-flow to the calls to send now.

A chain is its first link, which carries the rest; a group is all its members; a chord is its
header, of which each last call carries the body. So what is sent is always calls, each with a
message of its own, and every id is that of one message.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .chords import ChordOpening
from .kinds import Kind, kind_of
from .laying import finals, with_place
from .polling import poll
from .shape import shape_of_header
from .signature import Signature
from .structure import followed_by, halves_of, links_of, members_of


@dataclass(frozen=True, slots=True)
class Unfolded:
    """Calls to send now, the id of their group if they are one, and the chords they are parts of.

    The chords are to be opened before the calls are sent.
    """

    calls: tuple[Signature, ...]
    group_id: str | None = None
    opens: tuple[ChordOpening, ...] = ()


def applied(sig: Signature, args: Sequence[Any]) -> Signature:
    """Return the signature with arguments in front for what runs first of it.

    That is a chain's first link, every member of a group, and a chord's header; those that are
    immutable take none.
    """
    return sig.applied(tuple(args))


def unfold(
    sig: Signature, rest: Sequence[Mapping[str, Any]] = (), *, polled: bool = False
) -> Unfolded:
    """Return the calls to send now of a frozen signature.

    `rest` is what follows in the chain around, its next link last, as it travels in a message.
    What follows a group makes it a chord, and what follows a chord is done after its body. With
    `polled` no chord is opened: to each belongs a call that waits for its header.
    """
    match kind_of(sig):
        case Kind.CHAIN:
            return _chain(sig, rest, polled)
        case Kind.GROUP if rest:
            body = followed_by(Signature.from_dict(rest[-1]), rest[:-1])
            return _chord(sig.options.get("task_id"), members_of(sig), body, polled)
        case Kind.GROUP:
            return _together(members_of(sig), sig.options.get("task_id"), polled)
        case Kind.CHORD:
            group_id, members, body = halves_of(sig)
            return _chord(group_id, members, followed_by(body, rest), polled)
        case _:
            return Unfolded((followed_by(sig, rest),))


def _chain(sig: Signature, rest: Sequence[Mapping[str, Any]], polled: bool) -> Unfolded:
    links = links_of(sig)
    if not links and not rest:
        return Unfolded(())
    if not links:
        return unfold(Signature.from_dict(rest[-1]), rest[:-1], polled=polled)
    first, *later = links
    return unfold(first, [*rest, *(link.to_dict() for link in reversed(later))], polled=polled)


def _together(members: Iterable[Signature], group_id: str | None, polled: bool) -> Unfolded:
    calls: list[Signature] = []
    opens: list[ChordOpening] = []
    for member in members:
        if kind_of(member) is Kind.CALL:
            calls.append(member)
            continue
        unfolded = unfold(member, polled=polled)
        calls += unfolded.calls
        opens += unfolded.opens
    return Unfolded(tuple(calls), group_id, tuple(opens))


def _chord(
    group_id: str | None, members: Sequence[Signature], body: Signature, polled: bool
) -> Unfolded:
    sizes = [finals(member) for member in members]
    size = sum(sizes)
    if not size:
        return unfold(applied(body, ([],)), polled=polled)
    if not group_id:
        raise ValueError("a chord that is not frozen: its header has no id")
    stored = _stored_body(group_id, members, body, None if polled else size)
    placed: list[Signature] = []
    index = 0
    for member, parts in zip(members, sizes, strict=True):
        place = {"chord": stored, "group_id": group_id, "group_index": index}
        placed.append(with_place(member, place, force=True))
        index += parts
    header = _together(placed, None, polled)
    if polled:
        waiting = poll(group_id, stored, [result_tuple(member) for member in members])
        return replace(header, calls=(*header.calls, waiting))
    return replace(header, opens=(ChordOpening(group_id, size), *header.opens))


def _stored_body(
    group_id: str, members: Sequence[Signature], body: Signature, size: int | None
) -> dict[str, Any]:
    """Return the body as the header's calls carry it: with what whoever counts them must know.

    Without a `size` nobody counts.
    """
    if kind_of(body) is Kind.CALL:
        body = with_place(body, {"group_id": group_id})
    stored: dict[str, Any] = body.to_dict()
    if size is not None:
        stored = {**stored, "chord_size": size}
    shape = shape_of_header(members)
    return stored if shape is None else {**stored, "chord_shape": shape}


def never_sent(sig: Signature) -> Iterator[Signature]:
    """Yield all calls of a frozen signature: those that will not run if nothing of it does.

    Each has its options: its id, and the outer chord it was to be a part of. Those in the header
    of a chord within are parts of nothing outside, and come without one.
    """
    match kind_of(sig):
        case Kind.CHAIN:
            for link in links_of(sig):
                yield from never_sent(link)
        case Kind.GROUP:
            for member in members_of(sig):
                yield from never_sent(member)
        case Kind.CHORD:
            _, header, body = halves_of(sig)
            for member in header:
                for call in never_sent(member):
                    options = {k: v for k, v in call.options.items() if k != "chord"}
                    yield replace(call, options=options)
            yield from never_sent(body)
        case _:
            yield sig
            for link in reversed(sig.options.get("chain") or ()):
                yield from never_sent(Signature.from_dict(link))


def result_tuple(sig: Signature, parent: Any = None) -> Any:
    """Return the result of a frozen signature as data: ((id, parent), children).

    A chain's is its last link's, with the links before as its parents; a chord's is its body's,
    with the header's group as parent.
    """
    match kind_of(sig):
        case Kind.CHAIN:
            for link in links_of(sig):
                parent = result_tuple(link, parent)
            return parent
        case Kind.GROUP:
            members = [result_tuple(member) for member in members_of(sig)]
            return (sig.options.get("task_id"), parent), members
        case Kind.CHORD:
            group_id, header, body = halves_of(sig)
            above = (group_id, parent), [result_tuple(member) for member in header]
            return result_tuple(body, above)
        case _:
            return (sig.options.get("task_id"), parent), None
