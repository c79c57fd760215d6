"""`celery.app.task`."""

from ...application.context import Context
from ..library.task import Task

__all__ = ["BaseTask", "Context", "Task"]

BaseTask = Task
