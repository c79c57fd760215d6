"""Chains and groups as data: what they are made of, and the ids they are given beforehand.

A chain and a group are signatures of names that no task has; their parts are in `kwargs["tasks"]`.
Nested chains are one chain, nested groups one group, a group of one within a chain is its member.
Ids that are there stay: freezing twice is freezing once.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from enum import Enum
from typing import Any, Final

from ..errors import NotSupported
from ..tasks.options import merged
from .signature import Signature

CHAIN: Final = "celery.chain"
GROUP: Final = "celery.group"
CHORD: Final = "celery.chord"
MAP: Final = "celery.map"
STARMAP: Final = "celery.starmap"
CHUNKS: Final = "celery.chunks"

#: Options of a chain that are its last link's; its callbacks are too. All others are the first's.
_LAST: Final = ("task_id", "group_id", "group_index", "chord")


class Kind(Enum):
    """What a signature is: a call, or a work-flow of calls."""

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


def no_chords(what: str) -> NotSupported:
    """Return the error for what would be a chord."""
    return NotSupported(
        f"{what} is a chord, and chords are not there yet: end the chain with the group, and let "
        "whoever waits for the group's result send what follows"
    )


def parts_of(sig: Signature) -> list[Signature]:
    """Return what a chain or group was made of. Raises ValueError."""
    tasks = sig.kwargs.get("tasks")
    if not isinstance(tasks, list | tuple):
        raise ValueError(f"the 'tasks' of {sig.task} are {tasks!r}: expected a list of signatures")
    return [Signature.from_dict(task) for task in tasks]


def links_of(sig: Signature) -> list[Signature]:
    """Return the links of a chain, flat; of anything else, itself.

    Arguments of the chain are in front of the first link's, its errbacks are every link's, its
    callbacks the last one's. Raises NotSupported for a group that is followed by something.
    """
    links = _unrolled(sig)
    check_links(link.task for link in links)
    return links


def check_links(tasks: Iterable[str]) -> None:
    """Raise NotSupported if among the tasks of a chain's links a group is followed by something."""
    before = ""
    for task in tasks:
        if task == CHORD:
            raise no_chords(CHORD)
        if before == GROUP:
            raise no_chords(f"a group followed by {task}")
        before = task


def _unrolled(sig: Signature) -> list[Signature]:
    match kind_of(sig):
        case Kind.CHAIN:
            return _laid_on([link for part in parts_of(sig) for link in _unrolled(part)], sig)
        case Kind.GROUP if len(members := members_of(sig)) == 1:
            return _unrolled(members[0])
        case _:
            return [sig]


def _laid_on(links: list[Signature], chain: Signature) -> list[Signature]:
    """Give links what belongs to their chain as a whole."""
    if not links:
        return links
    options = dict(chain.options)
    callbacks, errbacks = options.pop("link", None), options.pop("link_error", None)
    last: dict[str, Any] = {name: options.pop(name) for name in _LAST if name in options}
    links[0] = _with(with_partial(links[0], chain.args, _partial_kwargs(chain)), options)
    if errbacks:
        links = [with_links(link, "link_error", errbacks) for link in links]
    if callbacks:
        if kind_of(links[-1]) is Kind.GROUP:
            raise no_chords("a callback after a group")
        links[-1] = with_links(links[-1], "link", callbacks)
    links[-1] = _with(links[-1], last)
    return links


def members_of(sig: Signature) -> list[Signature]:
    """Return the members of a group, flat, with its arguments and options applied to each."""
    options = dict(sig.options)
    errbacks = options.pop("link_error", None)
    if options.pop("link", None):
        raise no_chords("a callback after a group")
    options.pop("task_id", None)
    kwargs = _partial_kwargs(sig)
    out: list[Signature] = []
    for part in parts_of(sig):
        flat = members_of(part) if kind_of(part) is Kind.GROUP else [part]
        for member in flat:
            made = _with(with_partial(member, sig.args, kwargs), options)
            out.append(with_links(made, "link_error", errbacks) if errbacks else made)
    return out


def with_partial(sig: Signature, args: Iterable[Any], kwargs: Mapping[str, Any]) -> Signature:
    """Return the signature with arguments in front, or itself when it is immutable."""
    if sig.immutable:
        return sig
    made = sig.applied(tuple(args))
    return replace(made, kwargs={**made.kwargs, **kwargs}) if kwargs else made


def with_links(sig: Signature, option: str, further: Any) -> Signature:
    """Return the signature with further callbacks or errbacks; none is there twice."""
    linked = _listed(sig.options.get(option))
    linked += [one for one in _listed(further) if one not in linked]
    return replace(sig, options={**sig.options, option: linked})


def frozen(
    sig: Signature,
    new_id: Callable[[], str],
    *,
    root_id: str | None = None,
    parent_id: str | None = None,
    **place: Any,
) -> Signature:
    """Return the signature with an id for each call in it, deterministic for the ids given.

    `place` is what the last link of a chain has: `task_id`, `group_id`, `group_index`.
    """
    lineage = {"root_id": root_id, "parent_id": parent_id}
    known = {name: value for name, value in {**lineage, **place}.items() if value is not None}
    match kind_of(sig):
        case Kind.CHAIN:
            return _frozen_chain(sig, new_id, known)
        case Kind.GROUP:
            return _frozen_group(sig, new_id, known)
        case Kind.CHORD:
            raise no_chords(CHORD)
        case _:
            id_ = sig.options.get("task_id") or known.get("task_id") or new_id()
            return _with(sig, {**known, "task_id": id_})


def _frozen_chain(sig: Signature, new_id: Callable[[], str], known: Mapping[str, Any]) -> Signature:
    links = links_of(sig)
    parent, root = known.get("parent_id"), known.get("root_id")
    place = {name: value for name, value in known.items() if name in _LAST}
    made: list[dict[str, Any]] = []
    for number, link in enumerate(links, start=1):
        own = place if number == len(links) else {}
        one = frozen(link, new_id, root_id=root, parent_id=parent, **own)
        parent = one.options.get("task_id")
        made.append(one.to_dict())
    return replace(sig, args=(), kwargs={"tasks": made}, options={})


def _frozen_group(sig: Signature, new_id: Callable[[], str], known: Mapping[str, Any]) -> Signature:
    group_id = sig.options.get("task_id") or known.get("task_id") or new_id()
    lineage = {name: known[name] for name in ("root_id", "parent_id") if name in known}
    made = [
        frozen(member, new_id, **lineage, group_id=group_id, group_index=index).to_dict()
        for index, member in enumerate(members_of(sig))
    ]
    return replace(sig, args=(), kwargs={"tasks": made}, options={"task_id": group_id})


def _partial_kwargs(sig: Signature) -> dict[str, Any]:
    return {name: value for name, value in sig.kwargs.items() if name != "tasks"}


def _with(sig: Signature, options: Mapping[str, Any]) -> Signature:
    return replace(sig, options=merged(sig.options, options)) if options else sig


def _listed(links: Any) -> list[Any]:
    if links is None:
        return []
    return list(links) if isinstance(links, list | tuple) else [links]
