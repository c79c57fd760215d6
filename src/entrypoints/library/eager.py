"""Run a task here and now, as a worker would, without a message or a store."""

from functools import partial
from time import perf_counter as clock
from traceback import format_exception
from typing import TYPE_CHECKING, Any

from ...application import tell_of_runs
from ...application.context import RUNNING, Context
from ...application.runnable import ErrorInfo
from ...domain.errors import Ignore, Reject, Retry
from ...domain.tasks import states
from ...domain.tasks.failures import describe
from ...domain.tasks.outcomes import Raised, RetryAsked, Returned
from ...domain.tasks.result_record import ResultRecord
from ..celery_names import imported
from .eager_results import EagerResult

if TYPE_CHECKING:
    from .task import Task


def run_eagerly(task: "Task[Any, Any]", context: Context, *, throw: bool) -> EagerResult[Any]:
    """Run a task in its context; retries follow at once, callbacks and errbacks too."""
    if imported("celery.app.trace") is not None:
        from .surrounding import tracers

        found = tracers(eager=True, propagate=throw)
        if found is not None:
            run = partial(run_untraced, task, context, throw=throw)
            result: EagerResult[Any] = found.around(task, context, run)
            return result
    return run_untraced(task, context, throw=throw)


def run_untraced(task: "Task[Any, Any]", context: Context, *, throw: bool) -> EagerResult[Any]:
    """Run a task in its context, whatever others have laid around runs."""
    _ = task.resolved  # settings may change the task itself, so they are looked at first
    # Its request is there for handlers, receivers and callbacks too.
    around = RUNNING.set((task, context, RUNNING.get()))
    try:
        return _run(task, context, throw=throw)
    finally:
        RUNNING.reset(around)


def _run(task: "Task[Any, Any]", context: Context, *, throw: bool) -> EagerResult[Any]:
    since = clock()
    id_, args, kwargs = context.id or "", context.args or (), context.kwargs or {}
    try:
        tell_of_runs.begun(task, context)
        task.before_start(id_, args, kwargs)
        try:
            value = task.enter(args, kwargs)
        except (Ignore, Reject, Retry):
            raise
        except Exception as exc:
            instead = task.retry_of(exc)
            if instead is None or instead is exc:
                raise
            raise instead from exc
    except Retry as asked:
        return _again(task, context, asked, throw=throw)
    except (Ignore, Reject) as why:
        state = states.IGNORED if isinstance(why, Ignore) else states.REJECTED
        return EagerResult(id_, why, state, name=task.name)
    except Exception as exc:
        return _failed(task, context, exc, throw=throw)
    task.on_success(value, id_, args, kwargs)
    task.after_return(states.SUCCESS, value, id_, args, kwargs, None)
    tell_of_runs.ended(task, context, Returned(value), states.SUCCESS, clock() - since)
    for callback in context.callbacks or ():
        task.app.signature(callback).apply((value,), throw=throw)
    _keep(task, id_, states.SUCCESS, value)
    return EagerResult(id_, value, states.SUCCESS, name=task.name)


def _again(
    task: "Task[Any, Any]", context: Context, asked: Retry, *, throw: bool
) -> EagerResult[Any]:
    cause = asked.exc or asked
    info = ErrorInfo(cause, "".join(format_exception(asked)))
    id_, args, kwargs = context.id or "", context.args or (), context.kwargs or {}
    task.on_retry(cause, id_, args, kwargs, info)
    task.after_return(states.RETRY, cause, id_, args, kwargs, info)
    tell_of_runs.ended(task, context, RetryAsked(asked, None, info.traceback), states.RETRY, 0.0)
    if asked.sig is None or asked.sent:
        return EagerResult(id_, cause, states.RETRY, info.traceback, name=task.name)
    changed = Context(context.__dict__)
    changed.retries = context.retries + 1
    changed.args, changed.kwargs = asked.sig.args, asked.sig.kwargs
    return run_eagerly(task, changed, throw=throw)


def _failed(
    task: "Task[Any, Any]", context: Context, exc: Exception, *, throw: bool
) -> EagerResult[Any]:
    text = "".join(format_exception(exc))
    info = ErrorInfo(exc, text)
    id_, args, kwargs = context.id or "", context.args or (), context.kwargs or {}
    task.on_failure(exc, id_, args, kwargs, info)
    task.after_return(states.FAILURE, exc, id_, args, kwargs, info)
    tell_of_runs.ended(task, context, Raised(exc, text), states.FAILURE, 0.0)
    for errback in context.errbacks or ():
        sig = task.app.signature(errback)
        one = sig.get("subtask_type") is None
        if one and sig.type.takes_error and not sig.immutable:
            sig(context, exc, text)
        else:
            sig.apply((id_,), throw=False)
    _keep(task, id_, states.FAILURE, describe(exc), text)
    if throw:
        raise exc
    return EagerResult(id_, exc, states.FAILURE, text, name=task.name)


def _keep(
    task: "Task[Any, Any]", id_: str, state: str, value: Any, traceback: str | None = None
) -> None:
    """Store what came of it, where `store_eager_result` asks for that."""
    app, asked = task.app, task.store_eager_result
    wanted = app.conf.task_store_eager_result if asked is None else asked
    if not wanted or task.resolved.ignore_result:
        return
    payload = app.container.result_codec().encode(value, app.conf.result_serializer)
    done = app.container.clock().now()
    app.results.store([ResultRecord(id_, state, payload, traceback, date_done=done)])
