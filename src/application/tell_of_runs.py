"""Tell those who listen how a task's run begins and ends.

What must stay true: where nobody listens it costs a look at each signal, and no more.
"""

import sys
from functools import cache
from typing import Any

from ..domain.errors import Retry
from ..domain.tasks.outcomes import Ignored, Outcome, Raised, Rejected, RetryAsked, Returned
from ..domain.tasks.states import FAILURE
from .context import Context
from .runnable import ErrorInfo
from .signals import (
    task_failure,
    task_internal_error,
    task_postrun,
    task_prerun,
    task_retry,
    task_success,
)


def begun(task: Any, request: Context) -> None:
    """Send `task_prerun`."""
    if task_prerun.receivers:
        task_prerun.send(
            sender=task, task_id=request.id, task=task, args=request.args, kwargs=request.kwargs
        )


def ended(task: Any, request: Context, outcome: Outcome, state: str, runtime: float) -> None:
    """Send the signal of the outcome, then `task_postrun`."""
    if not (
        task_postrun.receivers
        or task_success.receivers
        or task_failure.receivers
        or task_retry.receivers
    ):
        return
    value: Any = None
    match outcome:
        case Returned(value):
            if task_success.receivers:
                task_success.send(sender=task, result=value, runtime=runtime)
        case Raised(value, text):
            if state == FAILURE:
                failed(task, request, value, text)
        case RetryAsked(cause, when, text):
            value = cause if isinstance(cause, Retry) else Retry(exc=cause, when=when)
            if task_retry.receivers:
                info = error_info(cause or value, text)
                task_retry.send(sender=task, request=request, reason=value, einfo=info)
        case Ignored() | Rejected():
            pass
    if task_postrun.receivers:
        task_postrun.send(
            sender=task,
            task_id=request.id,
            task=task,
            args=request.args,
            kwargs=request.kwargs,
            retval=value,
            state=state,
        )


def given_up(task: Any, request: Context) -> None:
    """Send `task_postrun` where the worker's hub tells of the end: what was opened is to close."""
    if task_postrun.receivers:
        task_postrun.send(
            sender=task,
            task_id=request.id,
            task=task,
            args=request.args,
            kwargs=request.kwargs,
            retval=None,
            state=FAILURE,
        )


def failed(task: Any, request: Context, exception: BaseException, text: str) -> None:
    """Send `task_failure`."""
    if task_failure.receivers:
        task_failure.send(
            sender=task,
            task_id=request.id,
            exception=exception,
            args=request.args,
            kwargs=request.kwargs,
            traceback=exception.__traceback__,
            einfo=error_info(exception, text),
        )


def broke(task: Any, request: Context, exception: BaseException, text: str) -> None:
    """Send `task_internal_error`: not the body raised, but what surrounds it."""
    if task_internal_error.receivers:
        task_internal_error.send(
            sender=task,
            task_id=request.id,
            args=request.args,
            kwargs=request.kwargs,
            request=request,
            exception=exception,
            traceback=exception.__traceback__,
            einfo=error_info(exception, text),
        )


def error_info(exception: BaseException, text: str) -> ErrorInfo:
    """Return what receivers get of an exception: an ErrorInfo, and billiard's if anybody knows it.

    Celery's is billiard's, and integrations ask for that class by name.
    """
    theirs = sys.modules.get("billiard.einfo")
    if theirs is None:
        return ErrorInfo(exception, text)
    return _combined(theirs.ExceptionInfo)(exception, text)


@cache
def _combined(theirs: type) -> type[ErrorInfo]:
    return type("ErrorInfo", (ErrorInfo, theirs), {"__module__": __name__})
