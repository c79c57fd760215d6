"""Results of tasks that ran here and now."""

from typing import Any, TypeVar

from ...domain.tasks import states
from .results import AsyncResult

R = TypeVar("R")


class EagerResult(AsyncResult[R]):
    """The result of a task that ran here and now."""

    def __init__(
        self,
        id: str,  # noqa: A002 - Celery's name
        ret_value: Any,
        state: str,
        traceback: str | None = None,
        name: str | None = None,
    ) -> None:
        """Hold what the run came to."""
        self.id, self.parent, self.task_name = id, None, name
        self._state, self._value, self._traceback = state, ret_value, traceback

    def _look(self) -> None:
        """Nothing is stored of it."""

    def _look_again(self) -> bool:
        return False

    @property
    def args(self) -> None:
        """Not kept."""

    @property
    def kwargs(self) -> None:
        """Not kept."""

    @property
    def state(self) -> str:
        """The state it ended in."""
        return self._state

    status = state

    @property
    def result(self) -> Any:
        """The value or the exception."""
        return self._value

    info = result

    @property
    def traceback(self) -> str | None:
        """The traceback of a failure."""
        return self._traceback

    @property
    def children(self) -> None:
        """Nothing is known of them."""

    def get(self, timeout: float | None = None, propagate: bool = True, *_: Any, **__: Any) -> R:
        """Return the value, or raise the exception; there is nothing to wait for."""
        if propagate and self._state in states.PROPAGATE_STATES:
            raise self._value if isinstance(self._value, BaseException) else Exception(self._value)
        value: R = self._value
        return value

    wait = get

    def then(self, callback: Any, on_error: Any = None, weak: bool = False) -> "EagerResult[R]":
        """Call it at once."""
        from .promises import then

        return then(self, [], callback, on_error)  # type: ignore[no-any-return]

    def exists(self) -> bool:
        """Tell that it is known."""
        return True

    async def _awaited(self) -> R:
        return self.get()

    def maybe_throw(self, propagate: bool = True, callback: Any = None) -> Any:
        """Raise the exception of a failed run."""
        return self.get(propagate=propagate)

    def forget(self) -> None:
        """There is nothing to forget."""

    def revoke(self, *args: Any, **kwargs: Any) -> None:
        """Say that it was revoked; it ran already."""
        self._state = states.REVOKED

    def __repr__(self) -> str:
        """Show the id."""
        return f"<EagerResult: {self.id}>"

    def __copy__(self) -> "EagerResult[R]":
        """Return another that holds the same."""
        return type(self)(self.id, self._value, self._state, self._traceback, self.task_name)

    def __reduce__(self) -> Any:
        """Pickle what it holds."""
        return EagerResult, (self.id, self._value, self._state, self._traceback, self.task_name)
