"""`celery._state`: which app and which task are the current ones."""

import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

from ...application.context import RUNNING, Context, running
from ..library.app import Celeriac
from ..library.current import (
    any_current,
    current_app,
    current_task,
    get_current,
    get_current_task,
    set_current,
    share,
)
from ..library.joining import task_join_will_block

__all__ = [
    "app_or_default",
    "connect_on_app_finalize",
    "current_app",
    "current_task",
    "disable_trace",
    "enable_trace",
    "get_current_app",
    "get_current_task",
    "get_current_worker_task",
    "set_default_app",
    "task_join_will_block",
]

get_current_app = get_current
set_default_app = set_current


#: Whether it is shown where an app is looked for that nobody has handed over.
_tracing = bool(os.environ.get("CELERY_TRACE_APP"))


def enable_trace() -> None:
    """Show on standard error where `app_or_default` is asked without an app, and by whom."""
    global _tracing
    _tracing = True


def disable_trace() -> None:
    """Undo `enable_trace`."""
    global _tracing
    _tracing = False


def app_or_default(app: Celeriac | None = None) -> Celeriac:
    """Return the app given, or the current one.

    Raises RuntimeError if that is traced and there is no current one: one would be made.
    """
    if app is None and _tracing:
        if not any_current():
            raise RuntimeError(
                "no app was handed over and none is current: make the app first, or pass app=…"
            )
        sys.stderr.write("-- returning to the current app, asked for here:\n")
        traceback.print_stack(sys._getframe(1))
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
