"""What is known of a task by now, as one looks at its result: nothing here waits."""

from typing import TYPE_CHECKING, Any, cast

from ...domain.tasks import states
from .current import get_current
from .result_trees import ResultTree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ...application.fetch_results import Found
    from ...domain.tasks.result_record import Extended
    from .app import Celeriac


class ResultBase:
    """What all results are."""

    parent: Any = None


class KnownResult(ResultTree, ResultBase):
    """A result as far as it is known: its state, its value, and what is told of its task."""

    #: Of heirs made for one app by `app.subclass_with_self`.
    app: "Celeriac" = cast("Celeriac", None)
    id: str = cast(str, None)

    def __init__(
        self,
        id: str,  # noqa: A002 - Celery's name
        backend: Any = None,
        task_name: str | None = None,
        app: "Celeriac | None" = None,
        parent: "KnownResult | None" = None,
    ) -> None:
        """Stand for the task with this id."""
        self.id = id
        self.app = app or getattr(type(self), "app", None) or get_current()
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

    def exists(self) -> bool:
        """Tell whether anything is kept of the task."""
        return self._look() is not None

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

    def _parents(self) -> "Iterator[KnownResult]":
        parent = self.parent
        while parent is not None:
            if isinstance(parent, KnownResult):
                yield parent
            parent = parent.parent

    def _as_exception(self, found: "Found") -> BaseException:
        value = found.value
        exc = value if isinstance(value, BaseException) else RuntimeError(str(value))
        if found.record.traceback:
            exc.__cause__ = RemoteTraceback(found.record.traceback)
        return exc

    def maybe_throw(
        self, propagate: bool = True, callback: "Callable[[str, Any], Any] | None" = None
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

    def as_tuple(self) -> Any:
        """Return it as plain data: ((id, parent), children)."""
        # Chains are long: a loop, where recursion would come to its limit.
        line: list[KnownResult] = [self]
        while isinstance(above := line[-1].parent, KnownResult):
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
        if isinstance(other, KnownResult):
            return self.id == other.id
        return self.id == other if isinstance(other, str) else NotImplemented

    def __hash__(self) -> int:
        """Hash the id."""
        return hash(self.id)

    def __str__(self) -> str:
        """Return the id."""
        return str(self.id)


class RemoteTraceback(Exception):
    """Shows where in another process an exception was raised."""

    def __str__(self) -> str:
        """Return the remote traceback's text."""
        return f"\n{self.args[0]}"
