"""The jobs that a child runs side by side, as the hub sees them.

What must stay true: what a child has begun is known before it runs, so that after any death the
begun can be told from those that only waited.
"""

from collections import deque
from collections.abc import Iterable
from typing import Any

from ....domain.work.capacity import SHORT
from ....domain.work.job import Began, Cancelled, Job, TimedOut, Warned
from ....ports.pool import Cancel
from ..pace import BATCH_JOBS
from ..prefork import wire
from ..prefork.crew import Crew
from ..prefork.spoke import Spoke
from ..prefork.workload import Workload


class SharedSpoke(Spoke):
    """A child that runs many jobs at once."""

    def __init__(self, child_id: int) -> None:
        super().__init__(child_id)
        self.begun: set[int] = set()

    def take_all(self, backlog: deque[Job]) -> list[Job]:
        """Move the backlog to this child; it still is to be told."""
        taken = list(backlog)
        backlog.clear()
        self.inflight.update((job.number, job) for job in taken)
        self.sent += len(taken)
        return taken

    def settle(self, number: int) -> Job | None:
        """Take a job out, since it is answered or given back."""
        self.begun.discard(number)
        return self.inflight.pop(number, None)

    def split(self) -> tuple[list[int], list[int]]:
        """Return what had begun and what had not, when the child died."""
        numbers = list(self.inflight)
        return (
            [number for number in numbers if number in self.begun],
            [number for number in numbers if number not in self.begun],
        )


class SharedWorkload(Workload):
    """Hands jobs to the one child there is, and takes in what it says of them."""

    def __init__(self, crew: Crew, slots: int, announce_starts: bool) -> None:
        super().__init__(crew, None)
        self.slots = slots
        self._announce_starts = announce_starts

    def room(self, now: float) -> int:
        """How many jobs like those added last could be sent now.

        However many slots there are, they share one interpreter: what is short is worth two
        batches, not two a slot.
        """
        if self._crew.failing:
            return 0
        short = max(self.slots, 2 * BATCH_JOBS)
        allowed = min(self.slots * self._pace.jobs_per_slot(), short)
        held = len(self._backlog) + sum(len(spoke.inflight) for spoke in self._crew)
        return max(0, allowed - held)

    def deal(self, now: float) -> None:
        """Give the child all there is: it begins as many as it has slots."""
        for spoke in self._crew:
            if not self._backlog:
                return
            if isinstance(spoke, SharedSpoke) and spoke.open:
                self.hand_over(spoke, spoke.take_all(self._backlog))

    def resize(self, slots: int) -> None:
        """Have so many jobs run at once from now on."""
        self.slots = slots
        for spoke in self._crew:
            spoke.send(wire.frame(wire.RESIZE, slots))

    def cancel(self, numbers: Iterable[int], how: Cancel) -> list[Spoke]:
        """Take back what is here; have the child take back, interrupt or stop the rest."""
        asked = super().cancel(numbers, how)
        # Nothing of it comes back to the backlog, so there is nothing to remember.
        self.unwanted.clear()
        for spoke in asked:
            held = [number for number in numbers if number in spoke.inflight]
            if how is not Cancel.IF_UNSTARTED:
                spoke.send(wire.frame(wire.END if how is Cancel.KILL else wire.INTERRUPT, held))
        return asked

    def take_in(self, spoke: Spoke, frames: Iterable[tuple[int, Any]]) -> None:
        """Take in what the child says."""
        for kind, value in frames:
            match kind:
                case wire.BEGAN:
                    self._begin(spoke, value)
                case wire.OVERDUE:
                    if spoke.settle(value[0]):
                        self.say(TimedOut(*value))
                case wire.WARNED:
                    if value[0] in spoke.inflight:
                        self.say(Warned(*value))
                case wire.ENDED:
                    numbers = [number for number in value if spoke.settle(number)]
                    self.say(Cancelled(numbers, numbers))
                case _:
                    super().take_in(spoke, [(kind, value)])
                    if kind == wire.READY:
                        spoke.send(wire.frame(wire.RESIZE, self.slots))

    def _begin(self, spoke: Spoke, numbers: list[int]) -> None:
        assert isinstance(spoke, SharedSpoke)
        spoke.begun.update(numbers)
        if not self._announce_starts:
            return
        jobs = (spoke.inflight.get(number) for number in numbers)
        long = [job.number for job in jobs if job and (job.estimate or SHORT + 1) > SHORT]
        if long:
            self.say(Began(long, spoke.pid or 0))
