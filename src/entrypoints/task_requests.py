"""Request classes of users' own (`Task.Request`), told by the hub what happens to their tasks.

They are told and nothing more: what is stored, sent and acknowledged is decided elsewhere, so that
a method that raises, or does not call its super's, changes nothing but the log.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..application.chronicle import Chronicle
from ..application.fetch_results import find_exception
from ..application.requests import Request
from ..application.tell_of_runs import error_info
from ..domain.errors import (
    ImproperlyConfigured,
    NotRegistered,
    Retry,
    TaskRevokedError,
)
from ..domain.messaging.delivery import Delivery, Undecodable
from ..domain.tasks import states
from ..domain.tasks.failures import restore, stand_in
from ..domain.work.effects import Bury
from ..domain.work.job import Began, PoolEvent, Report, TimedOut, Warned
from .library.celery_shape import loaded
from .library.task_shape import DEFAULT_REQUEST

if TYPE_CHECKING:
    from ..application.work import Worker
    from .worker import AppWorker

logger = logging.getLogger("celeriac.worker")


def request_classes(tasks: Mapping[str, Any]) -> dict[str, type[Request]]:
    """Return the Request classes of users' own by task. Raises ImproperlyConfigured."""
    return {name: _checked(task) for name, task in tasks.items() if task.Request != DEFAULT_REQUEST}


def tell_requests(outer: "AppWorker", shell: "Worker") -> None:
    """Have the shell tell the Request classes of its app's tasks, if there are any."""
    classes = request_classes(outer.app.tasks)
    classes = {name: cls for name, cls in classes.items() if cls is not Request}
    if classes:
        shell.chronicle = ToldRequests(outer, shell, classes)


def _checked(task: Any) -> type[Request]:
    try:
        found: Any = loaded(task.Request)
    except (ImportError, AttributeError, ValueError) as why:
        raise ImproperlyConfigured(f"{task.name}.Request={task.Request!r}: {why}") from why
    if not (isinstance(found, type) and issubclass(found, Request)):
        raise ImproperlyConfigured(
            f"{task.name}.Request={task.Request!r}: expected a class derived from "
            "celery.worker.request.Request"
        )
    return found


class ToldRequests(Chronicle):
    """Takes down what happens to tasks, and tells the requests of some."""

    def __init__(
        self, outer: "AppWorker", shell: "Worker", classes: Mapping[str, type[Request]]
    ) -> None:
        """Stand in for the shell's own chronicle. Requests are made of `classes`, by task."""
        app = outer.app
        super().__init__(shell.core, app.tasks.get, app.clock)
        self._codec, self._node, self._tasks = app.container.codec(), outer.node, app.tasks
        self._results = app.container.result_codec()
        self._classes, self._core_of = classes, shell.core
        self._requests: dict[str, Request] = {}

    def received(self, batch: Sequence[Delivery | Undecodable]) -> None:
        """Make the requests of those that have a class of their own."""
        super().received(batch)
        for item in batch:
            cls = self._classes.get(item.message.task) if isinstance(item, Delivery) else None
            if cls is not None and isinstance(item, Delivery):
                find: Callable[[str], Any] = self._tasks.get
                try:
                    made = cls(item.message, self._codec, self._node, find)
                except Exception:
                    logger.exception("%r cannot be made for task %s", cls, item.message.id)
                    continue
                self._requests[item.message.id] = made

    def saw(self, event: PoolEvent) -> None:
        """Tell of a start, and of time limits."""
        super().saw(event)
        if not self._requests:
            return
        if isinstance(event, Began):
            for number in event.numbers:
                self._tell(self._of(number), "on_accepted", event.pid, self._now())
        elif isinstance(event, Warned):
            self._tell(self._of(event.number), "on_timeout", True, event.limit)
        elif isinstance(event, TimedOut):
            self._tell(self._of(event.number), "on_timeout", False, event.limit)

    def reports(self, reports: Sequence[Report]) -> None:
        """Tell what tasks came to."""
        super().reports(reports)
        if not self._requests:
            return
        for report in reports:
            delivery = self._core_of.delivery(report.number)
            if delivery is None:
                continue
            request = self._requests.pop(delivery.message.id, None)
            if request is not None:
                self._ended(request, report)

    def buried(self, bury: Bury) -> None:
        """Tell of a task whose process died, or ran too long; others have not run."""
        super().buried(bury)
        request = self._requests.pop(bury.delivery.message.id, None)
        if request is None or isinstance(bury.error, TaskRevokedError | NotRegistered):
            return
        self._tell(request, "on_failure", error_info(bury.error, str(bury.error)))

    # -- pieces

    def _of(self, number: int) -> Request | None:
        delivery = self._core_of.delivery(number)
        return None if delivery is None else self._requests.get(delivery.message.id)

    def _ended(self, request: Request, report: Report) -> None:
        if report.state == states.SUCCESS:
            self._tell(request, "on_success", (False, report.summary, report.runtime))
        elif report.state in (states.FAILURE, states.RETRY):
            error = self._error(report)
            if report.state == states.RETRY:
                error = Retry(exc=error if isinstance(error, Exception) else None)
            info = error_info(error, report.traceback or "")
            self._tell(request, "on_success", (True, info, report.runtime))

    def _error(self, report: Report) -> BaseException:
        for record in report.results[:1]:
            try:
                assert record.result is not None
                return restore(self._results.decode(record.result), find_exception)
            except Exception:  # no value that can be read here: its repr is known anyway
                logger.debug("the exception of job %d cannot be read", report.number)
        name, _, rest = report.summary.partition("(")
        return stand_in(name, "")(rest.removesuffix(")"))

    def _tell(self, request: Request | None, what: str, *args: Any) -> None:
        if request is None:
            return
        try:
            getattr(request, what)(*args)
        except Exception:
            logger.exception("%s of %r raised", what, request)
