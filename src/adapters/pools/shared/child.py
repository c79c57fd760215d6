"""The child that runs jobs side by side: what all kinds of it do alike.

One thread hears the hub, begins jobs and answers for them; what a job is to that thread (a
coroutine, a greenlet) is the subclass's matter. Reports are gathered for a moment.

What must stay true: a job is in `_running` from before its beginning is told until it has ended,
and whoever takes it out answers.
"""

import _socket
import logging
import os
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ....domain.work.job import Job, Progress, Report, Runner
from ..prefork import wire

logger = logging.getLogger("celeriac.pool")

READ_SIZE: Final = 1 << 18
#: How long reports that follow on others may wait for more to travel with, in seconds: each batch
#: costs the hub some commits. Slots do not wait meanwhile, for the next jobs are here already.
GATHERING: Final = 0.005
#: How long a job that was told to end may clean up before its slot is given away, in seconds.
CLEAN_UP_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class SharedOptions:
    """What the child is told at its birth."""

    slots: int


class Run:
    """One job that runs. `verdict` is the frame that answers it, if not its own report."""

    __slots__ = ("entered", "interrupted", "job", "thread_id", "timers", "verdict", "way")

    def __init__(self, job: Job) -> None:
        self.job = job
        #: What carries it: a task, a greenlet.
        self.way: Any = None
        #: Whether that has come to its first step: before, nothing raised in it is met by anybody.
        self.entered = False
        self.timers: list[Any] = []
        self.verdict: bytes | None = None
        self.thread_id = 0
        self.interrupted = False


