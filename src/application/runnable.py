"""What the runner needs of a task, and what a task's handlers get."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ..domain.tasks.options import TaskOptions


class RunnableTask(Protocol):
    """What the runner needs of a task: Celery's task interface."""

    @property
    def resolved(self) -> TaskOptions:
        """Its options with settings filled in."""
        ...

    def enter(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run the body, a coroutine to its end."""
        ...

    @property
    def is_coroutine(self) -> bool:
        """Whether the body is an `async def`."""
        ...

    async def enter_async(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run the body on the running loop."""
        ...

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the body as a function."""
        ...

    def retry_of(self, exc: BaseException) -> BaseException | None:
        """Return what to raise instead of an exception that the task retries by itself."""
        ...

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        """Handler, called before the body."""
        ...

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
        """Handler of a returned value."""
        ...

    def on_failure(
        self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: Any
    ) -> None:
        """Handler of a failure."""
        ...

    def on_retry(
        self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: Any
    ) -> None:
        """Handler of a retry."""
        ...

    def after_return(
        self, status: str, retval: Any, task_id: str, args: Any, kwargs: Any, einfo: Any
    ) -> None:
        """Handler called last."""
        ...

    def accepts(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str | None:
        """Return why the body cannot be called with these arguments; None: it can."""
        ...

    @property
    def takes_error(self) -> bool:
        """Whether as an errback it is called with (request, exception, traceback)."""
        ...


class ErrorInfo:
    """An exception and its traceback's text, as handlers get it."""

    def __init__(self, exception: BaseException, traceback: str) -> None:
        """Hold both."""
        self.exception, self.traceback = exception, traceback
        self.type = type(exception)

    def __str__(self) -> str:
        """Return the traceback's text."""
        return self.traceback

    __repr__ = __str__
