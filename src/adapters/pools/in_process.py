"""Jobs run on threads of this very process: what `solo` and `threads` have in common.

What must stay true: a lane's job is put in and taken out under the lock, and whoever takes it out
answers for it, so that each job is answered once. No event is sent with the lock held.
"""

import logging
import os
import threading
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Sequence

from ...domain.errors import SoftTimeLimitExceeded
from ...domain.work.capacity import SHORT
from ...domain.work.job import (
    Began,
    Broken,
    Cancelled,
    GivenUp,
    Inbox,
    Job,
    Lost,
    PoolEvent,
    Progress,
    Progressed,
    Reported,
    Runner,
    TimedOut,
    Warned,
)
from ...ports.pool import Cancel, Pool, Stop
from . import interruption
from .pace import Pace

logger = logging.getLogger("celeriac.pool")

STOPPED = "the pool was stopped before the job ended"
NOT_RUNNING = "the pool is not running any more"


class Lane:
    """One slot: a thread, and the job it runs now."""

    __slots__ = ("dismissed", "given_up", "interrupted", "job", "since", "thread", "thread_id")

    def __init__(self) -> None:
        self.thread: threading.Thread | None = None
        self.thread_id = 0
        self.job: Job | None = None
        #: A job that was answered as timed out, while the thread cannot be had back yet.
        self.given_up: Job | None = None
        self.since = 0.0
        self.interrupted = False
        self.dismissed = False


