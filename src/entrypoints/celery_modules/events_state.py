"""`celery.events.state`."""

import platform
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, TypeVar

from ...domain.cluster import seen_workers
from ...domain.cluster.picture import R_STATE
from ...domain.cluster.seen_tasks import R_TASK, Task
from ...domain.cluster.seen_tasks import STATE_OF as TASK_EVENT_TO_STATE
from ...domain.cluster.seen_workers import HEARTBEAT_EXPIRE_WINDOW, R_WORKER
from ..library.events import State
from ..library.seen_workers import DRIFT_WARNING, HEARTBEAT_DRIFT_MAX, Worker

__all__ = [
    "DRIFT_WARNING",
    "HEARTBEAT_DRIFT_MAX",
    "HEARTBEAT_EXPIRE_WINDOW",
    "PYPY",
    "R_STATE",
    "R_TASK",
    "R_WORKER",
    "TASK_EVENT_TO_STATE",
    "CallableDefaultdict",
    "State",
    "Task",
    "Worker",
    "heartbeat_expires",
    "with_unique_field",
]

#: Whether this is PyPy.
PYPY: Final = platform.python_implementation() == "PyPy"

T = TypeVar("T", bound=type)


class CallableDefaultdict(defaultdict[Any, Any]):
    """A mapping that may be called: `fun` answers, as `tasks_by_type(name)` does beside `[name]`.

    More arguments are those of `defaultdict`.
    """

    def __init__(self, fun: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fun = fun

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self.fun(*args, **kwargs)


def heartbeat_expires(
    timestamp: float | Decimal,
    freq: float | Decimal = 60,
    expire_window: float | Decimal = HEARTBEAT_EXPIRE_WINDOW,
    **helpers: Any,
) -> float:
    """Return when a heartbeat is overdue, of numbers as databases may keep them, decimals too.

    More keywords are accepted for Celery's sake: they are its names for builtins.
    """
    seconds = [float(number) for number in (timestamp, freq, expire_window)]
    return seen_workers.heartbeat_expires(*seconds)


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
