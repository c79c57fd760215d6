"""Threads beside an event loop, for jobs that are no coroutines: as many as run at once."""

import threading
from collections.abc import Callable
from queue import SimpleQueue

from ....domain.errors import SoftTimeLimitExceeded
from ....domain.work.job import GivenUp, Progress, Report, Runner
from .. import interruption
from .child import Run

Ended = Callable[[Run, Report | None, BaseException | None], None]


class SideThreads:
    """Begins a thread when none is free; who calls it bounds how many there are."""

    def __init__(self, runner: Runner, say: Callable[[Progress], None], ended: Ended) -> None:
        self._runner, self._say, self._ended = runner, say, ended
        self._jobs: SimpleQueue[Run] = SimpleQueue()
        self._lock = threading.Lock()
        self._free = 0

    def run(self, run: Run) -> None:
        """Run a job in a thread."""
        with self._lock:
            self._free -= 1
            if short := self._free < 0:
                self._free = 0
        if short:
            name = "celeriac-thread"
            threading.Thread(target=self._work, args=(run,), name=name, daemon=True).start()
        else:
            self._jobs.put(run)

    def interrupt(self, run: Run, error: type[BaseException] = SoftTimeLimitExceeded) -> None:
        """Raise an error in the thread that runs a job, when it next runs Python."""
        with self._lock:
            run.interrupted = True
            if run.thread_id:
                interruption.interrupt(run.thread_id, error)

    def _work(self, run: Run) -> None:
        while True:
            report: Report | None = None
            error: BaseException | None = None
            try:
                self._enter(run)
                report = self._runner.run(run.job, self._say)
            except BaseException as raised:
                error = raised
            self._leave(run)
            with self._lock:
                self._free += 1
            self._ended(run, report, error)
            run = self._jobs.get()

    def _enter(self, run: Run) -> None:
        with self._lock:
            if run.interrupted:
                raise SoftTimeLimitExceeded
            run.thread_id = threading.get_ident()

    def _leave(self, run: Run) -> None:
        while True:
            try:
                with self._lock:
                    if run.interrupted and run.thread_id:
                        interruption.take_back(run.thread_id)
                    run.thread_id = 0
                    return
            except (SoftTimeLimitExceeded, GivenUp):
                continue  # raised between the end of the run and its withdrawal
