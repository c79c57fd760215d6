"""What the signals of the system mean to a worker.

SIGTERM stops warm, SIGINT warm the first time and cold the second, SIGQUIT cold. With
REMAP_SIGTERM=SIGQUIT, as hosts set it that give little time, SIGTERM stops cold too.

What must stay true: a handler takes no lock and writes nothing. It leaves word in the worker's
inbox, and the hub does the rest, the log lines included.
"""

import logging
import os
import signal
import threading
from collections.abc import Iterable, Mapping
from types import FrameType
from typing import Any, Final

from ...application.signals import worker_shutting_down
from ...domain.work.effects import Effect
from ..worker import AppWorker

logger = logging.getLogger("celeriac.worker")

REMAP: Final = "REMAP_SIGTERM"


class Signals:
    """Takes the process's signals for one worker."""

    def __init__(self, worker: AppWorker, environ: Mapping[str, str] = os.environ) -> None:
        """Nothing is taken before `take`."""
        self._worker = worker
        self._interrupts = 0
        self._working = False
        self._over = False
        self._cold_term = environ.get(REMAP) == "SIGQUIT"

    def take(self) -> None:
        """Take the signals; until `begin`, one that means the end just exits."""
        signal.signal(signal.SIGTERM, self._on_term)
        signal.signal(signal.SIGINT, self._on_interrupt)
        signal.signal(signal.SIGQUIT, self._on_quit)
        signal.signal(signal.SIGHUP, self._on_hangup)

    def begin(self) -> None:
        """From now on the worker holds work, and is told instead."""
        self._working = True

    def release(self) -> None:
        """Throw a task out of the main thread, now that nobody waits for it any more."""
        self._over = True
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGTERM)

    def _on_term(self, signum: int, frame: FrameType | None) -> None:
        self._stop("SIGTERM", cold=self._cold_term)

    def _on_quit(self, signum: int, frame: FrameType | None) -> None:
        self._stop("SIGQUIT", cold=True)

    def _on_interrupt(self, signum: int, frame: FrameType | None) -> None:
        self._interrupts += 1
        again = "" if self._interrupts > 1 else ": once more, and what runs is ended at once"
        self._stop(f"SIGINT{again}", cold=self._interrupts > 1)

    def _on_hangup(self, signum: int, frame: FrameType | None) -> None:
        if self._working:
            self._say("SIGHUP is ignored: a worker cannot reload itself yet; restart it instead")

    def _stop(self, why: str, *, cold: bool) -> None:
        if not self._working or self._over:
            raise SystemExit(0)  # nothing is in hand
        self._say(f"{'cold' if cold else 'warm'} stop asked for by {why}", cold=cold)
        self._worker.stop(cold=cold)

    def _say(self, text: str, cold: bool | None = None) -> None:
        def say(core: Any) -> Iterable[Effect]:
            logger.warning("%s", text)
            if cold is not None:
                # Once for each signal of the system, as Celery does.
                how, sig = "Cold" if cold else "Warm", text.rpartition(" by ")[2].partition(":")[0]
                node = self._worker.node
                worker_shutting_down.send(sender=node, sig=sig, how=how, exitcode=0)
            return ()

        self._worker.ask(say)
