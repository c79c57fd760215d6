"""The jobs a pool holds, and what is to be said of them.

What must stay true: a job is either in the backlog or in flight at exactly one child, and whoever
takes it out adds its answer to the events. The caller holds the pool's lock; nothing here blocks,
for what a child's socket does not take is kept by its spoke.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from math import ceil
from typing import Any

from ....domain.work.job import (
    Began,
    Cancelled,
    Job,
    Lost,
    PoolEvent,
    Progressed,
    Report,
    Reported,
    TimedOut,
)
from ....ports.pool import Cancel
from ..pace import Pace
from . import wire
from .burial import last_rites
from .crew import Crew
from .spoke import WINDOW, Spoke


class Workload:
    """Deals jobs to children, and takes in what they say of them."""

    def __init__(self, crew: Crew, max_tasks: int | None) -> None:
        self._crew = crew
        self._max_tasks = max_tasks
        self._backlog: deque[Job] = deque()
        self._pace = Pace()
        self._events: list[PoolEvent] = []
        self._reports: list[Report] = []
        self.unwanted: dict[int, Cancel] = {}

    @property
    def has_news(self) -> bool:
        """Whether there are events to send."""
        return bool(self._events or self._reports)

    def harvest(self) -> list[PoolEvent]:
        """Take the events out, in the order in which they came to be."""
        self._bind()
        events, self._events = self._events, []
        return events

    def say(self, event: PoolEvent) -> None:
        """Add an event."""
        self._bind()
        self._events.append(event)

    def _bind(self) -> None:
        if self._reports:
            self._events.append(Reported(self._reports))
            self._reports = []

    # -- from the hub to the children ----------------------------------------------------------

    def add(self, jobs: Sequence[Job]) -> None:
        """Take jobs into the backlog."""
        if self._max_tasks:  # what a child has run is counted here
            jobs = [job._replace(relays=0) for job in jobs]
        self._backlog.extend(jobs)
        self._pace.note(jobs)

    def room(self, now: float) -> int:
        """How many jobs like those added last could be sent now."""
        each = self._pace.jobs_per_slot()
        # Children that are being born count as well, unless they keep dying of it.
        free = 0 if self._crew.failing else each * self._crew.unborn
        for spoke in self._crew:
            if spoke.open and spoke.load < WINDOW and not spoke.overdue(now):
                free += max(0, each - len(spoke.inflight))
        return max(0, free - len(self._backlog))

    def deal(self, now: float) -> None:
        """Give from the backlog to the children that want more, evenly, the idlest first."""
        if not self._backlog:
            return
        hungry = sorted((spoke for spoke in self._crew if spoke.hungry(now)), key=_load)
        for left, spoke in zip(range(len(hungry), 0, -1), hungry, strict=True):
            if not self._backlog:
                break
            self._give(spoke, ceil(len(self._backlog) / left), now)

    def _give(self, spoke: Spoke, most: int, now: float) -> None:
        if self._max_tasks:
            most = min(most, self._max_tasks - spoke.sent)
        while jobs := spoke.take(self._backlog, most, now):
            if self.hand_over(spoke, jobs):
                break
        if self._max_tasks and spoke.sent >= self._max_tasks:
            self.send_away(spoke)

    def hand_over(self, spoke: Spoke, jobs: Sequence[Job]) -> bool:
        """Send a child the jobs it has taken; False if some of them cannot travel."""
        data, refused = wire.frame_of_rows(wire.JOBS, [wire.job_row(job) for job in jobs])
        spoke.send(data)
        for number, cause in refused:
            spoke.settle(number)
            self.say(Lost((number,), (), cause))
        return not refused

    def send_away(self, spoke: Spoke, recall: bool = False) -> None:
        """Let a child leave when it has done, or handed back, all it holds."""
        if spoke.leaving:
            return
        spoke.leaving = True
        spoke.send((wire.frame(wire.RECALL) if recall else b"") + wire.frame(wire.BYE))

    def cancel(self, numbers: Iterable[int], how: Cancel) -> list[Spoke]:
        """Take back what is here; return the children that were asked for the rest."""
        wanted = set(numbers)
        taken = [job.number for job in self._backlog if job.number in wanted]
        if taken:
            self._backlog = deque(job for job in self._backlog if job.number not in wanted)
            self.say(Cancelled(taken))
        asked: list[Spoke] = []
        for spoke in self._crew:
            held = [number for number in wanted if number in spoke.inflight]
            if held:
                self.unwanted.update(dict.fromkeys(held, how))
                spoke.send(wire.frame(wire.CANCEL, held))
                asked.append(spoke)
        return asked

    def drop_backlog(self, cause: str) -> None:
        """Answer for all jobs that no child has."""
        if self._backlog:
            self.say(Lost((), [job.number for job in self._backlog], cause))
            self._backlog.clear()

    # -- from the children to the hub ----------------------------------------------------------

    def take_in(self, spoke: Spoke, frames: Iterable[tuple[int, Any]]) -> None:
        """Take in what a child says."""
        for kind, value in frames:
            match kind:
                case wire.REPORTS:
                    self._take_in_reports(spoke, value)
                case wire.PROGRESS:
                    self.say(Progressed([wire.progress_of(row) for row in value]))
                case wire.BEGAN:
                    self.say(Began(value, spoke.pid or 0))
                case wire.RECALLED:
                    self._take_back(spoke, value)
                case wire.CANCELLED:
                    self._give_up(spoke, value)
                case wire.FAILED:
                    self._fail(spoke, *value)
                case wire.RETIRE:
                    self.send_away(spoke)
                case wire.READY:
                    self._crew.is_ready(spoke)

    def bury(self, spoke: Spoke, cause: str) -> None:
        """Answer for all that a dead child held, its last words having been taken in."""
        self._bind()
        self._events += last_rites(spoke, cause)
        self._forget_unwanted(spoke.inflight)

    def _take_in_reports(self, spoke: Spoke, rows: list[wire.Row]) -> None:
        for row in rows:
            number: int = row[0]
            try:
                report = wire.report_of(row)
            except Exception as exc:
                if spoke.settle(number) is not None:
                    cause = f"what came of it cannot be read from process {spoke.pid}: {exc!r}"
                    self.say(Lost((number,), (), cause))
                continue
            if report.relay is None:
                known = spoke.settle(number) is not None
            else:
                known = spoke.relay(number, report.relay)
            if known:
                if self.unwanted:
                    self._forget_unwanted((number,))
                self._reports.append(report)

    def _take_back(self, spoke: Spoke, numbers: list[int]) -> None:
        """Put jobs that a child gave back before all others, but for those nobody wants now."""
        jobs = [job for number in numbers if (job := spoke.settle(number))]
        spoke.sent -= len(jobs)
        unwanted = [job.number for job in jobs if job.number in self.unwanted]
        if unwanted:
            self._forget_unwanted(unwanted)
            self.say(Cancelled(unwanted))
            jobs = [job for job in jobs if job.number not in unwanted]
        self._backlog.extendleft(reversed(jobs))

    def _give_up(self, spoke: Spoke, numbers: list[int]) -> None:
        given_up = [number for number in numbers if spoke.settle(number)]
        self._forget_unwanted(given_up)
        if given_up:
            self.say(Cancelled(given_up))
        spoke.check_at = 0.0  # what was asked for and not given up has begun

    def _fail(self, spoke: Spoke, number: int, cause: str) -> None:
        if spoke.settle(number):
            self._forget_unwanted((number,))
            self.say(Lost((number,), (), cause))

    def _forget_unwanted(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self.unwanted.pop(number, None)


def answers(event: PoolEvent) -> int:
    """How many jobs an event answers."""
    match event:
        case Reported(reports):
            return sum(report.relay is None for report in reports)
        case Lost(started, unstarted):
            return len(started) + len(unstarted)
        case TimedOut(_, _, unstarted):
            return 1 + len(unstarted)
        case Cancelled(numbers):
            return len(numbers)
    return 0


def _load(spoke: Spoke) -> float:
    return spoke.load
