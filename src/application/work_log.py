"""What a worker says in its log about tasks, in Celery's words."""

import logging
from collections.abc import Iterable, Sequence

from ..domain.messaging.delivery import Delivery, Undecodable
from ..domain.tasks import states
from ..domain.work.core import WorkerCore
from ..domain.work.effects import Note
from ..domain.work.job import Report

logger = logging.getLogger("celeriac.worker")


class WorkLog:
    """Turns what happens to tasks into lines; costs one comparison a batch when nobody listens."""

    def __init__(self, core: WorkerCore) -> None:
        """Look jobs up in this core."""
        self._core = core

    def received(self, batch: Sequence[Delivery | Undecodable]) -> None:
        """Say what has come in."""
        if not logger.isEnabledFor(logging.INFO):
            return
        for item in batch:
            if isinstance(item, Delivery):
                _say(logging.INFO, item.message.task, item.message.id, "received")

    def reports(self, reports: Iterable[Report]) -> None:
        """Say what tasks came to."""
        quiet = not logger.isEnabledFor(logging.INFO)
        for report in reports:
            if quiet and report.state in (states.SUCCESS, states.RETRY, states.IGNORED):
                continue
            delivery = self._core.delivery(report.number)
            if delivery is not None:
                self._report(report, delivery)

    def note(self, note: Note) -> None:
        """Say what the core found worth saying."""
        _say(logging.WARNING, note.task, note.task_id, f"{note.what}: {note.detail}")

    def _report(self, report: Report, delivery: Delivery) -> None:
        message = delivery.message
        trace = ""
        match report.state:
            case states.SUCCESS:
                text = f"succeeded in {report.runtime:.6f}s: {report.summary}"
                level = logging.INFO
            case states.RETRY:
                level, text = logging.INFO, f"retry: {report.summary}"
            case states.FAILURE:
                level, text = logging.ERROR, f"raised {report.summary}"
                trace = (report.traceback or "").rstrip()
            case _:
                level, text = logging.INFO, f"{report.state.lower()} {report.summary}".rstrip()
        _say(level, message.shadow or message.task, message.id, text, trace)


def _say(level: int, task: str, task_id: str, text: str, trace: str = "") -> None:
    """Write a line, and a traceback below it; logs that machines read get it as `exception`."""
    extra = {"task_name": task, "task_id": task_id, "exception": trace or None}
    below = f"\n{trace}" if trace else ""
    logger.log(level, "Task %s[%s] %s%s", task, task_id, text, below, extra=extra)
