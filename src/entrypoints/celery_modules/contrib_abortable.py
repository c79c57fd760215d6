"""`celery.contrib.abortable`: tasks that look whether they should end."""

from typing import Any

from ...domain.errors import NotSupported
from ..library.results import AsyncResult
from ..library.task import Task

__all__ = ["ABORTED", "AbortableAsyncResult", "AbortableTask"]

#: The state of a task that was asked to end.
ABORTED = "ABORTED"


class AbortableAsyncResult(AsyncResult[Any]):
    """A result whose task can be asked to end."""

    def is_aborted(self) -> bool:
        """Tell whether the task was asked to end."""
        return self.state == ABORTED

    def abort(self) -> Any:
        """Ask the task to end; it must look (`self.is_aborted()`) to know.

        Raises NotSupported if nothing is kept of tasks.
        """
        if self.app.results.url == "disabled://":
            raise NotSupported("aborting a task needs a result backend: set result_backend")
        return self.app.backend.store_result(self.id, None, ABORTED)


class AbortableTask(Task[..., Any]):
    """A task that can ask whether it should end."""

    abstract = True

    def AsyncResult(self, task_id: str, **kwargs: Any) -> AbortableAsyncResult:
        """Return the result of a call of this task."""
        return AbortableAsyncResult(task_id, task_name=self.name, app=self.app, **kwargs)

    def is_aborted(self, **kwargs: Any) -> bool:
        """Tell whether this run, or the task of `task_id`, was asked to end."""
        task_id: str | None = kwargs.get("task_id", self.request.id)
        return task_id is not None and self.AsyncResult(task_id).is_aborted()
