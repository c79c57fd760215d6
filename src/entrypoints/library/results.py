"""Results as users hold them."""

from collections.abc import Callable, Generator, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ...domain.errors import TimeoutError  # noqa: A004 - the name Celery's users know
from ...domain.tasks import states
from .joining import assert_will_not_block
from .known_results import KnownResult

if TYPE_CHECKING:
    pass

R = TypeVar("R")


class AsyncResult(KnownResult, Generic[R]):
    """The result of a task that runs, or ran, somewhere else. Cheap to make: it is an id."""

    #: What `get` raises when it has waited long enough.
    TimeoutError = TimeoutError
    #: Whether many results are waited for as cheaply as one.
    supports_native_join = True

    def get(
        self,
        timeout: float | None = None,
        propagate: bool = True,
        interval: float = 0.5,
        no_ack: bool = True,
        follow_parents: bool = True,
        callback: "Callable[[str, R], Any] | None" = None,
        on_message: "Callable[[Mapping[str, Any]], Any] | None" = None,
        on_interval: "Callable[[], Any] | None" = None,
        disable_sync_subtasks: bool = True,
        EXCEPTION_STATES: frozenset[str] = states.EXCEPTION_STATES,
        PROPAGATE_STATES: frozenset[str] = states.PROPAGATE_STATES,
    ) -> R:
        """Wait for the result and return it; a failed task's exception is raised here.

        Args:
            timeout: Seconds to wait at most; None: without end.
            propagate: False returns the exception instead of raising it.
            interval: Accepted for Celery's sake: nothing is polled at that pace.
            no_ack: Accepted for Celery's sake.
            follow_parents: A parent that failed raises at once, since this will never run.
            callback: Called with (id, value).
            on_message: Called with the stored record as a mapping.
            on_interval: Called about once a second while waiting.
            disable_sync_subtasks: False allows it within a task, as allow_join_result does.
            EXCEPTION_STATES: Accepted for Celery's sake.
            PROPAGATE_STATES: States that raise.

        Raises:
            TimeoutError: It was not ready in time.
            RuntimeError: It was called within a task.
        """
        if disable_sync_subtasks:
            assert_will_not_block()
        if self._found is None:
            if follow_parents and propagate:
                raise_for_parents([self])
            watch_parents = follow_parents and propagate and self.parent is not None

            def look() -> None:
                if watch_parents:
                    raise_for_parents([self])
                if on_interval is not None:
                    on_interval()

            self._found = self.app.fetching.wait(self.id, timeout, look)
        return self._deliver(propagate, callback, on_message, PROPAGATE_STATES)

    wait = get

    def then(
        self,
        callback: "Callable[[AsyncResult[R]], Any]",
        on_error: "Callable[[BaseException], Any] | None" = None,
        weak: bool = False,
    ) -> "AsyncResult[R]":
        """Have something called with this result once it is ready, from a thread of the app.

        A failed one calls `on_error` with its exception where there is one. Returns itself.
        """
        from .promises import then

        return then(self, [] if self.ready() else [self.id], callback, on_error)  # type: ignore[no-any-return]

    @property
    def ignored(self) -> bool:
        """Whether nobody is to wait for it: `get` would wait in vain."""
        return getattr(self, "_ignored", False)

    @ignored.setter
    def ignored(self, value: bool) -> None:
        self._ignored = value

    @property
    def dead_header(self) -> list[Any]:
        """Of a chord's result: those of its header tasks that did not succeed."""
        return self.parent.dead if hasattr(self.parent, "dead") else []

    def get_leaf(self) -> Any:
        """Return the value of the last task in a chain."""
        result: AsyncResult[Any] = self
        while children := result.children:
            result = children[-1]
        return result.get()

    def _deliver(
        self,
        propagate: bool,
        callback: "Callable[[str, R], Any] | None",
        on_message: "Callable[[Mapping[str, Any]], Any] | None",
        raising: frozenset[str],
    ) -> R:
        found = self._found
        if found is None:
            raise RuntimeError("delivered before it was found")
        if on_message is not None:
            on_message(self._meta(found))
        if propagate and found.record.state in raising:
            raise self._as_exception(found)
        value: R = found.value
        if callback is not None:
            callback(self.id, value)
        return value

    def __await__(self) -> Generator[Any, None, R]:
        """Wait without blocking the event loop: `value = await result`."""
        return self._awaited().__await__()

    async def _awaited(self) -> R:
        import asyncio  # a client that never awaits does not pay for it

        loop = asyncio.get_running_loop()
        while self._found is None:
            # Short looks, so that a cancelled await gives its thread back soon.
            ready = await loop.run_in_executor(None, self.app.fetching.ready, [self.id], 0.5)
            self._found = ready[0] if ready else None
            if not ready and self.parent is not None:
                await loop.run_in_executor(None, raise_for_parents, [self])
        return self._deliver(True, None, None, states.PROPAGATE_STATES)

    # -- acting

    def forget(self) -> None:
        """Delete what is kept of the task, and of its parents."""
        self._found = None
        for parent in self._parents():
            parent._found = None
        self.app.fetching.results.forget(self.as_list())

    def revoke(
        self,
        connection: Any = None,
        terminate: bool = False,
        signal: str | None = None,
        wait: bool = False,
        timeout: float | None = None,
    ) -> None:
        """Keep the task from being run; with `terminate` also end it while it runs.

        A task still in its queue is taken out there and then.
        """
        self.app.control.revoke(self.id, terminate=terminate, signal=signal)
        if wait:
            self.get(timeout=timeout, propagate=False)

    def revoke_by_stamped_headers(
        self,
        headers: Mapping[str, Any],
        connection: Any = None,
        terminate: bool = False,
        signal: str | None = None,
        wait: bool = False,
        timeout: float | None = None,
    ) -> None:
        """Keep tasks with these stamps from being run."""
        self.app.control.revoke_by_stamped_headers(headers, terminate=terminate, signal=signal)
        if wait:
            self.get(timeout=timeout, propagate=False)

    def __repr__(self) -> str:
        """Show the id."""
        return f"<AsyncResult: {self.id}>"

    def __copy__(self) -> "AsyncResult[R]":
        """Return another of the same task, of the same app; what was seen is looked up anew."""
        return type(self)(self.id, self._backend, self.task_name, self.app, self.parent)

    def __reduce__(self) -> Any:
        """Pickle the ids."""
        return _of_ids, (self.as_list(), self.task_name)


def _of_ids(ids: list[str], task_name: str | None) -> AsyncResult[Any]:
    *above, id_ = reversed(ids)
    parent: AsyncResult[Any] | None = None
    for one in above:
        parent = AsyncResult(one, parent=parent)
    return AsyncResult(id_, task_name=task_name, parent=parent)


def raise_for_parents(results: "Iterable[KnownResult]") -> None:
    """Raise the exception of a parent that failed; whoever waits for all costs one look."""
    parents: dict[int, KnownResult] = {}
    for result in results:
        for parent in result._parents():
            if id(parent) in parents:
                break  # so are those above
            parents[id(parent)] = parent
    unknown: dict[str, KnownResult] = {
        parent.id: parent for parent in parents.values() if parent._look_again()
    }
    if unknown:
        app = next(iter(unknown.values())).app
        for found in app.fetching.fetch_many(list(unknown)):
            if found is not None and found.record.ready:
                unknown[found.record.task_id]._found = found
    for parent in reversed(parents.values()):
        if not parent._look_again():
            parent.maybe_throw()
