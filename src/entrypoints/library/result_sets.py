"""Several results waited for together.

Waiting for many costs one look at the store for all that are not ready, not one for each.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from ...application.fetch_results import WATCHED_AT_ONCE, Found
from .eager_results import EagerResult
from .joining import assert_will_not_block
from .known_results import ResultBase
from .results import AsyncResult, raise_for_parents

if TYPE_CHECKING:
    from .app import Celeriac


class ResultSet(ResultBase):
    """Several results, in an order."""

    def __init__(self, results: Iterable[Any], app: "Celeriac | None" = None, **_: Any) -> None:
        """Hold these."""
        self.results: list[Any] = list(results)
        self._app = app

    @property
    def app(self) -> "Celeriac":
        """The app they are of."""
        from .current import get_current

        apps = (getattr(one, "app", None) for one in self.results)
        return self._app or next((app for app in apps if app), None) or get_current()

    #: Whether many results are waited for as cheaply as one.
    supports_native_join = True

    @property
    def backend(self) -> Any:
        """The result backend by Celery's methods."""
        return self.app.backend

    # -- looking

    def ready(self) -> bool:
        """Tell whether all have come to their end."""
        self._look()
        return all(one.ready() for one in self._leaves())

    def successful(self) -> bool:
        """Tell whether all returned."""
        self._look()
        return all(one.successful() for one in self._leaves())

    def failed(self) -> bool:
        """Tell whether one failed."""
        self._look()
        return any(one.failed() for one in self._leaves())

    def waiting(self) -> bool:
        """Tell whether one is not ready."""
        return not self.ready()

    def completed_count(self) -> int:
        """Count those that returned."""
        self._look()
        return sum(one.successful() for one in self._leaves())

    def maybe_throw(self, callback: Any = None, propagate: bool = True) -> None:
        """Raise the exception of the first that failed."""
        self._look()
        for one in self._leaves():
            one.maybe_throw(callback=callback, propagate=propagate)

    maybe_reraise = maybe_throw

    def _leaves(self) -> Iterator[AsyncResult[Any]]:
        for one in self.results:
            if isinstance(one, ResultSet):
                yield from one._leaves()
            else:
                yield one

    def _pending(self) -> dict[str, list[AsyncResult[Any]]]:
        """Return by their ids those of which no end is known."""
        pending: dict[str, list[AsyncResult[Any]]] = {}
        for one in self._leaves():
            if not isinstance(one, EagerResult) and one._found is None:
                pending.setdefault(one.id, []).append(one)
        return pending

    def _look(self) -> None:
        """Learn in one look what became of all."""
        pending = self._pending()
        for found in self.app.fetching.fetch_many(list(pending)) if pending else ():
            if found is not None and found.record.ready:
                _learn(pending, found)

    # -- waiting

    def get(
        self,
        timeout: float | None = None,
        propagate: bool = True,
        interval: float = 0.5,
        callback: "Callable[[str, Any], Any] | None" = None,
        no_ack: bool = True,
        on_message: "Callable[[Mapping[str, Any]], Any] | None" = None,
        disable_sync_subtasks: bool = True,
        on_interval: "Callable[[], Any] | None" = None,
    ) -> list[Any]:
        """Wait for all and return their values in order; a failure is raised as soon as known.

        Args:
            timeout: Seconds to wait at most, for all together; None: without end.
            propagate: False returns exceptions in place of values.
            interval: Accepted for Celery's sake: nothing is polled at that pace.
            callback: Called with (id, value) of each, in order; then nothing is returned.
            no_ack: Accepted for Celery's sake.
            on_message: Called with each stored record as a mapping.
            disable_sync_subtasks: False allows it within a task, as allow_join_result does.
            on_interval: Called about once a second while waiting.

        Raises:
            TimeoutError: They were not all ready in time.
            RuntimeError: It was called within a task.
        """
        if disable_sync_subtasks:
            assert_will_not_block()
        for _ in self._as_they_end(timeout, propagate, on_interval):
            pass
        values: list[Any] = []
        for one in self.results:
            known: dict[str, Any] = (
                {} if isinstance(one, EagerResult) else {"on_message": on_message}
            )
            value = one.get(
                propagate=propagate, disable_sync_subtasks=disable_sync_subtasks, **known
            )
            if callback is None:
                values.append(value)
            else:
                callback(one.id, value)
        return values

    join = get
    join_native = get

    def iter_native(
        self,
        timeout: float | None = None,
        interval: float = 0.5,
        no_ack: bool = True,
        on_message: "Callable[[Mapping[str, Any]], Any] | None" = None,
        on_interval: "Callable[[], Any] | None" = None,
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (id, record as a mapping) of each as it becomes ready; arguments as in `get`."""
        for id_, known in self._as_they_end(timeout, False, on_interval):
            if on_message is not None:
                on_message(known)
            yield id_, known

    def then(
        self,
        callback: "Callable[[ResultSet], Any]",
        on_error: "Callable[[BaseException], Any] | None" = None,
        weak: bool = False,
    ) -> "ResultSet":
        """Have something called with this once all are ready, from a thread of the app.

        Returns itself.
        """
        from .promises import then

        self._look()
        return then(self, list(self._pending()), callback, on_error)  # type: ignore[no-any-return]

    def track(
        self,
        timeout: float | None = None,
        description: str = "tasks",
        bar: str | None = None,
    ) -> list[Any]:
        """Wait for all behind a progress bar, and return their values as `get` does.

        Args:
            timeout: Seconds to wait at most, for all together; None: without end.
            description: What stands before the bar.
            bar: `tqdm`, `rich` or `plain`; None: the first of them that is installed.

        Raises:
            TimeoutError: They were not all ready in time.
            ImproperlyConfigured: The bar asked for is not installed.
        """
        from .tracking import tracked

        return tracked(self, timeout, description, bar)

    @property
    def dead(self) -> list[AsyncResult[Any]]:
        """Those that ended without success: failed or revoked."""
        self._look()
        return [one for one in self._leaves() if one.ready() and not one.successful()]

    @property
    def result(self) -> BaseException | None:
        """The exception of the first that failed; None: none has."""
        return next((one.result for one in self._leaves() if one.failed()), None)

    def _as_they_end(
        self,
        timeout: float | None,
        propagate: bool,
        on_interval: "Callable[[], Any] | None",
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        pending = self._pending()
        for one in self._leaves():
            if one.id not in pending:
                if propagate:
                    one.maybe_throw()
                yield one.id, one.known()

        def look() -> None:
            if propagate:
                raise_for_parents(one for members in pending.values() for one in members)
            if on_interval is not None:
                on_interval()

        if propagate:
            raise_for_parents(one for members in pending.values() for one in members)
        if not pending:
            return  # those that ran here and now need no store
        for found in self.app.fetching.each(list(pending), timeout, look):
            one = _learn(pending, found)
            if propagate:
                one.maybe_throw()
            yield one.id, one.known()

    def __await__(self) -> Generator[Any, None, list[Any]]:
        """Wait without blocking the event loop: `values = await results`."""
        return self._awaited().__await__()

    async def _awaited(self) -> list[Any]:
        import asyncio  # a client that never awaits does not pay for it

        loop, fetching = asyncio.get_running_loop(), self.app.fetching
        while pending := self._pending():
            # Short looks, so that a cancelled await gives its thread back soon.
            some = list(islice(pending, WATCHED_AT_ONCE))
            ready = await loop.run_in_executor(None, fetching.ready, some, 0.5)
            for found in ready:
                _learn(pending, found).maybe_throw()
            if not ready:
                waiting = [one for members in pending.values() for one in members]
                await loop.run_in_executor(None, raise_for_parents, waiting)
        return [one.get() for one in self.results]

    # -- acting

    def revoke(
        self,
        connection: Any = None,
        terminate: bool = False,
        signal: str | None = None,
        wait: bool = False,
        timeout: float | None = None,
    ) -> None:
        """Keep them from being run; with `terminate` also end those that run."""
        ids = [one.id for one in self._leaves()]
        if ids:
            self.app.control.revoke(ids, terminate=terminate, signal=signal)
        if wait:
            self.get(timeout=timeout, propagate=False)

    def forget(self) -> None:
        """Delete what is kept of them, and of their parents."""
        ids: dict[str, None] = {}
        for one in self._leaves():
            if not isinstance(one, EagerResult):
                one._found = None
                ids.update(dict.fromkeys(one.as_list()))
        if ids:
            self.app.results.forget(list(ids))

    # -- the set

    def add(self, result: Any) -> None:
        """Add one, unless it is there."""
        if result not in self.results:
            self.results.append(result)

    def remove(self, result: Any) -> None:
        """Take one out, given or by its id. Raises KeyError."""
        try:
            self.results.remove(result)
        except ValueError:
            raise KeyError(result) from None

    def discard(self, result: Any) -> None:
        """Take one out if it is there."""
        if result in self.results:
            self.results.remove(result)

    def update(self, results: Iterable[Any]) -> None:
        """Add those that are not there."""
        known = set(self.results)
        self.results.extend(one for one in results if one not in known)

    def clear(self) -> None:
        """Take all out."""
        self.results.clear()

    def __iter__(self) -> Iterator[Any]:
        """Go through the results."""
        return iter(self.results)

    def __len__(self) -> int:
        """Count the results."""
        return len(self.results)

    def __getitem__(self, index: int) -> Any:
        """Return the result at a place."""
        return self.results[index]

    def __eq__(self, other: object) -> bool:
        """Sets are equal when their results are."""
        if isinstance(other, ResultSet):
            return self.results == other.results
        return NotImplemented

    def __hash__(self) -> int:
        """Hash the object: its results may change."""
        return id(self)

    def __repr__(self) -> str:
        """Show the ids."""
        return f"<{type(self).__name__}: [{', '.join(str(one) for one in self.results)}]>"


def _learn(pending: Mapping[str, list[AsyncResult[Any]]], found: Found) -> AsyncResult[Any]:
    """Let all results of this id know; return one of them."""
    known = pending[found.record.task_id]
    for one in known:
        one._found = found
    return known[0]
