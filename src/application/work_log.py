"""What a worker says in its log about tasks, in Celery's words."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..domain.messaging.delivery import Delivery, Undecodable
from ..domain.tasks import states
from ..domain.work.core import WorkerCore
from ..domain.work.effects import Note
from ..domain.work.job import Report

logger = logging.getLogger("celeriac.worker")

#: Who says what came in, and what it came to.
_said_by = {"received": logger, "ended": logger}


def speak_as(received: str, ended: str) -> None:
    """Let these loggers say it from now on, in this process."""
    _said_by.update(received=logging.getLogger(received), ended=logging.getLogger(ended))


#: Wordings of somebody's own, by the state they are for.
_wordings: dict[str, str] = {}


def word(wordings: Mapping[str, str]) -> None:
    """Let lines about tasks be worded so from now on, in this process.

    Args:
        wordings: By state (RECEIVED for what comes in) a format such as
            `"%(name)s[%(id)s] took %(runtime)s"`. There are also `args`, `kwargs`, `return_value`,
            `exc`, `description` and `traceback`, where they apply.
    """
    _wordings.clear()
    _wordings.update(wordings)


class WorkLog:
    """Turns what happens to tasks into lines; costs one comparison a batch when nobody listens."""

    def __init__(self, core: WorkerCore) -> None:
        """Look jobs up in this core."""
        self._core = core

    def received(self, batch: Sequence[Delivery | Undecodable]) -> None:
        """Say what has come in."""
        by = _said_by["received"]
        if not by.isEnabledFor(logging.INFO):
            return
        for item in batch:
            if isinstance(item, Delivery):
                text = _worded(states.RECEIVED, item) if _wordings else None
                _say(by, logging.INFO, item.message.task, item.message.id, "received", whole=text)

    def reports(self, reports: Iterable[Report]) -> None:
        """Say what tasks came to."""
        quiet = not _said_by["ended"].isEnabledFor(logging.INFO)
        for report in reports:
            if quiet and report.state in (states.SUCCESS, states.RETRY, states.IGNORED):
                continue
            delivery = self._core.delivery(report.number)
            if delivery is not None:
                self._report(report, delivery)

    def note(self, note: Note) -> None:
        """Say what the core found worth saying."""
        _say(logger, logging.WARNING, note.task, note.task_id, f"{note.what}: {note.detail}")

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
        whole = _worded(report.state, delivery, report) if _wordings else None
        name = message.shadow or message.task
        _say(_said_by["ended"], level, name, message.id, text, trace, whole)


def _say(
    by: logging.Logger,
    level: int,
    task: str,
    task_id: str,
    text: str,
    trace: str = "",
    whole: str | None = None,
) -> None:
    """Write a line, and a traceback below it; logs that machines read get it as `exception`.

    `whole` stands for the line as it would be.
    """
    extra = {"task_name": task, "task_id": task_id, "exception": trace or None}
    below = f"\n{trace}" if trace else ""
    if whole is not None:
        by.log(level, "%s%s", whole, below, extra=extra)
        return
    by.log(level, "Task %s[%s] %s%s", task, task_id, text, below, extra=extra)


def _worded(state: str, delivery: Delivery, report: Report | None = None) -> str | None:
    """Return a line in somebody's own wording; None if there is none, or if it does not fit."""
    wording, message = _wordings.get(state), delivery.message
    if wording is None:
        return None
    known: dict[str, Any] = {
        "id": message.id,
        "name": message.shadow or message.task,
        "args": message.headers.get("argsrepr", ""),
        "kwargs": message.headers.get("kwargsrepr", ""),
    }
    if report is not None:
        known |= {
            "runtime": report.runtime,
            "return_value": report.summary,
            "exc": report.summary,
            "description": "raised" if state == states.FAILURE else state.lower(),
            "traceback": report.traceback or "",
        }
    try:
        return wording % known
    except (KeyError, TypeError, ValueError) as misfit:
        del _wordings[state]
        logger.warning("the wording %r of lines about tasks does not fit: %r", wording, misfit)
        return None
