"""What the runner needs of a task, and what a task's handlers get."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ..domain.tasks.options import TaskOptions

if TYPE_CHECKING:
    from ..domain.tasks.outcomes import Outcome
    from ..domain.work.job import Report
    from .context import Context

#: What a run came to: what is told of it, and the outcome that led to that.
Ended = tuple["Report", "Outcome"]


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


class Surround(Protocol):
    """What others have laid around every run: tracers of Sentry's and their like.

    Each method calls `whole` once, and returns what it told. Only what fails before that may raise.
    """

    def run(self, task: Any, context: "Context", whole: "Callable[[], Ended]") -> "Report":
        """Run a task, a coroutine to its end."""
        ...

    async def run_async(
        self, task: Any, context: "Context", whole: "Callable[[], Ended]"
    ) -> "Report":
        """Run a task on the running loop."""
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
