"""How what belongs to a work-flow as a whole is laid on its parts.

Arguments go to what runs first; the place in an outer group or chord, and the id that the result
is asked by, to what comes last (`with_place`); other options to whatever their kind says.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from ..tasks.options import merged
from .kinds import Kind, body_of, header_of, kind_of, parts_of
from .signature import Signature

#: Options that say what the end of a work-flow is part of.
PLACE: Final = ("task_id", "group_id", "group_index", "chord")

#: Options that no work-flow around may change: the group that counts a task, and its stamps.
_KEPT: Final = frozenset({"group_id", "stamped_headers"})


def with_partial(sig: Signature, args: Iterable[Any], kwargs: Mapping[str, Any]) -> Signature:
    """Return the signature with arguments in front, or itself when it is immutable."""
    if sig.immutable:
        return sig
    made = sig.applied(tuple(args))
    if not kwargs:
        return made
    if kind_of(made) is Kind.CHORD:  # its own are its parts
        kwargs = {"kwargs": {**(made.kwargs.get("kwargs") or {}), **kwargs}}
    return replace(made, kwargs={**made.kwargs, **kwargs})


def overlaid(sig: Signature, options: Mapping[str, Any]) -> Signature:
    """Return the signature with further options, which win, save over its group and its stamps."""
    return _changed(sig, over(sig.options, options)) if options else sig


def over(own: Mapping[str, Any], further: Mapping[str, Any]) -> dict[str, Any]:
    """Return options with further ones, which win, save over the group and the stamps there."""
    if not further:
        return dict(own)
    kept = _KEPT.union(own.get("stamped_headers") or ())
    return merged(own, {k: further[k] for k in further if k not in kept or k not in own})


def with_links(sig: Signature, option: str, further: Any) -> Signature:
    """Return the signature with further callbacks or errbacks; none is there twice."""
    linked = listed(sig.options.get(option))
    linked += [one for one in listed(further) if one not in linked]
    return _changed(sig, {**sig.options, option: linked})


def called_back(sig: Signature, callbacks: Any) -> Signature:
    """Return the signature with callbacks after it as a whole, as Celery links them.

    For a group that is after its first member, and without its result; for a chord after its body.
    """
    match kind_of(sig):
        case Kind.GROUP if tasks := sig.kwargs.get("tasks"):
            fixed = [{**_stored(one), "immutable": True} for one in listed(callbacks)]
            first = called_back(Signature.from_dict(tasks[0]), fixed)
            return _with_tasks(sig, [first.to_dict(), *tasks[1:]])
        case Kind.CHORD:
            return _with_body(sig, called_back(body_of(sig), callbacks))
        case _:
            return with_links(sig, "link", callbacks)


def called_back_on_error(sig: Signature, errbacks: Any) -> Signature:
    """Return the signature with errbacks for all of it; for a chord that is its body."""
    match kind_of(sig):
        case Kind.GROUP:
            tasks = [called_back_on_error(part, errbacks).to_dict() for part in parts_of(sig)]
            return _with_tasks(sig, tasks)
        case Kind.CHORD:
            return _with_body(sig, called_back_on_error(body_of(sig), errbacks))
        case _:
            return with_links(sig, "link_error", errbacks)


def errbacks_everywhere(sig: Signature, further: Any = ()) -> Signature:
    """Return the signature with errbacks on every call they are meant for, headers included.

    This is what `task_allow_error_cb_on_chord_header` asks for. In a header they are immutable.
    """
    kind = kind_of(sig)
    if kind is Kind.CALL:
        return with_links(sig, "link_error", further) if further else sig
    own = [*listed(sig.options.get("link_error")), *listed(further)]
    options = {name: value for name, value in sig.options.items() if name != "link_error"}
    bare = replace(sig, options=options)
    if kind is not Kind.CHORD:
        return _with_tasks(bare, [errbacks_everywhere(p, own).to_dict() for p in parts_of(sig)])
    fixed = [{**_stored(one), "immutable": True} for one in own]
    header = errbacks_everywhere(header_of(sig), fixed).to_dict()
    whole = replace(bare, kwargs={**bare.kwargs, "header": header})
    return _with_body(whole, errbacks_everywhere(body_of(sig), own))


def with_place(sig: Signature, place: Mapping[str, Any], *, force: bool = False) -> Signature:
    """Return the signature as part of an outer group or chord: its last calls are.

    `place` has some of `task_id`, `group_id`, `group_index` and `chord`. What is there already
    stays, or with `force` gives way, save for ids.
    """
    if not place:
        return sig
    match kind_of(sig):
        case Kind.CHAIN:
            return _chain_with_place(sig, place, force)
        case Kind.GROUP:
            return _group_with_place(sig, place, force)
        case Kind.CHORD:
            return _with_body(sig, with_place(body_of(sig), place, force=force))
        case _:
            return _put(sig, place, force)


def _chain_with_place(sig: Signature, place: Mapping[str, Any], force: bool) -> Signature:
    tasks: list[Any] = list(sig.kwargs.get("tasks") or ())
    for number in range(len(tasks) - 1, -1, -1):
        last = Signature.from_dict(tasks[number])
        if finals(last):
            tasks[number] = _last_with_place(last, place, force).to_dict()
            break
    return _with_tasks(sig, tasks)


def _last_with_place(sig: Signature, place: Mapping[str, Any], force: bool) -> Signature:
    if kind_of(sig) is Kind.GROUP and len(parts := parts_of(sig)) == 1:
        # In a chain it is its member.
        return _with_tasks(sig, [_last_with_place(parts[0], place, force).to_dict()])
    return with_place(sig, place, force=force)


def _group_with_place(sig: Signature, place: Mapping[str, Any], force: bool) -> Signature:
    own: dict[str, Any] = {"task_id": place["task_id"]} if "task_id" in place else {}
    if "chord" not in place:
        return _put(sig, own, force)
    # The chord is kept once, in the group: a copy for each member, nested, would be as many as
    # there are members to the power of the depth.
    whole = _put(sig, {**own, "chord": place["chord"]}, force)
    if "group_id" not in place:
        return whole
    start = place.get("group_index") or 0
    tasks: list[dict[str, Any]] = []
    for part in parts_of(sig):
        at: dict[str, Any] = {"group_id": place["group_id"], "group_index": start}
        if kind_of(part) is Kind.GROUP:  # it will be flattened: its members are this one's
            at["chord"] = place["chord"]
        tasks.append(with_place(part, at, force=force).to_dict())
        start += finals(part)
    return _with_tasks(whole, tasks)


def _put(sig: Signature, place: Mapping[str, Any], force: bool) -> Signature:
    own = sig.options
    put = {
        name: value
        for name, value in place.items()
        if (force and name != "task_id") or own.get(name) is None
    }
    return _changed(sig, {**own, **put}) if put else sig


def finals(sig: Signature) -> int:
    """Count the calls a signature ends with: what an outer chord waits for, as Celery counts it."""
    match kind_of(sig):
        case Kind.CHAIN:
            return next((n for part in reversed(parts_of(sig)) if (n := finals(part))), 0)
        case Kind.GROUP:
            return sum(finals(part) for part in parts_of(sig))
        case Kind.CHORD:
            return finals(body_of(sig))
        case _:
            return 1


def listed(links: Any) -> list[Any]:
    """Return callbacks as a list, of which one alone is none."""
    if links is None:
        return []
    return list(links) if isinstance(links, list | tuple) else [links]


def _changed(sig: Signature, options: Mapping[str, Any]) -> Signature:
    # As replace(), which takes six times as long; groups have many members.
    return Signature(sig.task, sig.args, sig.kwargs, options, sig.subtask_type, sig.immutable)


def _stored(sig: Any) -> dict[str, Any]:
    return Signature.from_dict(sig).to_dict()


def _with_tasks(sig: Signature, tasks: list[Any]) -> Signature:
    return replace(sig, kwargs={**sig.kwargs, "tasks": tasks})


def _with_body(sig: Signature, body: Signature) -> Signature:
    return replace(sig, kwargs={**sig.kwargs, "body": body.to_dict()})
