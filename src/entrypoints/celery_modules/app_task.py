"""`celery.app.task`."""

from typing import Any, Final

from ...application.context import Context
from ..library.task import Task

__all__ = ["X_DEATH_HEADERS", "BaseTask", "Context", "Task", "get_actual_ignore_result"]

#: What RabbitMQ writes into a message that it has moved because it was rejected or expired.
X_DEATH_HEADERS: Final = frozenset(
    {
        "x-death",
        "x-first-death-exchange",
        "x-first-death-queue",
        "x-first-death-reason",
        "x-last-death-exchange",
        "x-last-death-queue",
        "x-last-death-reason",
    }
)

BaseTask = Task


def get_actual_ignore_result(task: Any, req: Any) -> bool | None:
    """Return whether a call's result is ignored: as the call says, else as its task does."""
    said = None if req is None else vars(req).get("ignore_result")
    return task.ignore_result if said is None else bool(said)
