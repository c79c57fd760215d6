"""Tasks every app has, by the names Celery gives them."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ...application.context import Context
from ...domain.canvas.workflow import CHUNKS, MAP, STARMAP
from ...domain.tasks.builtin_names import ACCUMULATE, BACKEND_CLEANUP, CALL_ERRBACK, CHORD_UNLOCK
from .kept_for import kept_for
from .task import Task

if TYPE_CHECKING:
    from .app import Celeriac


class BackendCleanup(Task[[], None]):
    """Deletes results that are too old (`result_expires`); beat sends it at four in the morning."""

    name = BACKEND_CLEANUP

    def run(self) -> None:
        """Delete what is old enough."""
        retention = kept_for(self.app)
        if not retention.for_ever:
            self.app.results.expire(*retention.ends(self.app.container.clock().now()))


class CallErrback(Task[..., Any]):
    """Calls an errback (request, exception, traceback) of a task whose process died."""

    name = CALL_ERRBACK
    ignore_result = True

    def run(
        self,
        errback: Mapping[str, Any],
        request: Mapping[str, Any],
        error: Mapping[str, Any],
        traceback: str,
    ) -> Any:
        """Call it with what is known of the task that failed."""
        # Only the worker that has to do it pays for these.
        from ...application.fetch_results import find_exception
        from ...domain.tasks.failures import restore

        failed = Context(request, called_directly=False)
        return self.app.signature(errback)(failed, restore(error, find_exception), traceback)


class Accumulate(Task[..., Any]):
    """Gathers what it is called with: the body of a group that stands in for one task."""

    name = ACCUMULATE

    def run(self, *args: Any, index: int | None = None, **kwargs: Any) -> Any:
        """Return all arguments, or the one at `index`."""
        return args if index is None else args[index]


class UnlockChord(Task[..., None]):
    """Looks again and again whether a chord's header is done; then its body is sent.

    Celery's clients send it where their result backend cannot count, ours where
    `result_chord_polling` says so. To look twice does no harm, and not at all would lose the chord.
    """

    name = CHORD_UNLOCK
    acks_late = True
    ignore_result = True
    max_retries = None

    def run(
        self,
        group_id: str,
        callback: Mapping[str, Any],
        interval: float | None = None,
        max_retries: int | None = None,
        result: Iterable[Any] = (),
        **_: Any,
    ) -> None:
        """Wait for the results told as tuples."""
        from .unlocking import header_of  # only workers of mixed sites pay for it

        parts = header_of(self.app, group_id, result)
        if parts is None:
            pause = self.app.conf.result_chord_retry_interval if interval is None else interval
            raise self.retry(countdown=pause, max_retries=max_retries)
        from ...application.join_chord import HeaderReady

        raise HeaderReady(group_id, callback, parts)


class Map(Task[..., list[Any]]):
    """Calls a task with each item in turn."""

    name = MAP

    def run(self, task: Mapping[str, Any], it: Iterable[Any]) -> list[Any]:
        """Return what it returned."""
        called = self.app.signature(task).type
        return [called(item) for item in it]


class StarMap(Task[..., list[Any]]):
    """Calls a task with the arguments that each item is."""

    name = STARMAP

    def run(self, task: Mapping[str, Any], it: Iterable[Any]) -> list[Any]:
        """Return what it returned."""
        called = self.app.signature(task).type
        return [called(*item) for item in it]


class Chunks(Task[..., Any]):
    """Sends the group that chunks are."""

    name = CHUNKS

    def run(self, task: Mapping[str, Any], it: Iterable[Any], n: int) -> Any:
        """Return the group's result as data."""
        from .maps import chunks

        return chunks.apply_chunks(task, it, n, app=self.app).as_tuple()


class Flow(Task[..., Any]):
    """Has a work-flow run in its stead; for those who send one by the name of its kind.

    Ours never do: a work-flow is taken apart by whoever sends it.
    """

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Run it: keywords are those of a stored signature, such as `tasks`."""
        stored = {"task": self.name, "args": args, "kwargs": kwargs, "options": {}}
        kind = self.name.rpartition(".")[2]
        return self.replace(self.app.signature({**stored, "subtask_type": kind}))


class Chain(Flow):
    """Runs a chain."""

    name = "celery.chain"


class Group(Flow):
    """Runs a group; its result is the list of theirs."""

    name = "celery.group"


class Chord(Flow):
    """Runs a chord."""

    name = "celery.chord"


def add_builtin_tasks(app: "Celeriac") -> None:
    """Register them."""
    app.register_task(BackendCleanup())
    app.register_task(CallErrback())
    app.register_task(Accumulate())
    app.register_task(UnlockChord())
    app.register_task(Map())
    app.register_task(StarMap())
    app.register_task(Chunks())
    app.register_task(Chain())
    app.register_task(Group())
    app.register_task(Chord())