class InProcessPool(Pool):
    """Lanes that take jobs from one backlog. Who staffs the lanes is the subclass's matter."""

    #: What is done about a job past its hard limit, for the log.
    instead: str

    def __init__(self, slots: int, announce_starts: bool = False) -> None:
        self._slots = slots
        self._announce_starts = announce_starts
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._rest = threading.Condition(self._lock)
        self._limits = threading.Condition(self._lock)
        self._watcher: threading.Thread | None = None
        self._backlog: deque[Job] = deque()
        self._lanes: list[Lane] = []
        self._pace = Pace()
        self._closed = False
        #: Why it can run nothing any more, when that was found out just now.
        self._stuck: str | None = None
        self._runner: Runner
        self._inbox: Inbox

    @property
    def slots(self) -> int:
        """How many jobs run at once."""
        return self._slots

    @property
    def pids(self) -> Sequence[int]:
        """This process."""
        return (os.getpid(),)

    @property
    def wants_main_thread(self) -> bool:
        """Whether jobs wait for `run_main`."""
        return False

    def start(self, runner: Runner, inbox: Inbox) -> None:
        """Staff the lanes."""
        self._runner, self._inbox = runner, inbox
        for _ in range(self._slots):
            self._staff()

    def run_main(self) -> None:
        """Return at once: these lanes have threads of their own."""

    def submit(self, jobs: Sequence[Job]) -> None:
        """Put jobs in the backlog."""
        with self._lock:
            if refused := self._closed:
                pass
            else:
                self._backlog.extend(jobs)
                self._pace.note(jobs)
                self._work.notify(len(jobs))
        if refused and jobs:
            self._inbox(Lost((), [job.number for job in jobs], NOT_RUNNING))

    def room(self) -> int:
        """Free slots, or as many short jobs as keep the slots busy for two batches."""
        with self._lock:
            if self._closed:
                return 0
            busy = sum((lane.job or lane.given_up) is not None for lane in self._lanes)
            held = busy + len(self._backlog)
            return max(0, self._slots * self._pace.jobs_per_slot() - held)

    def cancel(self, numbers: Sequence[int], how: Cancel) -> None:
        """Take back what has not begun; interrupt what has, if asked softly. Nothing is killed."""
        wanted = set(numbers)
        with self._lock:
            taken = [job.number for job in self._backlog if job.number in wanted]
            if taken:
                self._backlog = deque(job for job in self._backlog if job.number not in wanted)
            if how is Cancel.SOFT:
                for lane in self._lanes:
                    if lane.job is not None and lane.job.number in wanted:
                        self._interrupt(lane)
        if taken:
            self._inbox(Cancelled(taken))

    def stop(self, how: Stop, deadline: float) -> None:
        """Let jobs end within the deadline; those that do not are Lost, and go on unheard."""
        end = time.monotonic() + deadline
        with self._lock:
            self._closed = True
            self._work.notify_all()
            if how is Stop.WARM:
                self._rest.wait_for(self._at_rest, deadline)
            unstarted = [job.number for job in self._backlog]
            started = [lane.job.number for lane in self._lanes if lane.job is not None]
            self._backlog.clear()
            ending = [lane for lane in self._lanes if lane.job is None]
            for lane in list(self._lanes):
                self._dismiss(lane)
            self._work.notify_all()
            self._limits.notify_all()
        if started or unstarted:
            self._inbox(Lost(started, unstarted, STOPPED))
        for lane in ending:
            if lane.thread is not None and lane.thread is not threading.current_thread():
                lane.thread.join(max(0.0, end - time.monotonic()))

    # -- the lanes ---------------------------------------------------------------------------

    @abstractmethod
    def _staff(self) -> None:
        """Make one lane and see to it that a thread serves it."""

    @abstractmethod
    def _give_up(self, lane: Lane) -> None:
        """See to a slot whose job ran past its hard limit and is being answered as timed out."""

    def _press(self, lane: Lane, now: float) -> float | None:
        """Try to have a lane back whose job was given up; return when to try again."""
        return None

    def _serve(self, lane: Lane) -> None:
        """Run jobs on the calling thread until its lane is dismissed or the pool ends."""
        lane.thread_id = threading.get_ident()
        self._runner.start()
        try:
            while self._run_next(lane):
                pass
        finally:
            self._runner.stop()

    def _serve_or_break(self, lane: Lane) -> None:
        try:
            self._serve(lane)
        except Exception as exc:
            logger.exception("a thread of the pool could not start")
            self._break(f"a thread of the pool could not start: {exc!r}")
        finally:
            with self._lock:
                if lane in self._lanes:
                    self._lanes.remove(lane)

    def _run_next(self, lane: Lane) -> bool:
        """Wait for a job, run and answer it; False when there will be none."""
        answer: PoolEvent
        try:
            job = self._next(lane)
            if job is None:
                return False
            if self._announce_starts and (job.estimate is None or job.estimate > SHORT):
                self._inbox(Began((job.number,), os.getpid()))
            answer = Reported((self._runner.run(job, self._tell_progress),))
        except BaseException as exc:
            # Not the task's doing, which would be a report: a soft limit that came at the very
            # edge, or a fault of the runner. The lane lives on, and the job is answered.
            job = lane.job or lane.given_up
            if job is None:
                if lane.dismissed:
                    return False
                raise
            answer = Lost((job.number,), (), f"its runner raised {exc!r}")
        if self._release(lane, job):
            self._inbox(answer)
        return True

    def _next(self, lane: Lane) -> Job | None:
        with self._lock:
            while not lane.dismissed:
                if self._backlog:
                    lane.job, lane.since = self._backlog.popleft(), time.monotonic()
                    lane.interrupted = False
                    if lane.job.soft_limit or lane.job.hard_limit:
                        self._watch()
                    return lane.job
                if self._closed:
                    break
                self._work.wait()
            return None

    def _release(self, lane: Lane, job: Job) -> bool:
        """Take the job out of its lane; False if somebody else has, and has answered for it."""
        while True:
            try:
                with self._lock:
                    if lane.interrupted:
                        self._take_back(lane)
                    mine = lane.job is job
                    lane.job = lane.given_up = None
                    if self._at_rest():
                        self._rest.notify_all()
                    return mine
            except (SoftTimeLimitExceeded, GivenUp):
                # Raised between the end of the run and its withdrawal above: nothing was done.
                continue

    def _tell_progress(self, progress: Progress) -> None:
        self._inbox(Progressed((progress,)))

    def _dismiss(self, lane: Lane) -> None:
        lane.dismissed = True
        lane.job = None
        self._lanes.remove(lane)

    def _at_rest(self) -> bool:
        return not self._backlog and all(lane.job is None for lane in self._lanes)

    def _break(self, cause: str) -> None:
        """Answer for everything and say that this pool is of no use any more."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            unstarted = [job.number for job in self._backlog]
            self._backlog.clear()
            self._work.notify_all()
        if unstarted:
            self._inbox(Lost((), unstarted, cause))
        self._inbox(Broken(cause))

    # -- limits ------------------------------------------------------------------------------

    def _watch(self) -> None:
        if self._watcher is None:
            self._watcher = threading.Thread(
                target=self._keep_limits, name="celeriac-pool-limits", daemon=True
            )
            self._watcher.start()
        self._limits.notify()

    def _keep_limits(self) -> None:
        while True:
            with self._lock:
                if self._closed and not self._lanes:
                    return
                overdue, late, pause = self._enforce(time.monotonic())
                stuck, self._stuck = self._stuck, None
                if not overdue and not late and stuck is None:
                    self._limits.wait(pause)
            for job in overdue:
                assert job.hard_limit is not None
                logger.warning(
                    "job %d ran past its hard limit of %gs; a thread cannot be killed, so %s",
                    *(job.number, job.hard_limit, self.instead),
                )
                self._inbox(TimedOut(job.number, job.hard_limit))
            if late:
                self._warn(late)
            if stuck is not None:
                self._break(stuck)

    def _warn(self, late: Sequence[Job]) -> None:
        """Say that jobs are past their soft limits, and only then raise it: they may end by it."""
        for job in late:
            assert job.soft_limit is not None
            self._inbox(Warned(job.number, job.soft_limit))
        with self._lock:
            for lane in self._lanes:
                if lane.job in late and not lane.interrupted:
                    self._interrupt(lane)

    def _enforce(self, now: float) -> tuple[list[Job], list[Job], float | None]:
        """Give up what is over its hard limit.

        Return what was given up, what is to be interrupted, and a pause.
        """
        overdue: list[Job] = []
        late: list[Job] = []
        ahead: list[float] = []
        for lane in list(self._lanes):
            job = lane.job
            if job is None:
                if lane.given_up is not None and (at := self._press(lane, now)) is not None:
                    ahead.append(at)
                continue
            if job.hard_limit:
                if now >= lane.since + job.hard_limit:
                    overdue.append(job)
                    self._give_up(lane)
                    continue
                ahead.append(lane.since + job.hard_limit)
            if job.soft_limit and not lane.interrupted:
                if now >= lane.since + job.soft_limit:
                    late.append(job)
                else:
                    ahead.append(lane.since + job.soft_limit)
        return overdue, late, min(ahead) - now if ahead else None

    def _interrupt(self, lane: Lane) -> None:
        lane.interrupted = True
        interruption.interrupt(lane.thread_id)

    def _take_back(self, lane: Lane) -> None:
        """Withdraw what the thread has not met yet."""
        interruption.take_back(lane.thread_id)
        lane.interrupted = False
