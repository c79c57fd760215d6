"""The prefork pool: each child runs one job at a time, and may be killed for it."""

import time
from collections.abc import Sequence

from ....domain.errors import NotSupported
from ....domain.work.job import Resized, Warned
from ....ports.pool import Cancel, PoolCapabilities
from . import wire
from .child import SOFT_SIGNAL, ChildOptions
from .crew import Crew
from .hub import NOT_RUNNING, STOPPED
from .plan import METHODS, Plan
from .restarting import RestartingPool
from .spoke import Spoke
from .vigil import Interrupt, Kill, TakeBack, measures
from .workload import Workload

__all__ = ["NOT_RUNNING", "STOPPED", "PreforkPool"]


class PreforkPool(RestartingPool):
    """Runs jobs in child processes.

    `max_tasks` and `max_memory` (KiB) let a child be replaced after so many jobs or once it has
    grown so large. `start_method`: `fork` shares the memory of the application as it is imported
    here; `forkserver` forks from a fresh interpreter that imports it anew; `spawn` makes each
    child such an interpreter.
    """

    def __init__(
        self,
        slots: int,
        *,
        max_tasks: int | None = None,
        max_memory: int | None = None,
        announce_starts: bool = False,
        start_method: str = "fork",
    ) -> None:
        if start_method not in METHODS:
            raise NotSupported(
                f"worker_pool_start_method={start_method!r}: expected {', '.join(METHODS)}"
            )
        if slots < 1:
            raise NotSupported(f"worker_concurrency={slots}: prefork needs at least one child")
        options = ChildOptions(announce_starts, max_memory or None)
        plan = Plan(f"{__package__}.child:live", options, start_method)
        crew = Crew(slots)
        super().__init__(plan, crew, Workload(crew, max_tasks or None))

    @property
    def capabilities(self) -> PoolCapabilities:
        """All there is."""
        return PoolCapabilities(
            kill=True, soft_limit=True, hard_limit=True, resize=True, isolated=True
        )

    @property
    def slots(self) -> int:
        """How many children there should be."""
        return self._crew.wanted

    def cancel(self, numbers: Sequence[int], how: Cancel) -> None:
        """Take back, interrupt or kill."""
        now = time.monotonic()
        with self._lock:
            for spoke in self._work.cancel(numbers, how):
                self._look_after(spoke, now)
            self._wake_in_time()

    def resize(self, by: int) -> None:
        """Ask for more children, or send some away once they have finished what they run."""
        with self._lock:
            self._crew.resize(by)
            for spoke in self._crew.superfluous():
                self._work.send_away(spoke, recall=True)
            self._work.say(Resized(self._crew.wanted))
            self._wake_in_time()

    def _look_after(self, spoke: Spoke, now: float) -> None:
        todo, spoke.check_at = measures(spoke, now, self._work.unwanted)
        for measure in todo:
            match measure:
                case Kill(doom):
                    self._kill(spoke, doom)
                case Interrupt(number):
                    job = spoke.inflight[number]
                    if job.soft_limit and number not in self._work.unwanted:
                        self._work.say(Warned(number, job.soft_limit))
                    spoke.interrupted = number
                    spoke.journal.interrupt(number)
                    self._signal(spoke, SOFT_SIGNAL)
                case TakeBack(number):
                    spoke.stuck = number
                    spoke.send(wire.frame(wire.RECALL))
