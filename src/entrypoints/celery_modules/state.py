"""`celery._state`: which app and which task are the current ones."""

from collections.abc import Callable
from typing import Any

from ...application.context import RUNNING, Context, running
from ..library.app import Celeriac
from ..library.current import (
    current_app,
    current_task,
    get_current,
    get_current_task,
    set_current,
    share,
)

__all__ = [
    "app_or_default",
    "connect_on_app_finalize",
    "current_app",
    "current_task",
    "get_current_app",
    "get_current_task",
    "get_current_worker_task",
    "set_default_app",
]

get_current_app = get_current
set_default_app = set_current


def app_or_default(app: Celeriac | None = None) -> Celeriac:
    """Return the app given, or the current one."""
    return app or get_current()


def get_current_worker_task() -> Any:
    """Return the task that a worker runs in this context, if one does."""
    return get_current().current_worker_task


def connect_on_app_finalize(callback: Callable[[Celeriac], Any]) -> Callable[[Celeriac], Any]:
    """Call this with every app, those made later included."""
    share(callback)
    return callback


class _TaskStack:
    """The tasks that run in this context, the innermost on top."""

    def push(self, task: Any) -> None:
        """Let a task count as the one that runs."""
        RUNNING.set((task, Context(), running()))

    def pop(self) -> Any:
        """Let the one around it count again; return what was on top, or None."""
        frame = running()
        if frame is None:
            return None
        RUNNING.set(frame[2])
        return frame[0]

    @property
    def top(self) -> Any:
        """The task that runs, or None."""
        return get_current_task()


_task_stack = _TaskStack()
