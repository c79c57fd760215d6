"""What work-flows come to: the links of a chain, the members of a group, the halves of a chord.

Nested chains are one chain, nested groups one group, a group of one within a chain is its member,
and a group that is followed by something is a chord.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from .kinds import Kind, body_of, chain_of, chord_of, header_of, kind_of, parts_of
from .laying import (
    PLACE,
    called_back,
    called_back_on_error,
    finals,
    overlaid,
    with_links,
    with_partial,
    with_place,
)
from .signature import Signature

#: Options of a chord that are its header's alone: when it starts, and after what.
_OF_HEADER: Final = frozenset({"countdown", "eta", "parent_id"})


def links_of(sig: Signature) -> list[Signature]:
    """Return the links of a chain, flat; of anything else, itself.

    Arguments and options of the chain are the first link's, its errbacks every link's, its
    callbacks and its place the last one's. Only the last link is a group, or a chord that ends in
    one: what follows such is the body of a chord.
    """
    return _upgraded(_unrolled(sig))


def _unrolled(sig: Signature) -> list[Signature]:
    match kind_of(sig):
        case Kind.CHAIN:
            found = [link for part in parts_of(sig) for link in _unrolled(part)]
            # An empty group changes nothing, unless there is nothing else.
            links = [link for link in found if not _is_empty(link)] or found[:1]
            return _laid_on(_upgraded(links), sig)
        case Kind.GROUP if len(tasks := sig.kwargs.get("tasks") or ()) == 1:
            members = members_of(sig)
            return _unrolled(members[0]) if len(members) == len(tasks) else [sig]
        case Kind.CHORD if not set(sig.options) - {"task_id"}:
            return _beside(sig)
        case _:
            return [sig]


def _beside(chord: Signature) -> list[Signature]:
    """Return a chord with the links that follow the first of its body beside it, not within.

    Else many chords in a row would be as many within each other, as they are when made with `|`.
    """
    body = body_of(chord)
    known = "task_id" not in chord.options or "task_id" in header_of(chord).options
    if kind_of(body) is Kind.CHAIN and known:
        first, *later = links_of(body) or [body]
        if later and kind_of(first) is Kind.CALL:
            parts = {**chord.kwargs, "body": first.to_dict()}
            return [replace(chord, kwargs=parts), *later]
    return [chord]


def _is_empty(sig: Signature) -> bool:
    return kind_of(sig) is Kind.GROUP and not finals(sig)


def _upgraded(links: Sequence[Signature]) -> list[Signature]:
    """Make chords of groups that are followed by something."""
    made: list[Signature] = []
    for link in reversed(links):
        # From the end, so that groups in a row nest: chord(first, chord(second, third)).
        after = made.pop() if made and _ends_in_group(link) else None
        made.append(link if after is None else _followed(link, after))
    made.reverse()
    return made


def _ends_in_group(sig: Signature) -> bool:
    match kind_of(sig):
        case Kind.GROUP:
            return True
        case Kind.CHORD:
            return _ends_in_group(body_of(sig))
        case Kind.CHAIN:
            links = links_of(sig)
            return bool(links) and _ends_in_group(links[-1])
        case _:
            return False


def _followed(sig: Signature, after: Signature) -> Signature:
    match kind_of(sig):
        case Kind.GROUP:
            return chord_of(sig.to_dict(), after.to_dict())
        case Kind.CHORD:
            body = _followed(body_of(sig), after)
            return replace(sig, kwargs={**sig.kwargs, "body": body.to_dict()})
        case _:
            return chain_of([sig.to_dict(), after.to_dict()])


def _laid_on(links: list[Signature], chain: Signature) -> list[Signature]:
    """Give links what belongs to their chain as a whole."""
    if not links:
        return links
    options = dict(chain.options)
    callbacks, errbacks = options.pop("link", None), options.pop("link_error", None)
    place = _taken(options)
    if "chain" in options:
        links = [*links, *(Signature.from_dict(one) for one in reversed(options.pop("chain")))]
    links[0] = overlaid(with_partial(links[0], chain.args, _partial_kwargs(chain)), options)
    if errbacks:
        links = [called_back_on_error(link, errbacks) for link in links]
    if callbacks:
        links[-1] = called_back(links[-1], callbacks)
    links[-1] = with_place(links[-1], place)
    return links


def members_of(sig: Signature) -> list[Signature]:
    """Return the members of a group, flat, with its arguments and options applied to each."""
    options = dict(sig.options)
    links = {name: options.pop(name, None) for name in ("link", "link_error")}
    place = _taken(options)
    place.pop("task_id", None)
    if "chord" not in place:
        place.clear()
    kwargs = _partial_kwargs(sig)
    index = place.get("group_index") or 0
    bare = not (sig.args or kwargs or options or any(links.values()) or place)
    out: list[Signature] = []
    for part in parts_of(sig):
        kind = kind_of(part)
        if bare and kind is Kind.CALL:
            out.append(part)
            continue
        for member in members_of(part) if kind is Kind.GROUP else (part,):
            if kind is Kind.CHAIN and not finals(member):
                continue  # an empty chain
            made = overlaid(with_partial(member, sig.args, kwargs), options)
            for name, further in links.items():
                if further:
                    made = with_links(made, name, further)
            if place:
                made = with_place(made, {"chord": place["chord"]}, force=True)
                if "group_id" in place:
                    at = {"group_id": place["group_id"], "group_index": index}
                    made = with_place(made, at)
                    index += finals(made)
            out.append(made)
    return out


class Halves(NamedTuple):
    """What a chord is made of. The header has no id before it is frozen."""

    group_id: str | None
    header: Sequence[Signature]
    body: Signature


def halves_of(sig: Signature) -> Halves:
    """Return the halves of a chord, with its arguments and options applied to them.

    Arguments are the header's. Callbacks, errbacks and the chord's place are the body's, the time
    to start is the header's, other options are both's. Raises ValueError for one without a body.
    """
    header, body = header_of(sig), body_of(sig)
    group_id = header.options.get("task_id")
    options = dict(sig.options)
    callbacks, errbacks = options.pop("link", None), options.pop("link_error", None)
    place = _taken(options)
    if group_id is not None:
        place.pop("task_id", None)  # the header's, in a frozen chord
    rest = options.pop("chain", None)
    if callbacks:
        body = called_back(body, callbacks)
    if errbacks:
        body = called_back_on_error(body, errbacks)
    body = overlaid(body, {k: v for k, v in options.items() if k not in _OF_HEADER})
    body = followed_by(with_place(body, place), rest or ())
    # Places that Celery has noted in the header are no news, and would be copies of the body.
    own = {name: value for name, value in header.options.items() if name not in PLACE}
    header = overlaid(replace(header, options=own), options)
    header = with_partial(header, sig.args, sig.kwargs.get("kwargs") or {})
    return Halves(group_id, members_of(header), body)


def followed_by(sig: Signature, rest: Sequence[Mapping[str, Any]]) -> Signature:
    """Return a signature with what comes after it; `rest` has its next link last."""
    if not rest:
        return sig
    if kind_of(sig) is Kind.CALL:
        own = sig.options.get("chain") or ()
        return replace(sig, options={**sig.options, "chain": [*rest, *own]})
    return chain_of([sig.to_dict(), *reversed(rest)])


def _taken(options: dict[str, Any]) -> dict[str, Any]:
    taken = {name: options.pop(name, None) for name in PLACE}
    return {name: value for name, value in taken.items() if value is not None}


def _partial_kwargs(sig: Signature) -> dict[str, Any]:
    return {name: value for name, value in sig.kwargs.items() if name != "tasks"}
