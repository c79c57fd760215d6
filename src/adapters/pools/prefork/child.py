"""A child: runs the jobs it is sent, one after the other, in the main thread of its process.

A second thread listens to the hub, so that jobs can be taken back while one runs for long, and so
that the process ends at once when the hub is gone. Jobs wait in a deque whose ends are taken
atomically: the main thread takes the next from the left, the listener gives back from the right,
and no job is both begun and given back. Reports are gathered for a moment, never behind a job that
may take long. A job that ended but whose report was not sent yet when the process dies counts as
begun and lost: that is why the moment is short.

A task that forks by itself does so with the listener beside it, which is harmless to what it forks:
the listener is not copied, and the sockets are of no use there.
"""

import logging
import os
import queue
import resource
import signal
import socket
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from types import FrameType
from typing import Any, Final, NoReturn

from ....domain.errors import SoftTimeLimitExceeded
from ....domain.work.job import Job, Progress, Report, Runner
from . import wire
from .journal import Journal

logger = logging.getLogger("celeriac.pool")

# How long a report may wait for others to travel with, in seconds.
GATHERING: Final = 0.002
READ_SIZE: Final = 1 << 16
SOFT_SIGNAL: Final = signal.SIGUSR1
# ru_maxrss counts KiB, on macOS bytes.
RSS_UNIT: Final = 1024 if sys.platform == "darwin" else 1


@dataclass(frozen=True, slots=True)
class ChildOptions:
    """What all children of a pool do alike. `max_memory` is in KiB."""

    announce_starts: bool = False
    max_memory: int | None = None


