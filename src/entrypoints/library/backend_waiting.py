"""Waiting for results, asked of the backend instead of the results."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from ...domain.errors import TimeoutError  # noqa: A004 - the name Celery's users know

if TYPE_CHECKING:
    from .app import Celeriac

T = TypeVar("T")


class BackendWaiting:
    """Waits for one result or for many; nothing need be announced before."""

    app: "Celeriac"

    #: What is raised when it has been waited long enough.
    TimeoutError = TimeoutError
    #: Pauses between looks are the store's own affair.
    subpolling_interval: float | None = None

    def _as_known(self, task_id: str) -> dict[str, Any]:
        """Return what is known of a task that is ready."""
        raise NotImplementedError

    def wait_for(
        self,
        task_id: str,
        timeout: float | None = None,
        interval: float = 0.5,
        no_ack: bool = True,
        on_interval: Callable[[], Any] | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Wait until a task is ready, return what is known. Raises TimeoutError.

        `on_interval` is called about once a second; `interval` and `no_ack` are not looked at.
        """
        self.app.fetching.wait(task_id, timeout, on_interval or _nothing)
        return self._as_known(task_id)

    def wait_for_pending(
        self,
        result: Any,
        timeout: float | None = None,
        interval: float = 0.5,
        no_ack: bool = True,
        on_message: Callable[[Any], Any] | None = None,
        on_interval: Callable[[], Any] | None = None,
        callback: Callable[[str, Any], Any] | None = None,
        propagate: bool = True,
    ) -> Any:
        """Wait for a result and return its value; arguments are those of its `get`."""
        return result.get(
            timeout=timeout,
            propagate=propagate,
            callback=callback,
            on_message=on_message,
            on_interval=on_interval,
            disable_sync_subtasks=False,
        )

    def iter_native(
        self,
        result: Any,
        timeout: float | None = None,
        interval: float = 0.5,
        no_ack: bool = True,
        on_message: Callable[[Any], Any] | None = None,
        on_interval: Callable[[], Any] | None = None,
    ) -> Iterator[tuple[str, Any]]:
        """Yield (id, what is known) of a set's results as they become ready."""
        found: Iterator[tuple[str, Any]] = result.iter_native(
            timeout=timeout, on_message=on_message, on_interval=on_interval
        )
        return found

    def get_many(
        self,
        task_ids: Iterable[str],
        timeout: float | None = None,
        interval: float = 0.5,
        no_ack: bool = True,
        on_message: Callable[[Any], Any] | None = None,
        on_interval: Callable[[], Any] | None = None,
        max_iterations: int | None = None,
        **kwargs: Any,
    ) -> Iterator[tuple[str, Any]]:
        """Yield (id, what is known) of tasks as they become ready.

        Raises TimeoutError. With `max_iterations` those are yielded that are ready now.
        """
        results = self.app.ResultSet([self.app.AsyncResult(id_) for id_ in task_ids])
        if max_iterations is not None:
            results = self.app.ResultSet([one for one in results.results if one.ready()])
        return self.iter_native(results, timeout, on_message=on_message, on_interval=on_interval)

    @property
    def is_async(self) -> bool:
        """Whether somebody must take results in between: the store is asked, nobody must."""
        return False

    def add_pending_result(self, result: T, weak: bool = False) -> T:
        """Return the result: it can be waited for without having been told of."""
        return result

    def remove_pending_result(self, result: T) -> T:
        """Return the result: nothing is kept for those who might wait."""
        return result


def _nothing() -> None:
    """Call nobody."""
