"""Messages on their way into the store: the queues they reach, and what PUT is given."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from os import urandom
from time import time_ns
from typing import Any, Final

from ...domain.messaging.message import Likeness, TaskMessage
from ...domain.tasks.builtin_names import OURS_ALONE
from .envelope import raw_of
from .layout import JOINS, step_of
from .routes import Bindings, route
from .times import milliseconds

#: In the place of a priority step: these are parked.
PARKED: Final = "P"

#: Bytes before those of a parked message: its step, and where it stands among those due with it.
_PLACE: Final = 23

_TAGS_AT_ONCE: Final = 128

#: What goes where, by queue and step.
Groups = Mapping[tuple[str, int | str], Sequence[Any]]


def groups_of(messages: Iterable[TaskMessage], bindings: Bindings, now_ms: int) -> list[Any]:
    """Return messages as PUT takes them: by queue and step, each in the order given.

    Raises QueueNotFound for one that leads nowhere, EncodeError for one that is no JSON.
    """
    return told(grouped(messages, bindings, now_ms))


def grouped(messages: Iterable[TaskMessage], bindings: Bindings, now_ms: int) -> Groups:
    """Return messages by queue and step, each in the order given. Raises as `groups_of` does."""
    groups: dict[tuple[str, int | str], list[Any]] = {}
    likeness: Likeness | None = None
    lists: list[list[Any]] = []
    tags = _tags()
    for message in messages:
        raw = raw_of(message, next(tags))
        if message.likeness is not None and message.likeness is likeness:
            for waiting in lists:  # where the last one went
                waiting.append(raw)
            continue
        ours = message.task in OURS_ALONE
        step = JOINS if ours else step_of(message.priority, bindings.priorities)
        due = None if message.eta is None else milliseconds(message.eta)
        likeness, lists = message.likeness, []
        for queue in route(message, bindings):
            if due is None or due <= now_ms:
                lists.append(groups.setdefault((queue, step), []))
                lists[-1].append(raw)
            else:
                # What is due at the same moment comes in the order in which it was published.
                place = f"{step}:{time_ns():020d}:".encode()
                groups.setdefault((queue, PARKED), []).append((due, place + raw))
    return groups


def _tags() -> Iterator[str]:
    """Yield delivery tags: as unique as kombu's UUIDs, at a fraction of their price."""
    yield urandom(16).hex()
    while True:
        block = urandom(16 * _TAGS_AT_ONCE).hex()
        for at in range(0, len(block), 32):
            yield block[at : at + 32]


def told(groups: Groups) -> list[Any]:
    """Return groups as PUT takes them."""
    out: list[Any] = [len(groups)]
    for (queue, kind), waiting in groups.items():
        out += (queue, kind, len(waiting))
        out += flat(waiting) if kind == PARKED else waiting
    return out


def parked_in(groups: Groups) -> list[str]:
    """Return the queues in which something is to be parked."""
    return [queue for queue, kind in groups if kind == PARKED]


def unparked(groups: Groups, queues: Collection[str]) -> Groups:
    """Return groups of which what was to be parked in these queues waits with the rest."""
    out: dict[tuple[str, int | str], list[Any]] = {}
    for (queue, kind), waiting in groups.items():
        if kind != PARKED or queue not in queues:
            out.setdefault((queue, kind), []).extend(waiting)
            continue
        for _, member in waiting:
            step: int | str = JOINS if member[:1] == JOINS.encode() else int(member[:1])
            out.setdefault((queue, step), []).append(member[_PLACE:])
    return out


def flat(parked: Sequence[Any]) -> list[Any]:
    """Return what is parked as ZADD takes it: when each is due, and its place and bytes."""
    return [part for pair in parked for part in pair]
