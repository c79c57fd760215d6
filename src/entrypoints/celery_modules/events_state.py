"""`celery.events.state`."""

from collections.abc import Callable
from typing import TypeVar

from ...domain.cluster.seen_tasks import STATE_OF as TASK_EVENT_TO_STATE
from ...domain.cluster.seen_tasks import Task
from ...domain.cluster.seen_workers import HEARTBEAT_EXPIRE_WINDOW, Worker, heartbeat_expires
from ..library.events import State

__all__ = [
    "HEARTBEAT_EXPIRE_WINDOW",
    "TASK_EVENT_TO_STATE",
    "State",
    "Task",
    "Worker",
    "heartbeat_expires",
    "with_unique_field",
]

T = TypeVar("T", bound=type)


def with_unique_field(attr: str) -> Callable[[T], T]:
    """Return a decorator of classes whose objects are equal when this attribute is."""

    def decorate(cls: T) -> T:
        def __eq__(self: object, other: object) -> bool:
            if not isinstance(other, type(self)):
                return NotImplemented
            return bool(getattr(self, attr) == getattr(other, attr))

        def __hash__(self: object) -> int:
            return hash(getattr(self, attr))

        cls.__eq__ = __eq__  # type: ignore[method-assign,assignment]
        cls.__hash__ = __hash__  # type: ignore[method-assign,assignment]
        return cls

    return decorate
