"""A pool without processes and threads, for simulated clusters: nothing runs unless it is stepped.

A job takes virtual time. What its task does, it does when the job begins; its report comes when
its time is over. So a slot that is killed within a job leaves the worst case behind: the task's
effects have happened, and nobody hears of them.
"""

from collections import deque
from collections.abc import Callable, Sequence
from math import inf

from ...domain.work.job import (
    Began,
    Cancelled,
    Inbox,
    Job,
    Lost,
    PoolEvent,
    Progressed,
    Reported,
    Resized,
    Runner,
    TimedOut,
)
from ...ports.clock import Clock
from ...ports.pool import Cancel, Pool, PoolCapabilities, Stop

FIRST_PID = 1000


def estimated(job: Job) -> float:
    """How long a job takes when the simulator does not say: what its submitter expects, or 0."""
    return job.estimate or 0.0


class _Slot:
    """One pretended process: what it runs, and what was handed to it besides."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.fresh = True
        self.leaving = False
        self.hand: deque[Job] = deque()
        self.job: Job | None = None
        self.since = 0.0
        self.answer: PoolEvent | None = None
        #: What is said instead, and what is begun, where another link may follow at once.
        self.relayed: PoolEvent | None = None
        self.link: Job | None = None


class SimulatedPool(Pool):
    """Runs jobs by a runner when stepped; its slots can be killed between and within jobs.

    `batch` is how many jobs a slot takes at once: those behind the first are lost unstarted when
    it is killed. `duration` is asked again at each step, so a job may be held up for as long as
    the simulator likes. Slots are named by their position.
    """

    def __init__(
        self,
        clock: Clock,
        slots: int = 1,
        *,
        batch: int = 1,
        duration: Callable[[Job], float] = estimated,
        announce_starts: bool = False,
    ) -> None:
        self._clock = clock
        self._batch = batch
        self._duration = duration
        self._announce_starts = announce_starts
        self._wanted = slots
        self._next_pid = FIRST_PID
        self._crew: list[_Slot] = []
        self._backlog: deque[Job] = deque()
        self._closed = False
        self._runner: Runner
        self._inbox: Inbox

    # -- the port ----------------------------------------------------------------------------

    @property
    def capabilities(self) -> PoolCapabilities:
        """All but soft limits: a pretended process has no task to raise them in."""
        return PoolCapabilities(kill=True, hard_limit=True, resize=True, isolated=True)

    @property
    def slots(self) -> int:
        """How many jobs run at once."""
        return self._wanted

    @property
    def pids(self) -> Sequence[int]:
        """Made-up process ids, never used twice."""
        return tuple(slot.pid for slot in self._crew)

    @property
    def wants_main_thread(self) -> bool:
        """It wants to be stepped instead."""
        return False

    def run_main(self) -> None:
        """Return at once."""

    def start(self, runner: Runner, inbox: Inbox) -> None:
        """Make the slots; each calls `runner.start` before its first job."""
        self._runner, self._inbox = runner, inbox
        self._recruit()

    def submit(self, jobs: Sequence[Job]) -> None:
        """Put jobs in the backlog and deal it out. Nothing begins before the next step."""
        if self._closed:
            if jobs:
                self._inbox(Lost((), [job.number for job in jobs], "the pool is not running"))
            return
        self._backlog.extend(jobs)
        self._deal()

    def room(self) -> int:
        """How many jobs slots would take without waiting."""
        if self._closed:
            return 0
        held = sum(len(slot.hand) + (slot.job is not None) for slot in self._crew)
        return max(0, self._wanted * self._batch - held - len(self._backlog))

    def cancel(self, numbers: Sequence[int], how: Cancel) -> None:
        """Take back what has not begun; with KILL, kill the slots that run the rest."""
        wanted = set(numbers)
        taken: list[int] = []
        for queue in (self._backlog, *(slot.hand for slot in self._crew)):
            mine = [job for job in queue if job.number in wanted]
            taken.extend(job.number for job in mine)
            for unwanted in mine:
                queue.remove(unwanted)
        if taken:
            self._inbox(Cancelled(taken))
        if how is not Cancel.KILL:
            return
        for slot in list(self._crew):
            if (job := slot.job) is not None and job.number in wanted:
                rest = self._bury(slot)
                self._inbox(Cancelled((job.number,), (job.number,)))
                if rest:
                    cause = f"process {slot.pid} was killed to cancel job {job.number}"
                    self._inbox(Lost((), rest, cause))

    def resize(self, by: int) -> None:
        """Add slots, or let some go: they finish what they run, and hand back the rest."""
        self._wanted = max(1, self._wanted + by)
        staying = [slot for slot in self._crew if not slot.leaving]
        for slot in staying[self._wanted :]:
            slot.leaving = True
            self._backlog.extendleft(reversed(slot.hand))
            slot.hand.clear()
            if slot.job is None:
                self._crew.remove(slot)
        self._recruit()
        self._inbox(Resized(self._wanted))
        self._deal()

    def stop(self, how: Stop, deadline: float) -> None:
        """Step to the end if that needs no more virtual time than the deadline; the rest is Lost.

        The clock is not advanced: jobs that end within the deadline end now.
        """
        self._closed = True
        if how is Stop.WARM:
            end = self._clock.monotonic() + deadline
            while self._advance(end):
                pass
        started = [slot.job.number for slot in self._crew if slot.job is not None]
        unstarted = [job.number for slot in self._crew for job in slot.hand]
        unstarted += [job.number for job in self._backlog]
        self._crew.clear()
        self._backlog.clear()
        if started or unstarted:
            self._inbox(Lost(started, unstarted, "the pool was stopped before the job ended"))

    # -- for the simulator -------------------------------------------------------------------

    def step(self) -> bool:
        """Do the one next thing that is due by now; False if nothing is."""
        return self._advance(self._clock.monotonic())

    def next_due(self) -> float | None:
        """Return the monotonic time of the next thing to do; None if nothing ever is."""
        if any(slot.job is None and slot.hand for slot in self._crew):
            return self._clock.monotonic()
        ends = [self._end_of(slot) for slot in self._crew if slot.job is not None]
        due = min(ends, default=inf)
        return None if due == inf else due

    def running(self) -> Sequence[int | None]:
        """Return the number each slot runs now, or None."""
        return tuple(slot.job.number if slot.job else None for slot in self._crew)

    def kill(self, position: int, cause: str = "") -> None:
        """Kill one slot as a signal would; another takes its place."""
        slot = self._crew[position]
        started = [slot.job.number] if slot.job else []
        rest = self._bury(slot)
        if started or rest:
            cause = cause or f"process {slot.pid} was killed by signal 9 (SIGKILL)"
            self._inbox(Lost(started, rest, cause))

    # -- how -----------------------------------------------------------------------------------

    def _recruit(self) -> None:
        while sum(not slot.leaving for slot in self._crew) < self._wanted:
            self._crew.append(_Slot(self._next_pid))
            self._next_pid += 1

    def _deal(self) -> None:
        """Give each slot jobs by turns, so that they begin in the order they came."""
        for held in range(self._batch):
            for slot in self._crew:
                if not self._backlog:
                    return
                if not slot.leaving and len(slot.hand) + (slot.job is not None) <= held:
                    slot.hand.append(self._backlog.popleft())

    def _advance(self, until: float) -> bool:
        for slot in self._crew:
            if slot.job is None and slot.hand:
                self._begin(slot)
                return True
        running = [slot for slot in self._crew if slot.job is not None]
        due = min(running, key=self._end_of, default=None)
        if due is None or self._end_of(due) > until:
            return False
        self._end(due)
        return True

    def _end_of(self, slot: _Slot) -> float:
        assert slot.job is not None
        return slot.since + min(self._duration(slot.job), slot.job.hard_limit or inf)

    def _begin(self, slot: _Slot) -> None:
        if slot.fresh:
            slot.fresh = False
            self._runner.start()
        self._run(slot, slot.hand.popleft())

    def _run(self, slot: _Slot, job: Job) -> None:
        slot.job, slot.since = job, self._clock.monotonic()
        if self._announce_starts:
            self._inbox(Began((job.number,), slot.pid))
        report = self._runner.run(job, lambda progress: self._inbox(Progressed((progress,))))
        slot.answer, slot.link = Reported((report,)), None
        if job.relays and (relayed := self._runner.relayed(job, report)) is not None:
            report, slot.link = relayed
            slot.relayed = Reported((report,))

    def _end(self, slot: _Slot) -> None:
        job, answer = slot.job, slot.answer
        assert job is not None
        assert answer is not None
        if job.hard_limit and self._duration(job) > job.hard_limit:
            rest = self._bury(slot)
            self._inbox(TimedOut(job.number, job.hard_limit, rest))
            return
        if slot.link is not None and not (slot.hand or slot.leaving or self._closed):
            self._run_on(slot, slot.link)
            return
        slot.job = None
        if slot.leaving:
            self._crew.remove(slot)
        self._deal()
        self._inbox(answer)

    def _run_on(self, slot: _Slot, link: Job) -> None:
        """Begin what follows a job in its slot; word of that job's end comes after it has begun."""
        told = slot.relayed
        assert told is not None
        self._run(slot, link)
        self._inbox(told)

    def _bury(self, slot: _Slot) -> list[int]:
        """Take a slot out, put a new one in its place, and return what it had not begun."""
        rest = [job.number for job in slot.hand]
        position = self._crew.index(slot)
        self._crew.remove(slot)
        if not slot.leaving and not self._closed:
            self._crew.insert(position, _Slot(self._next_pid))
            self._next_pid += 1
        self._deal()
        return rest
