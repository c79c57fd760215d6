"""Messages on their way into the store: the queues they reach, and what PUT is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from time import time_ns
from typing import Any, Final

from ...domain.messaging.message import TaskMessage
from ...domain.tasks.builtin_names import JOIN_CHORD
from .envelope import raw_of
from .layout import JOINS, step_of
from .routes import Bindings, route
from .times import milliseconds

#: In the place of a priority step: these are parked.
PARKED: Final = "P"

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
    for message in messages:
        step = (
            JOINS if message.task == JOIN_CHORD else step_of(message.priority, bindings.priorities)
        )
        due = None if message.eta is None else milliseconds(message.eta)
        for queue in route(message, bindings):
            raw = raw_of(message)
            if due is None or due <= now_ms:
                groups.setdefault((queue, step), []).append(raw)
            else:
                # What is due at the same moment comes in the order in which it was published.
                place = f"{step}:{time_ns():020d}:".encode()
                groups.setdefault((queue, PARKED), []).append((due, place + raw))
    return groups


def told(groups: Groups) -> list[Any]:
    """Return groups as PUT takes them."""
    out: list[Any] = [len(groups)]
    for (queue, kind), waiting in groups.items():
        out += (queue, kind, len(waiting))
        out += [part for pair in waiting for part in pair] if kind == PARKED else waiting
    return out
