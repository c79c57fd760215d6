"""Freezing: every call of a work-flow is given its id beforehand.

What is frozen is in one plain form: chains flat, groups that something follows made chords, all
that belonged to a whole laid on its parts. Ids that are there stay: freezing twice is freezing
once.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .kinds import CHAIN, CHORD, CHUNKS, GROUP, MAP, STARMAP, Kind, kind_of, parts_of
from .laying import finals, overlaid, with_links, with_partial, with_place
from .nesting import check_nesting
from .signature import Signature
from .structure import halves_of, links_of, members_of

__all__ = [
    "CHAIN",
    "CHORD",
    "CHUNKS",
    "GROUP",
    "MAP",
    "STARMAP",
    "Kind",
    "finals",
    "frozen",
    "halves_of",
    "kind_of",
    "links_of",
    "members_of",
    "overlaid",
    "parts_of",
    "with_links",
    "with_partial",
    "with_place",
]

NewId = Callable[[], str]


def frozen(
    sig: Signature,
    new_id: NewId,
    *,
    root_id: str | None = None,
    parent_id: str | None = None,
    reply_to: str | None = None,
    **place: Any,
) -> Signature:
    """Return the signature with an id for each call in it, deterministic for the ids given.

    `place` is what the last of it is: `task_id`, and of an outer group or chord `group_id`,
    `group_index`, `chord`. `reply_to` is where results go that travel back over the broker. Raises
    ValueError for what is no work-flow, or contains itself.
    """
    if kind_of(sig) is not Kind.CALL or "link" in sig.options or "link_error" in sig.options:
        check_nesting(sig.to_dict())
    lineage = {"root_id": root_id, "parent_id": parent_id, "reply_to": reply_to}
    known = {name: value for name, value in lineage.items() if value is not None}
    placed = with_place(sig, {k: v for k, v in place.items() if v is not None})
    return _frozen(placed, new_id, known)


def _frozen(sig: Signature, new_id: NewId, lineage: Mapping[str, Any]) -> Signature:
    match kind_of(sig):
        case Kind.CHAIN:
            return _frozen_chain(sig, new_id, lineage)
        case Kind.GROUP:
            return _frozen_group(sig, new_id, lineage)
        case Kind.CHORD:
            return _frozen_chord(sig, new_id, lineage)
        case _:
            return _call(sig, new_id, lineage, {})


def _call(
    sig: Signature, new_id: NewId, lineage: Mapping[str, Any], place: Mapping[str, Any]
) -> Signature:
    """Freeze a call; what it says of its own place stays."""
    own = sig.options
    put = {name: value for name, value in place.items() if own.get(name) is None}
    options = {**own, **put, **lineage, "task_id": own.get("task_id") or new_id()}
    # As replace(), which takes six times as long.
    return Signature(sig.task, sig.args, sig.kwargs, options, sig.subtask_type, sig.immutable)


def _frozen_chain(sig: Signature, new_id: NewId, lineage: Mapping[str, Any]) -> Signature:
    made: list[dict[str, Any]] = []
    last: str | None = None
    for link in links_of(sig):
        one = _frozen(link, new_id, lineage)
        last = _result_id(one)
        lineage = {k: v for k, v in lineage.items() if k != "parent_id"}
        if kind_of(one) is Kind.CALL and last is not None:
            lineage["parent_id"] = last
        made.append(one.to_dict())
    # As Celery has it: the id of a frozen chain is that of its result.
    options = {} if last is None else {"task_id": last}
    return replace(sig, args=(), kwargs={"tasks": made}, options=options)


def _frozen_group(sig: Signature, new_id: NewId, lineage: Mapping[str, Any]) -> Signature:
    group_id = sig.options.get("task_id") or new_id()
    options = {"task_id": group_id}
    bare = sig
    if "chord" in sig.options:
        # Kept once, not in each member; see with_place.
        options["chord"] = sig.options["chord"]
        place = {name: sig.options[name] for name in _WITHIN if sig.options.get(name) is not None}
        bare = with_place(sig, {**place, "chord": options["chord"]})
        bare = _without(bare, "chord", *_WITHIN)
    made = []
    for index, member in enumerate(members_of(bare)):
        at = {"group_id": group_id, "group_index": index}
        if kind_of(member) is Kind.CALL:
            made.append(_call(member, new_id, lineage, at).to_dict())
        else:
            made.append(_frozen(with_place(member, at), new_id, lineage).to_dict())
    return replace(sig, args=(), kwargs={"tasks": made}, options=options)


_WITHIN = ("group_id", "group_index")
_PLACES = ("chord", *_WITHIN)


def _frozen_chord(sig: Signature, new_id: NewId, lineage: Mapping[str, Any]) -> Signature:
    found, header, body = halves_of(sig)
    group_id = found or new_id()
    # Without their place, and without the body: both are put into each when it is sent. Celery's
    # workers, that give a chord within a body another group, would count those in vain.
    made = [_frozen(_without(member, *_PLACES), new_id, lineage).to_dict() for member in header]
    if kind_of(body) is not Kind.GROUP:
        # As Celery has it: a body is of the group of its header, unless it is part of another.
        body = with_place(body, {"group_id": group_id})
    of_body = {name: value for name, value in lineage.items() if name != "parent_id"}
    parts = {
        "kwargs": {},
        "header": _group(made, group_id),
        "body": _frozen(body, new_id, of_body).to_dict(),
    }
    return replace(sig, args=(), kwargs=parts, options={"task_id": group_id})


def _group(members: list[dict[str, Any]], group_id: str) -> dict[str, Any]:
    return Signature(GROUP, (), {"tasks": members}, {"task_id": group_id}, "group").to_dict()


def _result_id(sig: Signature) -> str | None:
    """Return the id of what a frozen signature's result is: the body's for a chord."""
    while kind_of(sig) is Kind.CHORD:
        sig = Signature.from_dict(sig.kwargs["body"])
    return sig.options.get("task_id")


def _without(sig: Signature, *names: str) -> Signature:
    if not any(name in sig.options for name in names):
        return sig
    options = {name: value for name, value in sig.options.items() if name not in names}
    return replace(sig, options=options)
