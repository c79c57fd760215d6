"""Raising something in a coroutine from outside, where it waits.

`asyncio` can only cancel. But whoever writes a task expects SoftTimeLimitExceeded, whether the
task is a function or a coroutine, and in whichever pool it runs.
"""

from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Interruptible(Generic[T]):
    """Awaits a coroutine. What `interrupt` was told is raised in it instead of a cancellation."""

    __slots__ = ("_coroutine", "_error")

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        """Await this."""
        self._coroutine = coroutine
        self._error: BaseException | None = None

    def interrupt(self, error: BaseException) -> None:
        """Turn the next cancellation into this error; the caller then cancels the task."""
        self._error = error

    def __await__(self) -> Generator[Any, Any, T]:
        """Go on with the coroutine, step by step."""
        coroutine = self._coroutine
        step: Callable[[Any], Any] = coroutine.send
        given: Any = None
        while True:
            try:
                awaited = step(given)
            except StopIteration as end:
                value: T = end.value
                return value
            try:
                given = yield awaited
                step = coroutine.send
            except BaseException as raised:
                step, given = coroutine.throw, self._instead_of(raised)

    def _instead_of(self, raised: BaseException) -> BaseException:
        import asyncio  # here somebody has it already; a child whose tasks never wait goes without

        error, self._error = self._error, None
        task = asyncio.current_task()
        if error is None or task is None or not isinstance(raised, asyncio.CancelledError):
            return raised
        if not isinstance(error, asyncio.CancelledError):
            task.uncancel()
        return error
