"""Entries pass through `celery.beat.Scheduler.apply_entry` where somebody has wrapped that.

Sentry's integration announces a run there, and adds headers to it. What comes out of the method is
not sent by it: beat sends it, with its own guarantees.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from ..domain.errors import NotSupported
from .library.asking import ASKED, Call, Question
from .library.schedule_entry import ScheduleEntry
from .library.scheduler import APPLY_ENTRY, Scheduler

if TYPE_CHECKING:
    from ..domain.schedules import Entry
    from .library.app import Celeriac

#: Ticks whose answer is remembered, since the broker may have to be tried several times.
REMEMBERED: Final = 100


def wrapped_scheduler(app: "Celeriac") -> "WrappedScheduler | None":
    """Return what asks the wrapped method; None: nobody has wrapped it."""
    return None if Scheduler.apply_entry is APPLY_ENTRY else WrappedScheduler(app)


class WrappedScheduler:
    """Asks the wrapped method once for each tick."""

    def __init__(self, app: "Celeriac") -> None:
        self._app = app
        self._scheduler = Scheduler(app, lazy=True)
        self._answers: dict[str, Call] = {}

    def asked(self, entry: "Entry", options: Mapping[str, Any]) -> Call:
        """Return the call that the method would send. Raises NotSupported if it sends none."""
        tick = options["task_id"]
        if tick not in self._answers:
            if len(self._answers) >= REMEMBERED:
                del self._answers[next(iter(self._answers))]
            self._answers[tick] = self._answer(entry, options)
        return self._answers[tick]

    def _answer(self, entry: "Entry", options: Mapping[str, Any]) -> Call:
        shown = ScheduleEntry(
            name=entry.name,
            task=entry.task,
            last_run_at=entry.last_run_at,
            total_run_count=entry.total_run_count,
            schedule=entry.schedule,
            args=entry.args,
            kwargs=entry.kwargs,
            options=options,
            app=self._app,
        )
        question = Question(entry.task)
        before = ASKED.set(question)
        try:
            self._scheduler.apply_entry(shown)
        finally:
            ASKED.reset(before)
        if question.found is None:
            raise NotSupported(
                f"{Scheduler.apply_entry!r}, which stands for Scheduler.apply_entry, did not go on "
                f"to send {entry.name}"
            )
        return question.found
