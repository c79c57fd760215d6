"""Time tasks: how long they run, how long they wait here before, how late they are.

Messages carry no time of their publication on Celery's wire. What is known of one is when it was
claimed, and, if it has an `eta`, when it was due.
"""

from collections.abc import Iterable

from ..domain.work.core import WorkerCore
from ..domain.work.durations import Durations
from ..domain.work.job import Report, TimedOut
from ..ports.clock import Clock


class TaskTimes:
    """What was measured of one worker's tasks. Its hub writes; any thread may copy and read."""

    def __init__(self, core: WorkerCore, clock: Clock) -> None:
        """Have measured nothing yet."""
        self._core, self._clock = core, clock
        #: How long tasks ran, by task.
        self.runs: dict[str, Durations] = {}
        #: How long they had been claimed when they began, and how long due, by queue.
        self.waits: dict[str, Durations] = {}
        self.delays: dict[str, Durations] = {}

    def reports(self, reports: Iterable[Report]) -> None:
        """Measure tasks that ended by themselves just now."""
        core, now, tick = self._core, self._clock.now(), self._clock.monotonic()
        for report in reports:
            delivery = core.delivery(report.number)
            if delivery is None:
                continue
            message, runtime = delivery.message, report.runtime
            _of(self.runs, message.task).add(runtime)
            claimed_at = core.claimed_at(report.number)
            if claimed_at is not None:
                _of(self.waits, delivery.queue).add(tick - claimed_at - runtime)
            if message.eta is not None:
                late = (now - message.eta).total_seconds()
                _of(self.delays, delivery.queue).add(late - runtime)

    def timed_out(self, event: TimedOut) -> None:
        """Measure a task that ran up to its hard limit."""
        delivery = self._core.delivery(event.number)
        if delivery is not None:
            _of(self.runs, delivery.message.task).add(event.limit)


def _of(kept: dict[str, Durations], name: str) -> Durations:
    found = kept.get(name)
    if found is None:
        found = kept[name] = Durations()
    return found
