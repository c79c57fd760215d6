"""`celery.app.trace`: what integrations wrap in order to be there while tasks run.

Whoever replaces `build_tracer` here, as Sentry's integration does, has every run of a task pass
through what the replacement returns; see `library.surrounding`. Nothing of this is imported by a
worker: it looks whether somebody else has.
"""

import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from time import perf_counter
from types import TracebackType
from typing import Any, Final, NamedTuple

from ...application.context import Context
from ...domain.errors import Ignore, Reject
from ...domain.tasks import states
from ...domain.tasks.states import (
    EXCEPTION_STATES,
    FAILURE,
    IGNORED,
    REJECTED,
    RETRY,
    STARTED,
    SUCCESS,
)
from ..library.eager import run_untraced
from ..library.task import Task
from .objects import mro_lookup

__all__ = [
    "EXCEPTION_STATES",
    "FAILURE",
    "IGNORED",
    "IGNORE_STATES",
    "LOG_FAILURE",
    "LOG_IGNORED",
    "LOG_RECEIVED",
    "LOG_REJECTED",
    "LOG_RETRY",
    "LOG_SUCCESS",
    "REJECTED",
    "RETRY",
    "STARTED",
    "SUCCESS",
    "TraceInfo",
    "build_tracer",
    "get_task_name",
    "info",
    "task_has_custom",
    "trace_ok_t",
    "trace_task",
    "traceback_clear",
]

IGNORE_STATES: Final = frozenset({states.IGNORED, states.RETRY, states.REJECTED})

#: Lines of a worker's log. One that somebody replaces before the worker starts is worded so.
LOG_RECEIVED = "Task %(name)s[%(id)s] received"
LOG_SUCCESS = "Task %(name)s[%(id)s] succeeded in %(runtime)ss: %(return_value)s"
LOG_FAILURE = "Task %(name)s[%(id)s] %(description)s %(exc)s"
LOG_IGNORED = "Task %(name)s[%(id)s] %(description)s"
LOG_REJECTED = "Task %(name)s[%(id)s] rejected %(exc)s"
LOG_RETRY = "Task %(name)s[%(id)s] retry: %(exc)s"

#: The state that each of them is for.
_WORDED: Final = {
    states.RECEIVED: "LOG_RECEIVED",
    states.SUCCESS: "LOG_SUCCESS",
    states.FAILURE: "LOG_FAILURE",
    states.IGNORED: "LOG_IGNORED",
    states.REJECTED: "LOG_REJECTED",
    states.RETRY: "LOG_RETRY",
}
_OWN_WORDINGS: Final = {name: globals()[name] for name in _WORDED.values()}


def wordings() -> dict[str, str]:
    """Return the formats that somebody has replaced, by the state they are for."""
    return {
        state: globals()[name]
        for state, name in _WORDED.items()
        if globals()[name] != _OWN_WORDINGS[name]
    }


#: What is logged of a failure inside of the worker.
LOG_INTERNAL_ERROR = "Task %(name)s[%(id)s] %(description)s: %(exc)s"


class log_policy_t(NamedTuple):
    """How an end of a task is logged."""

    format: str
    description: str
    severity: int
    traceback: bool
    mail: bool


log_policy_reject = log_policy_t(LOG_REJECTED, "rejected", logging.WARNING, True, True)
log_policy_ignore = log_policy_t(LOG_IGNORED, "ignored", logging.INFO, False, False)
log_policy_internal = log_policy_t(
    LOG_INTERNAL_ERROR, "internal error", logging.CRITICAL, True, True
)
log_policy_expected = log_policy_t(LOG_FAILURE, "raised expected", logging.INFO, False, False)
log_policy_unexpected = log_policy_t(LOG_FAILURE, "raised unexpected", logging.ERROR, True, True)


