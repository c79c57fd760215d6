"""Results as users hold them."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ...domain.errors import TimeoutError  # noqa: A004 - the name Celery's users know
from ...domain.tasks import states
from .current import get_current
from .joining import assert_will_not_block
from .result_trees import ResultTree

if TYPE_CHECKING:
    from ...application.fetch_results import Found
    from ...domain.tasks.result_record import Extended
    from .app import Celeriac

R = TypeVar("R")


class ResultBase:
    """What all results are."""

    parent: Any = None


class AsyncResult(ResultTree, ResultBase, Generic[R]):
    """The result of a task that runs, or ran, somewhere else. Cheap to make: it is an id."""

    #: What `get` raises when it has waited long enough.
    TimeoutError = TimeoutError
    #: Whether many results are waited for as cheaply as one.
    supports_native_join = True

    def __init__(
        self,
        id: str,  # noqa: A002 - Celery's name
        backend: Any = None,
        task_name: str | None = None,
        app: "Celeriac | None" = None,
        parent: "AsyncResult[Any] | None" = None,
    ) -> None:
        """Stand for the task with this id."""
        self.id = id
        self.app = app or get_current()
        self.parent = parent
        self.task_name = task_name
        self._backend = backend
        self._found: Found | None = None

    @property
    def backend(self) -> Any:
        """The result backend by Celery's methods."""
        return self._backend or self.app.backend

    @property
    def task_id(self) -> str:
        """The id."""
        return self.id

    # -- looking

    def _look(self) -> "Found | None":
        if self._found is None:
            found = self.app.fetching.fetch(self.id)
            if found is None or not found.record.ready:
                return found
            self._found = found
        return self._found

    @property
    def state(self) -> str:
        """The state now: PENDING when nothing is known of the task."""
        found = self._look()
        return states.PENDING if found is None else found.record.state

    status = state

    @property
    def result(self) -> Any:
        """The value, the exception of a failed task, or what `update_state` gave; else None."""
        found = self._look()
        return None if found is None else found.value

    info = result

    @property
    def traceback(self) -> str | None:
        """The remote traceback of a failure."""
        found = self._look()
        return None if found is None else found.record.traceback

    @property
    def date_done(self) -> Any:
        """When the task ended (aware UTC)."""
        found = self._look()
        return None if found is None else found.record.date_done

    @property
    def children(self) -> "list[Any] | None":
        """Results of what the task sent and what was called with its result."""
        found = self._look()
        if found is None:
            return None
        from .group_results import result_from_tuple  # most tasks have none

        children = [result_from_tuple(child, self.app) for child in found.record.children]
        for child in children:
            child.parent = child.parent or self
        return children

    def ready(self) -> bool:
        """Tell whether the task has come to its end."""
        return self.state in states.READY_STATES

    def successful(self) -> bool:
        """Tell whether it returned."""
        return self.state == states.SUCCESS

    def failed(self) -> bool:
        """Tell whether it failed."""
        return self.state == states.FAILURE

    @property
    def _extended(self) -> "Extended":
        from ...domain.tasks.result_record import Extended  # only readers pay for it

        found = self._look()
        return (found.record.extended if found else None) or Extended()

    @property
    def name(self) -> str | None:
        """Name of the task (with `result_extended`)."""
        return self._extended.name

    @property
    def args(self) -> Any:
        """Its positional arguments (with `result_extended`)."""
        return self.app.fetching.decode(self._extended.args)

    @property
    def kwargs(self) -> Any:
        """Its keyword arguments (with `result_extended`)."""
        return self.app.fetching.decode(self._extended.kwargs)

    @property
    def worker(self) -> str | None:
        """The node that ran it (with `result_extended`)."""
        return self._extended.worker

    @property
    def retries(self) -> int | None:
        """How many times it was retried (with `result_extended`)."""
        return self._extended.retries

    @property
    def queue(self) -> str | None:
        """The queue it came by (with `result_extended`)."""
        return self._extended.queue

    # -- waiting

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

    def exists(self) -> bool:
        """Tell whether anything is kept of the task."""
        return self._look() is not None

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

    def _as_exception(self, found: "Found") -> BaseException:
        value = found.value
        exc = value if isinstance(value, BaseException) else RuntimeError(str(value))
        if found.record.traceback:
            exc.__cause__ = RemoteTraceback(found.record.traceback)
        return exc

    def known(self) -> dict[str, Any]:
        """Return as a mapping what is known of it by now, as it is stored."""
        found = self._look()
        if found is None:
            return {"status": self.state, "result": self.result, "task_id": self.id}
        return self._meta(found)

    def _meta(self, found: "Found") -> dict[str, Any]:
        record = found.record
        return {
            "status": record.state,
            "result": found.value,
            "traceback": record.traceback,
            "children": list(record.children),
            "date_done": record.date_done,
            "task_id": record.task_id,
        }

    def _look_again(self) -> bool:
        return self._found is None

    def _parents(self) -> "Iterator[AsyncResult[Any]]":
        parent = self.parent
        while parent is not None:
            if isinstance(parent, AsyncResult):
                yield parent
            parent = parent.parent

    def maybe_throw(
        self, propagate: bool = True, callback: "Callable[[str, R], Any] | None" = None
    ) -> Any:
        """Raise the exception of a failed task; else return what is known."""
        found = self._look()
        if found is None:
            return None
        if propagate and found.record.state in states.PROPAGATE_STATES:
            raise self._as_exception(found)
        if callback is not None and found.record.ready:
            callback(self.id, found.value)
        return found.value

    maybe_reraise = throw = maybe_throw

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

    def as_tuple(self) -> Any:
        """Return it as plain data: ((id, parent), children)."""
        # Chains are long: a loop, where recursion would come to its limit.
        line: list[AsyncResult[Any]] = [self]
        while isinstance(above := line[-1].parent, AsyncResult):
            line.append(above)
        made: Any = above and above.as_tuple()  # a group: the header of a chord
        for one in reversed(line):
            made = (one.id, made), None
        return made

    def as_list(self) -> list[str]:
        """Return its id and those of its parents."""
        return [self.id, *(parent.id for parent in self._parents())]

    def __eq__(self, other: object) -> bool:
        """Results are equal when their ids are; an id is equal too."""
        if isinstance(other, AsyncResult):
            return self.id == other.id
        return self.id == other if isinstance(other, str) else NotImplemented

    def __hash__(self) -> int:
        """Hash the id."""
        return hash(self.id)

    def __str__(self) -> str:
        """Return the id."""
        return self.id

    def __repr__(self) -> str:
        """Show the id."""
        return f"<AsyncResult: {self.id}>"

    def __reduce__(self) -> Any:
        """Pickle the ids."""
        return _of_ids, (self.as_list(), self.task_name)


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

    def __reduce__(self) -> Any:
        """Pickle what it holds."""
        return EagerResult, (self.id, self._value, self._state, self._traceback, self.task_name)


class RemoteTraceback(Exception):
    """Shows where in another process an exception was raised."""

    def __str__(self) -> str:
        """Return the remote traceback's text."""
        return f"\n{self.args[0]}"


def _of_ids(ids: list[str], task_name: str | None) -> AsyncResult[Any]:
    *above, id_ = reversed(ids)
    parent: AsyncResult[Any] | None = None
    for one in above:
        parent = AsyncResult(one, parent=parent)
    return AsyncResult(id_, task_name=task_name, parent=parent)


def raise_for_parents(results: "Iterable[AsyncResult[Any]]") -> None:
    """Raise the exception of a parent that failed; whoever waits for all costs one look."""
    parents: dict[int, AsyncResult[Any]] = {}
    for result in results:
        for parent in result._parents():
            if id(parent) in parents:
                break  # so are those above
            parents[id(parent)] = parent
    unknown: dict[str, AsyncResult[Any]] = {
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
