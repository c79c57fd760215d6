"""One job at a time, in this process; by default in its main thread.

Signal handlers, event loops and GUI libraries want the main thread, and the worker's own loop must
go on whatever a task does with its time: so the worker's loop lives in another thread, and the
main thread is lent to the jobs by `run_main`.

A thread cannot be killed. A job past its hard limit is answered as timed out at once, and an
exception is raised in it that no `except Exception` stops. If the thread is not back some seconds
later the pool is of no use any more and says so, so that the worker leaves and is started afresh;
if not even that can be said, since the job never lets go of the interpreter, who guards the worker
ends it.
"""

import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Final

from ...domain.errors import NotSupported, SoftTimeLimitExceeded
from ...domain.work.job import GivenUp, Job
from ...ports.pool import Guarded, PoolCapabilities
from . import interruption
from .in_process import InProcessPool, Lane

#: What wakes the main thread from a call that waits. Nothing else uses it: it is meant for timers
#: of time spent in a process, of which Python's are rare.
SIGNAL: Final = signal.SIGVTALRM
#: Seconds after a hard limit: when a job that did not mind the signal is told in another way; when
#: its thread counts as lost; when the process is ended from outside.
AGAIN, LOST, ENDED = 1.0, 5.0, 10.0


class SoloPool(InProcessPool, Guarded):
    """Runs jobs one by one in `run_main`, or in a thread of its own with `main_thread=False`."""

    instead = "it is interrupted, and the worker leaves if that does not end it"

    def __init__(self, main_thread: bool = True, announce_starts: bool = False) -> None:
        super().__init__(1, announce_starts)
        self._main_thread = main_thread
        self._lane = Lane()
        self._expect: Callable[[float], None] | None = None
        #: What is to be raised in which job, when the signal comes.
        self._aim: tuple[Job, type[BaseException]] | None = None
        self._by_signal = False
        #: The signals that the main thread does not take.
        self._mask: set[int] = set()

    @property
    def capabilities(self) -> PoolCapabilities:
        """Limits, by exceptions."""
        return PoolCapabilities(soft_limit=True, hard_limit=True)

    @property
    def wants_main_thread(self) -> bool:
        """Whether jobs wait for `run_main`."""
        return self._main_thread

    def be_guarded(self, expect: Callable[[float], None]) -> None:
        """Tell before a job with a hard limit begins when it must be over, and 0.0 when it is."""
        self._expect = expect

    def run_main(self) -> None:
        """Run jobs in the calling thread until the pool is stopped."""
        if not self._main_thread:
            return
        self._by_signal = threading.current_thread() is threading.main_thread()
        if not self._by_signal:
            self._serve(self._lane)
            return
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        before = signal.signal(SIGNAL, self._on_signal)
        try:
            self._serve(self._lane)
        finally:
            signal.signal(SIGNAL, before)

    def resize(self, by: int) -> None:
        """Refuse: one is all there is."""
        raise NotSupported(
            f"the solo pool runs one job at a time and cannot be resized by {by:+d}; "
            "use worker_pool='threads' or 'prefork'"
        )

    def _staff(self) -> None:
        self._lanes.append(self._lane)
        if not self._main_thread:
            self._lane.thread = threading.Thread(
                target=self._serve_or_break, args=(self._lane,), name="celeriac-solo", daemon=True
            )
            self._lane.thread.start()

    # -- limits

    def _next(self, lane: Lane) -> Job | None:
        job = super()._next(lane)
        if job is not None and job.hard_limit and self._expect is not None:
            self._expect(lane.since + job.hard_limit + ENDED)
        return job

    def _release(self, lane: Lane, job: Job) -> bool:
        mine = super()._release(lane, job)
        if self._by_signal:
            # A task that blocked them would have the worker hear of no signal any more.
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        if job.hard_limit and self._expect is not None:
            self._expect(0.0)
        return mine

    def _give_up(self, lane: Lane) -> None:
        lane.given_up, lane.job = lane.job, None
        self._rest.notify_all()
        self._raise(lane, GivenUp)

    def _press(self, lane: Lane, now: float) -> float | None:
        job = lane.given_up
        assert job is not None
        over = lane.since + (job.hard_limit or 0.0)
        if now < over + AGAIN:
            return over + AGAIN
        if now < over + LOST:
            interruption.interrupt(lane.thread_id, GivenUp)
            return over + LOST
        if not self._closed:
            self._stuck = (
                f"a task runs on {LOST:g} s after its hard limit of {job.hard_limit:g} s and "
                "cannot be ended; worker_pool='prefork' can end any"
            )
        return None

    def _interrupt(self, lane: Lane) -> None:
        self._raise(lane, SoftTimeLimitExceeded)

    def _raise(self, lane: Lane, exception: type[BaseException]) -> None:
        lane.interrupted = True
        job = lane.job or lane.given_up
        if not self._by_signal or job is None or signal.getsignal(SIGNAL) != self._on_signal:
            interruption.interrupt(lane.thread_id, exception)
            return
        self._aim = (job, exception)
        with suppress(ProcessLookupError):
            signal.pthread_kill(lane.thread_id, SIGNAL)

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        aim, self._aim = self._aim, None
        # It may come late: only the job it is meant for may be hit.
        if aim is not None and aim[0] in (self._lane.job, self._lane.given_up):
            raise aim[1]

    def _take_back(self, lane: Lane) -> None:
        self._aim = None
        super()._take_back(lane)