def get_log_policy(task: Any, einfo: Any, exc: BaseException) -> log_policy_t:
    """Return how an exception of a task is to be logged, for those who log by themselves."""
    if isinstance(exc, Reject):
        return log_policy_reject
    if isinstance(exc, Ignore):
        return log_policy_ignore
    if getattr(einfo, "internal", False):
        return log_policy_internal
    expected = isinstance(exc, task.resolved.throws)
    return log_policy_expected if expected else log_policy_unexpected


Tracer = Callable[..., "trace_ok_t"]

#: The run that the tracer called next in this context is to carry out.
NEXT: Final[ContextVar[Callable[[], "trace_ok_t"] | None]] = ContextVar("celeriac_next_run")


class TraceInfo:
    """What became of a run that returned nothing: its state, and the exception."""

    __slots__ = ("retval", "state")

    def __init__(self, state: str, retval: Any = None) -> None:
        """Hold both."""
        self.state, self.retval = state, retval

    def __repr__(self) -> str:
        """Show both."""
        return f"<TraceInfo: {self.state} {self.retval!r}>"


class trace_ok_t(NamedTuple):
    """What a tracer returns; `info` is None for a task that returned."""

    retval: Any
    info: TraceInfo | None
    runtime: float
    retstr: str


def info(fmt: str, context: Mapping[str, Any]) -> None:
    """Write a line to this module's log."""
    logging.getLogger("celery.app.trace").info(fmt, context, extra={"data": context})


def task_has_custom(task: Any, attr: str) -> Any:
    """Return the class in which a task's own version of an attribute is, or None."""
    return mro_lookup(type(task), attr, stop={Task, object}, monkey_patched=[Task.__module__])


def get_task_name(request: Any, default: str) -> str:
    """Return what a call is called in logs."""
    return getattr(request, "shadow", None) or default


def build_tracer(
    name: str,
    task: Any,
    loader: Any = None,
    hostname: str | None = None,
    store_errors: bool = True,
    Info: Any = TraceInfo,
    eager: bool = False,
    propagate: bool = False,
    app: Any = None,
    **options: Any,
) -> Tracer:
    """Return what runs a task: `tracer(uuid, args, kwargs, request)`.

    Within a worker's run, or `apply`'s, that is the run itself. Called by others it runs the task
    here and now, as `apply` does, and stores what came of it unless the task is `eager`.
    """

    def tracer(
        uuid: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        request: Mapping[str, Any] | None = None,
    ) -> trace_ok_t:
        run = NEXT.get(None)
        if run is not None:
            NEXT.set(None)  # what the task itself traces is a run of its own
            return run()
        return _alone(task, uuid, args, kwargs, request or {}, eager=eager, propagate=propagate)

    return tracer


def trace_task(
    task: Any,
    uuid: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    request: Mapping[str, Any] | None = None,
    **opts: Any,
) -> trace_ok_t:
    """Run a task with a tracer made for it."""
    return build_tracer(task.name, task, **opts)(uuid, args, kwargs, request)


def _alone(
    task: Any,
    uuid: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    request: Mapping[str, Any],
    *,
    eager: bool,
    propagate: bool,
) -> trace_ok_t:
    since = perf_counter()
    own = {"id": uuid, "task": task.name, "args": args, "kwargs": kwargs, "is_eager": eager}
    context = Context({**request, **own, "called_directly": False})
    result = run_untraced(task, context, throw=propagate)
    if not (eager or task.resolved.ignore_result):
        traceback, backend = result.traceback, task.app.backend
        backend.store_result(uuid, result.result, result.state, traceback=traceback)
    took = perf_counter() - since
    if result.state == SUCCESS:
        return trace_ok_t(result.result, None, took, repr(result.result))
    return trace_ok_t(result.result, TraceInfo(result.state, result.result), took, "")


def traceback_clear(exc: BaseException | None = None) -> None:
    """Let go of the locals of all frames an exception came through."""
    tb: TracebackType | None = sys.exc_info()[2] if exc is None else exc.__traceback__
    while tb is not None:
        with suppress(RuntimeError):  # it still runs
            tb.tb_frame.clear()
        tb = tb.tb_next


#: As it is while nobody has replaced it.
OWN: Final = build_tracer
