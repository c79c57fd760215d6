"""What the signals of the system mean to a worker.

SIGTERM stops warm, SIGINT warm the first time and cold the second, SIGQUIT cold. With
REMAP_SIGTERM=SIGQUIT, as hosts set it that give little time, SIGTERM stops cold too. Where
`worker_soft_shutdown_timeout` is set, a cold stop gives that much time first; asked for once more,
it gives none. SIGHUP restarts in place, SIGUSR1 writes all stacks to the log.

What must stay true: a handler takes no lock and writes nothing. It leaves word in the worker's
inbox, and the hub does the rest, the log lines included; for stacks, a thread that waits for it.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterable, Mapping
from queue import SimpleQueue
from types import FrameType
from typing import Any, Final

from ...application.signals import worker_shutting_down
from ...domain.work.effects import Effect
from ..worker import AppWorker
from .stacks import stacks

logger = logging.getLogger("celeriac.worker")

REMAP: Final = "REMAP_SIGTERM"
#: How long the main thread may take to return once nobody waits for its task, in seconds.
PARTING_SECONDS: Final = 5.0


class Signals:
    """Takes the process's signals for one worker."""

    def __init__(self, worker: AppWorker, environ: Mapping[str, str] = os.environ) -> None:
        """Nothing is taken before `take`."""
        self._worker = worker
        self._interrupts = 0
        self._softened = False
        self._working = False
        self._over = False
        self._cold_term = environ.get(REMAP) == "SIGQUIT"
        self._cries: SimpleQueue[None] = SimpleQueue()
        self._ends_anyway: threading.Timer | None = None
        #: Whether the worker is to begin anew once it has ended.
        self.restart = False

    def take(self) -> None:
        """Take the signals; until `begin`, one that means the end just exits."""
        signal.signal(signal.SIGTERM, self._on_term)
        signal.signal(signal.SIGINT, self._on_interrupt)
        signal.signal(signal.SIGQUIT, self._on_quit)
        signal.signal(signal.SIGHUP, self._on_hangup)
        signal.signal(signal.SIGUSR1, self._on_cry)
        signal.signal(signal.SIGUSR2, self._on_debugger)

    def begin(self) -> None:
        """From now on the worker holds work, and is told instead."""
        self._working = True
        threading.Thread(target=self._write_stacks, name="celeriac-stacks", daemon=True).start()

    def release(self) -> None:
        """Throw a task out of the main thread, now that nobody waits for it any more."""
        self._over = True
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGTERM)
        self._ends_anyway = threading.Timer(PARTING_SECONDS, self._end_anyway)
        self._ends_anyway.daemon = True
        self._ends_anyway.start()

    def returned(self) -> None:
        """The main thread is back: it may take its time."""
        if self._ends_anyway is not None:
            self._ends_anyway.cancel()

    def _end_anyway(self) -> None:
        logger.critical(
            "a task keeps the main thread, though all is recorded and everything else has ended: "
            "the process ends without it"
        )
        logging.shutdown()
        os._exit(0 if self._worker.broken is None else 1)

    # -- the end

    def _on_term(self, signum: int, frame: FrameType | None) -> None:
        self._stop("SIGTERM", cold=self._cold_term)

    def _on_quit(self, signum: int, frame: FrameType | None) -> None:
        self._stop("SIGQUIT", cold=True)

    def _on_interrupt(self, signum: int, frame: FrameType | None) -> None:
        self._interrupts += 1
        again = "" if self._interrupts > 1 else ": once more, and what runs is ended at once"
        self._stop(f"SIGINT{again}", cold=self._interrupts > 1)

    def _on_hangup(self, signum: int, frame: FrameType | None) -> None:
        if not self._working:
            return
        # Of a terminal it says that its window was closed; from elsewhere it means: begin anew.
        self.restart = not _has_terminal()
        self._stop("SIGHUP" + (": a restart follows" if self.restart else ""), cold=False)

    def _stop(self, why: str, *, cold: bool) -> None:
        if not self._working or self._over:
            raise SystemExit(0)  # nothing is in hand
        conf = self._worker.app.conf
        time = conf.worker_soft_shutdown_timeout
        if cold and time > 0 and not self._softened:
            self._softened = True
            self._say(f"soft stop asked for by {why}", how="Cold")
            self._worker.stop(soft=time, idle=conf.worker_enable_soft_shutdown_on_idle)
            return
        self._say(
            f"{'cold' if cold else 'warm'} stop asked for by {why}", "Cold" if cold else "Warm"
        )
        self._worker.stop(cold=cold)

    # -- looking inside

    def _on_cry(self, signum: int, frame: FrameType | None) -> None:
        self._cries.put(None)

    def _on_debugger(self, signum: int, frame: FrameType | None) -> None:
        if self._working:
            self._say(
                "SIGUSR2 is ignored: there is no remote debugger here; SIGUSR1 writes the stacks "
                "of all threads to the log"
            )

    def _write_stacks(self) -> None:
        # Not the hub: it may be what is stuck.
        while True:
            self._cries.get()
            logger.warning("stacks of all threads, asked for by SIGUSR1:\n%s", stacks())

    def _say(self, text: str, how: str | None = None) -> None:
        def say(core: Any) -> Iterable[Effect]:
            logger.warning("%s", text)
            if how is not None:
                # Once for each signal of the system, as Celery does.
                sig = text.rpartition(" by ")[2].partition(":")[0]
                node = self._worker.node
                worker_shutting_down.send(sender=node, sig=sig, how=how, exitcode=0)
            return ()

        self._worker.ask(say)


def _has_terminal() -> bool:
    try:
        return sys.__stdin__ is not None and sys.__stdin__.isatty()
    except ValueError:  # it is closed
        return False
