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
from traceback import format_exception
from types import TracebackType
from typing import Any, Final, NamedTuple

from ...application.context import Context
from ...application.tell_of_runs import error_info
from ...domain.errors import Ignore, ImproperlyConfigured, NotSupported, Reject
from ...domain.messaging.payload import Payload
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
from ..library.backend_values import as_bytes
from ..library.current import get_current
from ..library.eager import run_untraced
from ..library.task import Task
from .objects import mro_lookup
from .trace_ends import TraceInfo, report_internal_error

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
    "fast_trace_task",
    "get_task_name",
    "info",
    "report_internal_error",
    "reset_worker_optimizations",
    "setup_worker_optimizations",
    "task_has_custom",
    "trace_ok_t",
    "trace_task",
    "trace_task_ret",
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


def trace_task_ret(
    name: str,
    uuid: str,
    request: Mapping[str, Any],
    body: Any,
    content_type: str | None,
    content_encoding: str | None,
    loads: Callable[..., Any] | None = None,
    app: Any = None,
    **extra_request: Any,
) -> tuple[int, Any, float | None]:
    """Run the task of a message, given its body as it came, or decoded without `content_type`.

    Returns `(0, its repr, seconds)` of what it returned, or `(1, the exception, None)` as handlers
    get it. It runs here and now, as `apply` does it, so that retries follow at once; what came of
    it is stored. Raises NotSupported for a link of a chain, or a part of a chord.
    """
    app = app or get_current()
    if content_type:
        payload = Payload(as_bytes(body), content_type, content_encoding or "utf-8")
        decode = app.container.codec().decode
        body = loads(body, content_type, content_encoding) if loads else decode(payload)
    args, kwargs, embed = body
    if embed and (embed.get("chain") or embed.get("chord")):
        raise NotSupported(
            f"{name}[{uuid}] is part of a chain or a chord: what follows is settled together with "
            "its result, which only a worker does"
        )
    said = {"hostname": app.hostname, **request, **(embed or {}), **extra_request}
    tracer = build_tracer(name, app.tasks[name], app=app)
    _, info_, runtime, text = tracer(uuid, args, kwargs, said)
    if info_ is None:
        return 0, text, runtime
    raised = info_.retval
    return 1, error_info(raised, "".join(format_exception(raised))), None


def fast_trace_task(
    task: str,
    uuid: str,
    request: Mapping[str, Any],
    body: Any,
    content_type: str | None,
    content_encoding: str | None,
    loads: Callable[..., Any] | None = None,
    _loc: Any = None,
    hostname: str | None = None,
    **_: Any,
) -> tuple[int, Any, float | None]:
    """Do as `trace_task_ret`, for the app and node given to `setup_worker_optimizations`."""
    if _prepared is None:
        raise ImproperlyConfigured(
            f"{task}: fast_trace_task does not know whose task that is: call "
            "setup_worker_optimizations(app) in this process first, or trace_task_ret(…, app=app)"
        )
    app, node = _prepared
    said = {**request, "hostname": node or hostname or app.hostname}
    return trace_task_ret(
        task, uuid, said, body, content_type, content_encoding, loads=loads, app=app
    )


#: The app whose tasks `fast_trace_task` runs, and the name of the node it runs them as.
_prepared: tuple[Any, str | None] | None = None


def setup_worker_optimizations(app: Any, hostname: str | None = None) -> None:
    """Make an app current, its settings read, for `fast_trace_task`. Workers need none of it."""
    global _prepared
    app.set_current()
    app.set_default()
    app.finalize()
    app.use_fast_trace_task = True
    _prepared = app, hostname


def reset_worker_optimizations(app: Any = None) -> None:
    """Undo that the app says to be prepared; `fast_trace_task` goes on."""
    (app or get_current()).use_fast_trace_task = False


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