class Child:
    """The main thread's work, and the listener's."""

    def __init__(
        self, sock: socket.socket, journal: Journal, runner: Runner, options: ChildOptions
    ) -> None:
        self._sock = sock
        self._journal = journal
        self._runner = runner
        self._options = options
        self._todo: deque[wire.Row] = deque()
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._reports: list[wire.Row] = []
        self._sending = threading.Lock()
        self._leaving = False
        self._retiring = False
        self._current: int | None = None
        self._uninterruptible = False
        self._interrupt_later = False

    def live(self) -> None:
        """Start the runner, run jobs until the hub says good-bye, stop the runner."""
        signal.signal(SOFT_SIGNAL, self._on_soft_limit)
        self._runner.start()
        threading.Thread(target=self._listen, name="celeriac-listener", daemon=True).start()
        self._send(wire.frame(wire.READY))
        self._run_all()
        self._runner.stop()

    # -- the main thread -----------------------------------------------------------------------

    def _run_all(self) -> None:
        """Run what is to be done until there will be no more. Each line is paid for by each job."""
        todo, reports, journal = self._todo, self._reports, self._journal
        begin, end = journal.writer()
        run, monotonic, max_memory = self._run, time.monotonic, self._options.max_memory
        first = 0.0
        while True:
            try:
                row = todo.popleft()
            except IndexError:
                if self._is_over():
                    return
                continue
            if self._retiring:
                self._send(wire.frame(wire.RECALLED, [row[0]]))
                continue
            now = monotonic()
            if reports and (now - first > GATHERING or _may_take_long(row)):
                self._flush()
            if not reports:
                first = now
            if journal.held:
                self._await_the_end()
            begin(row[0], now)
            report = run(row)
            end()
            if report is not None:
                if not todo and wire.has_relays(row):
                    report = self._run_on(row, report, first)
                if report is not None:
                    reports.append(wire.report_row(report))
            if max_memory is not None:
                self._mind_memory(max_memory)

    def _run_on(self, row: wire.Row, report: Report | None, first: float) -> Report | None:
        """Run the links that follow a job, till there are others to run; return the last report."""
        job, reports, journal = wire.job_of(row), self._reports, self._journal
        begin, end = journal.writer()
        while report is not None and not (self._todo or self._retiring or journal.held):
            relayed = self._runner.relayed(job, report)
            if relayed is None:
                break
            report, job = relayed
            now = time.monotonic()
            if reports and now - first > GATHERING:
                self._flush()
            if not reports:
                first = now
            reports.append(wire.report_row(report))
            begin(job.number, now)
            report = self._run(row, job)
            end()
        return report

    def _is_over(self) -> bool:
        """Send what was gathered and wait for more; True if there will be no more."""
        self._flush()
        if not self._leaving:
            self._wake.get()
            return False
        return not self._todo  # what came just before the good-bye was put there before it

    def _run(self, row: wire.Row, link: Job | None = None) -> Report | None:
        """Run one job, or a link that follows; None if there is no report and the hub knows why."""
        number: int = row[0] if link is None else link.number
        if self._options.announce_starts and _may_take_long(row):
            self._send(wire.frame(wire.BEGAN, [number]))
        report = None
        try:
            job = link or wire.job_of(row)
            self._current = number
            report = self._runner.run(job, self._tell_progress)
            self._current = None
        except BaseException as exc:
            # Not the task's doing, which would be a report: a soft limit that came at the very
            # edge, or a fault of the runner.
            self._current = None
            if report is None:
                self._flush(wire.frame(wire.FAILED, (number, f"its runner raised {exc!r}")))
        return report

    def _tell_progress(self, progress: Progress) -> None:
        """Send progress, of the running job, without being interrupted halfway."""
        self._uninterruptible = True
        try:
            data, refused = wire.frame_of_rows(wire.PROGRESS, [wire.progress_row(progress)])
            if not refused:
                self._send(data)
        finally:
            self._uninterruptible = False
        if self._interrupt_later:
            self._interrupt_later = False
            raise SoftTimeLimitExceeded
        if refused:
            raise ValueError(refused[0][1])

    def _on_soft_limit(self, signum: int, at: FrameType | None) -> None:
        # The signal may come late: only the job it is meant for may be hit.
        if self._current is None or self._journal.interrupted != self._current:
            return
        if self._uninterruptible:
            self._interrupt_later = True
            return
        raise SoftTimeLimitExceeded

    def _mind_memory(self, limit: int) -> None:
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // RSS_UNIT
        if used > limit and not self._retiring:
            logger.info("process %d uses %d KiB, more than %d: it leaves", os.getpid(), used, limit)
            self._retiring = True
            self._flush()
            self._send(wire.frame(wire.RETIRE))

    def _await_the_end(self) -> NoReturn:
        """Begin nothing more: the hub has sent SIGKILL, and it arrives in a moment."""
        self._flush()
        while True:
            signal.pause()

    # -- the listener --------------------------------------------------------------------------

    def _listen(self) -> None:
        frames = wire.Frames()
        try:
            while data := self._sock.recv(READ_SIZE):
                for kind, value in frames.feed(data):
                    self._obey(kind, value)
        except BaseException:
            logger.exception("process %d cannot understand its hub", os.getpid())
        # The hub is gone, or of no use: nobody would hear of what is still done here.
        os._exit(1)

    def _obey(self, kind: int, value: Any) -> None:
        match kind:
            case wire.JOBS:
                self._todo.extend(value)
                self._wake.put(None)
            case wire.RECALL:
                self._flush(wire.frame(wire.RECALLED, self._take_back()))
            case wire.CANCEL:
                self._send(wire.frame(wire.CANCELLED, self._give_up(set(value))))
            case wire.BYE:
                self._leaving = True
                self._wake.put(None)

    def _take_back(self) -> list[int]:
        taken: list[int] = []
        while True:
            try:
                taken.append(self._todo.pop()[0])
            except IndexError:
                return taken[::-1]

    def _give_up(self, wanted: set[int]) -> list[int]:
        given: list[int] = []
        for row in list(self._todo):
            if row[0] in wanted:
                try:
                    self._todo.remove(row)
                except ValueError:
                    continue  # it has begun meanwhile
                given.append(row[0])
        return given

    # -- both ----------------------------------------------------------------------------------

    def _flush(self, after: bytes = b"") -> None:
        """Send the reports gathered, then one more frame. Either thread may do so at any time."""
        with self._sending:
            rows = self._reports[:]
            del self._reports[: len(rows)]
            if rows:
                data, refused = wire.frame_of_rows(wire.REPORTS, rows)
                failures = [wire.frame(wire.FAILED, failure) for failure in refused]
                after = b"".join((data, *failures, after))
            if after:
                self._sock.sendall(after)

    def _send(self, data: bytes) -> None:
        with self._sending:
            self._sock.sendall(data)


def _may_take_long(row: wire.Row) -> bool:
    estimate = row[1]
    # A pickled row hides its estimate behind bytes.
    return not isinstance(estimate, float) or estimate > GATHERING


def live(sock: int, journal: int, runner: Runner, options: ChildOptions) -> None:
    """Be a child whose jobs run one after the other. Returns when the hub has said good-bye."""
    Child(socket.socket(fileno=sock), Journal(journal), runner, options).live()
