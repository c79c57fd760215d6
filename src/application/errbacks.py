"""Errbacks of the style (request, exception, traceback), which Celery calls where the task failed.

Where the task ran they are called right there. Where its process died there is no such place, so
each becomes a message to a built-in task that calls it.
"""

import logging
from collections.abc import Callable
from typing import Any

from ..domain.canvas.signature import Signature
from ..domain.errors import EncodeError
from ..domain.messaging.message import TaskMessage
from ..domain.tasks.builtin_names import CALL_ERRBACK
from ..domain.tasks.failures import describe
from ..domain.tasks.outcomes import Raised
from ..domain.work.attempt import Compose, Execution
from ..domain.work.job import Report
from .runnable import RunnableTask

logger = logging.getLogger("celeriac.task")


def call_here(
    run: Execution,
    outcome: Raised,
    report: Report,
    find: Callable[[str], RunnableTask | None],
    request: Any,
) -> Report:
    """Call them; return the report without the messages that stood for them."""
    called = set()
    for sig in _of_this_style(run, find):
        called.add(sig.task)
        task: Any = find(sig.task)
        try:
            task(request, outcome.exception, outcome.traceback, *sig.args, **sig.kwargs)
        except Exception:
            logger.exception("errback %s of %s raised", sig.task, run.message.id)
    return _without(report, called)


def send_elsewhere(
    run: Execution,
    outcome: Raised,
    report: Report,
    find: Callable[[str], RunnableTask | None],
    compose: Compose,
) -> Report:
    """Return the report with messages to CALL_ERRBACK in place of those that stood for them."""
    sigs = _of_this_style(run, find)
    if not sigs:
        return report
    calls = tuple(_call_of(run, sig, outcome, compose) for sig in sigs)
    report = _without(report, {sig.task for sig in sigs})
    return report._replace(publish=(*report.publish, *calls))


def _call_of(run: Execution, sig: Signature, outcome: Raised, compose: Compose) -> TaskMessage:
    message = run.message
    request: dict[str, Any] = {
        "id": message.id,
        "task": message.task,
        "retries": message.retries,
        "root_id": message.root_id,
        "parent_id": message.parent_id,
        "group": message.group_id,
        "args": list(run.body.args),
        "kwargs": dict(run.body.kwargs),
    }
    options = {
        "parent_id": message.id,
        "root_id": message.root_id,
        "queue": message.queue or None,
        "ignore_result": True,
    }
    error = describe(outcome.exception)

    def call() -> TaskMessage:
        args = (sig.to_dict(), request, error, outcome.traceback)
        return compose(Signature(CALL_ERRBACK, args, options=options))

    try:
        return call()
    except EncodeError:
        # Arguments that came by another serializer; the errback can do without them.
        del request["args"], request["kwargs"]
        return call()


def _of_this_style(run: Execution, find: Callable[[str], RunnableTask | None]) -> list[Signature]:
    if not run.body.embed.get("errbacks"):
        return []
    return [sig for sig in run.body.signatures("errbacks") if _takes_error(sig, find(sig.task))]


def _takes_error(sig: Signature, task: RunnableTask | None) -> bool:
    return task is not None and not sig.immutable and task.takes_error


def _without(report: Report, tasks: set[str]) -> Report:
    if not tasks:
        return report
    return report._replace(publish=tuple(one for one in report.publish if one.task not in tasks))
