"""Tracers of others around the runs of our tasks: what replaces `celery.app.trace.build_tracer`.

What must stay true: a run is carried out once, whatever a tracer does after it; and where nobody
has replaced anything, this module is not even imported.
"""

import logging
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final

from ...application import event_loop
from ...application.context import Context
from ...application.runnable import Ended, Surround
from ...domain.tasks.outcomes import Raised, RetryAsked, Returned
from ..celery_names import imported

if TYPE_CHECKING:
    from ...domain.tasks.outcomes import Outcome
    from ...domain.work.job import Report
    from .task import Task

logger = logging.getLogger("celeriac.worker")

Drive = Callable[[Any], Any]

#: The task whose body is about to be called by us, and how its coroutine is brought to its end.
_DRIVEN: Final[ContextVar[tuple[Any, Drive] | None]] = ContextVar("celeriac_driven", default=None)


class Tracers(Surround):
    """Tracers of tasks, each built when its task runs first."""

    def __init__(self, trace: Any, **options: Any) -> None:
        """Build them with the `build_tracer` of this module, which somebody has replaced."""
        self._trace, self._options = trace, options
        self._tracers: dict[int, Callable[..., Any]] = {}

    def run(self, task: Any, context: Context, whole: Callable[[], Ended]) -> "Report":
        """Run a task, a coroutine to its end."""
        return self._traced(task, context, whole, event_loop.run)

    async def run_async(self, task: Any, context: Context, whole: Callable[[], Ended]) -> "Report":
        """Run a task on the running loop.

        Tracers are functions. So it runs in a greenlet, from within which the loop can be waited
        for: nothing else is held up, and the tracer ends when the task does.
        """
        from sqlalchemy.util import await_only, greenlet_spawn

        made: Report = await greenlet_spawn(self._traced, task, context, whole, await_only)
        return made

    def around(self, task: "Task[Any, Any]", context: Context, act: Callable[[], Any]) -> Any:
        """Have `act` carried out in the midst of the task's tracer; return what it returned."""
        told: list[Any] = []

        def told_of() -> Any:
            _DRIVEN.set((task, event_loop.run))
            made = act()
            told.append(made)
            result = self._trace.trace_ok_t(made.result, None, 0.0, "")
            if made.state != self._trace.SUCCESS:
                result = result._replace(info=self._trace.TraceInfo(made.state, made.result))
            return result

        self._pass_through(task, context, told_of, told)
        return told[0]

    def _traced(
        self, task: Any, context: Context, whole: Callable[[], Ended], drive: Drive
    ) -> "Report":
        told: list[Report] = []

        def told_of() -> Any:
            _DRIVEN.set((task, drive))
            report, outcome = whole()
            told.append(report)
            announce_follow_ups(task.app, report)
            return self._result(report, outcome)

        self._pass_through(task, context, told_of, told)
        return told[0]

    def _pass_through(
        self, task: Any, context: Context, run: Callable[[], Any], told: list[Any]
    ) -> None:
        tracer = self._tracer(task)
        request = {name: value for name, value in vars(context).items() if name[0] != "_"}
        before = self._trace.NEXT.set(run)
        try:
            tracer(context.id, context.args or (), context.kwargs or {}, request)
        except Exception:
            if not told:
                raise
            logger.exception("what traces %s raised after task %s", task.name, context.id)
        finally:
            self._trace.NEXT.reset(before)
        if not told:
            raise RuntimeError(
                f"{tracer!r}, which a replaced celery.app.trace.build_tracer has made for "
                f"{task.name}, did not run the task"
            )

    def _tracer(self, task: Any) -> Callable[..., Any]:
        found = self._tracers.get(id(task))
        if found is None:
            _ = task.arguments, task.resolved  # of the body as it is before it is wrapped
            _let_be_driven(task)
            found = self._trace.build_tracer(task.name, task, app=task.app, **self._options)
            self._tracers[id(task)] = found
        return found

    def _result(self, report: "Report", outcome: "Outcome") -> Any:
        made, value = self._trace.trace_ok_t, None
        match outcome:
            case Returned(returned):
                return made(returned, None, report.runtime, report.summary)
            case Raised(raised):
                value = raised
            case RetryAsked(cause):
                value = cause
        info = self._trace.TraceInfo(report.state, value)
        return made(value, info, report.runtime, report.summary)


def tracers(**options: Any) -> Tracers | None:
    """Return what others have laid around runs; None: nobody has."""
    trace: Any = imported("celery.app.trace")
    if trace is None or trace.build_tracer is trace.OWN:
        return None
    return Tracers(trace, **options)


def announce_follow_ups(app: Any, report: "Report") -> None:
    """Let what wraps kombu's `Producer.publish` see what is sent because of a run."""
    from .announcing import announced, patched

    if report.publish and patched():
        announced(app, report.publish)


def _let_be_driven(task: Any) -> None:
    """Have the body of an `async def` task run to its end when it is we who call it.

    What wraps the body then sees how it ends, and what it raises.
    """
    if not task.is_coroutine:
        return
    body = task.run

    @wraps(body)
    def run(*args: Any, **kwargs: Any) -> Any:
        made, driven = body(*args, **kwargs), _DRIVEN.get()
        if driven is None or driven[0] is not task or not isinstance(made, CoroutineType):
            return made
        _DRIVEN.set(None)
        return driven[1](made)

    task.run = run
