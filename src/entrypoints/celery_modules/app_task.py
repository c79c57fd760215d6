"""`celery.app.task`."""

from typing import Any

from ...application.context import Context
from ..library.task import Task

__all__ = ["BaseTask", "Context", "Task", "get_actual_ignore_result"]

BaseTask = Task


def get_actual_ignore_result(task: Any, req: Any) -> bool | None:
    """Return whether a call's result is ignored: as the call says, else as its task does."""
    said = None if req is None else vars(req).get("ignore_result")
    return task.ignore_result if said is None else bool(said)
