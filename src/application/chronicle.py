"""What happens to tasks, counted always, and taken down for events while somebody wants them.

What must stay true: the hub writes and never waits; while events are off a task costs a count.
"""

from collections.abc import Callable, Iterable, Sequence
from queue import SimpleQueue
from signal import SIGTERM
from typing import Final

from ..domain.cluster import events
from ..domain.cluster.events import Happening
from ..domain.errors import TaskRevokedError
from ..domain.messaging.delivery import Delivery, Undecodable
from ..domain.work.core import WorkerCore
from ..domain.work.effects import Bury
from ..domain.work.job import Began, Cancelled, Lost, PoolEvent, Report, TimedOut
from ..domain.work.settlement import Requeue
from ..ports.clock import Clock
from .runnable import RunnableTask
from .time_tasks import TaskTimes

#: Batches that may wait to be told of; what comes while nobody can be told is left out.
MOST: Final = 10_000


class Chronicle:
    """One worker's; written by its hub, told by whoever reads `happened`."""

    def __init__(
        self, core: WorkerCore, find: Callable[[str], RunnableTask | None], clock: Clock
    ) -> None:
        """Take down nothing yet."""
        self._core, self._find, self._clock = core, find, clock
        #: Whether task events are wanted, and whether those of publishing are.
        self.on = False
        self.tells_of_sending = False
        self.totals: dict[str, int] = {}
        #: How many tasks came to which end, by state.
        self.outcomes: dict[str, int] = {}
        #: What measures how long tasks wait and run, where somebody may ask for that.
        self.times: TaskTimes | None = None
        self.happened: SimpleQueue[Sequence[Happening]] = SimpleQueue()
        #: By which signal tasks were asked to be ended, by id.
        self.signals: dict[str, int] = {}
        self._begun: set[int] = set()

    def received(self, batch: Sequence[Delivery | Undecodable]) -> None:
        """Take down what was claimed."""
        self.count(batch)
        if self.on:
            now = self._now()
            self._add(
                ("task-received", now, events.received(item.message))
                for item in batch
                if isinstance(item, Delivery) and self._is_told_of(item.message.task)
            )

    def count(self, batch: Sequence[Delivery | Undecodable]) -> None:
        """Count what was claimed."""
        totals = self.totals
        for item in batch:
            if type(item) is Delivery:
                task = item.message.task
                totals[task] = totals.get(task, 0) + 1

    def saw(self, event: PoolEvent) -> None:
        """Take down what the pool began; forget what it gave up."""
        if self.times is not None and isinstance(event, TimedOut):
            self.times.timed_out(event)
        if not self.on:
            return
        match event:
            case Began(numbers):
                self._begun.update(numbers)
                now = self._now()
                self._add(
                    ("task-started", now, {"uuid": delivery.message.id})
                    for delivery in map(self._core.delivery, numbers)
                    if delivery is not None and self._is_told_of(delivery.message.task)
                )
            case Lost(started, unstarted):
                self._begun.difference_update(started, unstarted)
            case Cancelled(numbers):
                self._begun.difference_update(numbers)
            case TimedOut(number):
                self._begun.discard(number)

    def reports(self, reports: Sequence[Report]) -> None:
        """Take down what tasks came to, and that they began if nobody said so."""
        if self.times is not None:
            self.times.reports(reports)
        if not self.on:
            return
        now = self._now()
        happenings: list[Happening] = []
        for report in reports:
            delivery = self._core.delivery(report.number)
            was_told = report.number in self._begun
            self._begun.discard(report.number)
            if delivery is None or not self._is_told_of(delivery.message.task):
                continue
            uuid = delivery.message.id
            if not was_told:
                happenings.append(("task-started", now - report.runtime, {"uuid": uuid}))
            end = events.ended(
                uuid,
                report.state,
                report.summary,
                report.traceback,
                report.runtime,
                requeue=isinstance(report.disposition, Requeue),
            )
            if end is not None:
                happenings.append((end[0], now, end[1]))
            if self.tells_of_sending:
                sent = report.publish if report.relay is None else (*report.publish, report.relay)
                happenings += (("task-sent", now, events.sent(m)) for m in sent)
        self._add(happenings)

    def ended(self, reports: Iterable[Report]) -> None:
        """Count what tasks came to."""
        outcomes = self.outcomes
        for report in reports:
            state = report.state
            outcomes[state] = outcomes.get(state, 0) + 1

    def buried(self, bury: Bury) -> None:
        """Take down a task that is not run, or was ended while it ran."""
        if not self.on or not self._is_told_of(bury.delivery.message.task):
            return
        uuid, why = bury.delivery.message.id, str(bury.error)
        kind = "task-failed"
        if isinstance(bury.error, TaskRevokedError):
            kind, terminated = "task-revoked", why == "terminated"
            signum = self.signals.pop(uuid, int(SIGTERM)) if terminated else None
            fields = events.revoked(
                uuid, terminated=terminated, signum=signum, expired=why == "expired"
            )
        else:
            fields = events.failed(uuid, repr(bury.error), None)
        self._begun.discard(bury.number)
        self._add([(kind, self._now(), fields)])

    # -- pieces

    def _add(self, happenings: Iterable[Happening]) -> None:
        said = list(happenings)
        if said and self.happened.qsize() < MOST:
            self.happened.put(said)

    def _is_told_of(self, task: str) -> bool:
        found = self._find(task)
        return found is None or found.resolved.send_events

    def _now(self) -> float:
        return self._clock.now().timestamp()