class SharedChild(ABC):
    """Runs jobs side by side."""

    def __init__(self, sock: int, runner: Runner, options: SharedOptions) -> None:
        # The socket below Python's own: nothing that is patched changes its ways.
        self._sock = _socket.socket(fileno=sock)
        self._sock.setblocking(True)
        self._runner = runner
        self._slots = options.slots
        self._frames = wire.Frames()
        self._todo: deque[wire.Row] = deque()
        self._running: dict[int, Run] = {}
        self._reports: list[wire.Row] = []
        self._verdicts: list[bytes] = []
        self._leaving = False
        self._flushing = self._filling = False
        self._flushed_at = 0.0

    # -- what subclasses know

    @abstractmethod
    def begin(self, run: Run) -> None:
        """Have a job run soon; it ends by `ended`."""

    @abstractmethod
    def interrupt(self, run: Run) -> None:
        """Raise SoftTimeLimitExceeded in a job, where it waits."""

    @abstractmethod
    def end(self, run: Run) -> None:
        """Stop a job where it waits; it may clean up, and ends by `ended`."""

    @abstractmethod
    def soon(self, call: Callable[[], None]) -> None:
        """Call when this thread has done what is to be done at once."""

    @abstractmethod
    def later(self, seconds: float, call: Callable[[Any], None], about: Any) -> Any:
        """Call after so many seconds; return what `forget` takes."""

    @abstractmethod
    def forget(self, timer: Any) -> None:
        """Do not call any more."""

    @abstractmethod
    def over(self) -> None:
        """All is done: let `live` return."""

    # -- the hub's words

    def hear(self) -> None:
        """Take in what has come. Called when there is something to read."""
        data = self._sock.recv(READ_SIZE)
        if not data:
            # The hub is gone: nobody would hear of what is still done here.
            os._exit(1)
        for kind, value in self._frames.feed(data):
            self._obey(kind, value)
        self._begin_more()

    def _obey(self, kind: int, value: Any) -> None:
        match kind:
            case wire.JOBS:
                self._todo.extend(value)
            case wire.CANCEL:
                self._give_back(set(value))
            case wire.INTERRUPT:
                for run in self._runs(value):
                    self.interrupt(run)
            case wire.END:
                for run in self._runs(value):
                    self._stop(run, wire.frame(wire.ENDED, [run.job.number]))
            case wire.RESIZE:
                self._slots = value
            case wire.RECALL:
                numbers = [row[0] for row in self._todo]
                self._todo.clear()
                self.send(wire.frame(wire.RECALLED, numbers))
            case wire.BYE:
                self._leaving = True
                self._flush_soon()

    def _runs(self, numbers: list[int]) -> list[Run]:
        return [self._running[number] for number in numbers if number in self._running]

    def _give_back(self, unwanted: set[int]) -> None:
        found = [row[0] for row in self._todo if row[0] in unwanted]
        if found:
            self._todo = deque(row for row in self._todo if row[0] not in unwanted)
        self.send(wire.frame(wire.CANCELLED, found))

    # -- jobs

    def _begin_more(self) -> None:
        todo, running = self._todo, self._running
        rows = [todo.popleft() for _ in range(min(len(todo), self._slots - len(running)))]
        if not rows:
            return
        self.send(wire.frame(wire.BEGAN, [row[0] for row in rows]))
        for row in rows:
            job = wire.job_of(row)
            run = running[job.number] = Run(job)
            if job.soft_limit:
                run.timers.append(self.later(job.soft_limit, self._warn, run))
            if job.hard_limit:
                run.timers.append(self.later(job.hard_limit, self._overdue, run))
            self.begin(run)

    def _warn(self, run: Run) -> None:
        self.send(wire.frame(wire.WARNED, (run.job.number, run.job.soft_limit)))
        self.interrupt(run)

    def _overdue(self, run: Run) -> None:
        number, limit = run.job.number, run.job.hard_limit
        self._stop(run, wire.frame(wire.OVERDUE, (number, limit)))

    def _stop(self, run: Run, verdict: bytes) -> None:
        if run.verdict is None:
            run.verdict = verdict
            run.timers.append(self.later(CLEAN_UP_SECONDS, self._abandon, run))
            self.end(run)

    def _abandon(self, run: Run) -> None:
        """Give the slot of a job away that does not end: it goes on unheard."""
        logger.warning("job %d goes on though it was told to end", run.job.number)
        self.ended(run, None, None)

    def ended(self, run: Run, report: Report | None, error: BaseException | None) -> None:
        """Answer for a job: by its verdict, its report, or the fault of its runner."""
        number = run.job.number
        if self._running.pop(number, None) is None:
            return  # it was abandoned, and is answered
        for timer in run.timers:
            self.forget(timer)
        if run.verdict is not None:
            self._verdicts.append(run.verdict)
        elif report is not None:
            self._reports.append(wire.report_row(report))
        else:
            self._verdicts.append(wire.frame(wire.FAILED, (number, f"its runner raised {error!r}")))
        if self._todo and not self._filling:
            self._filling = True
            self.soon(self._fill)
        self._flush_soon()

    # -- words to the hub

    def say(self, progress: Progress) -> None:
        """Send progress of a job that runs."""
        data, refused = wire.frame_of_rows(wire.PROGRESS, [wire.progress_row(progress)])
        if refused:
            raise ValueError(refused[0][1])
        self.send(data)

    def send(self, data: bytes) -> None:
        """Send at once. The hub always reads, so this waits for an instant at most."""
        self._sock.sendall(data)

    def _fill(self) -> None:
        self._filling = False
        self._begin_more()

    def _flush_soon(self) -> None:
        """Have what there is sent: at once after a pause, and together while much is going on."""
        if self._flushing:
            return
        self._flushing = True
        wait = self._flushed_at + GATHERING - time.monotonic()
        if wait > 0:
            self.later(wait, self._flush, None)
        else:
            self.soon(self._flush)

    def _flush(self, _: None = None) -> None:
        self._flushing = False
        self._flushed_at = time.monotonic()
        frames, self._verdicts = self._verdicts, []
        rows, self._reports = self._reports, []
        if rows:
            data, refused = wire.frame_of_rows(wire.REPORTS, rows)
            frames += [data, *(wire.frame(wire.FAILED, failure) for failure in refused)]
        if frames:
            self.send(b"".join(frames))
        if self._leaving and not self._running and not self._todo:
            self.over()
