"""Let a worker remember from one run to the next which tasks were revoked, and its clock.

What must stay true: a file that cannot be read or written costs the memory, never the worker.
"""

import logging
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from typing import Final

from ..domain.cluster.logical_clock import LogicalClock
from ..domain.errors import StateUnreadable
from ..domain.work.core import WorkerCore
from ..domain.work.effects import Effect
from ..ports.clock import Clock
from ..ports.state_file import Remembered, StateFile

logger = logging.getLogger("celeriac.worker")

#: How long the hub may take to tell what is revoked, in seconds.
PATIENCE: Final = 1.0

Ask = Callable[[Callable[[WorkerCore], Iterable[Effect]]], None]


class Remembering:
    """Keeps the memory of one worker: read when it begins, written when ids come and at the end."""

    def __init__(
        self, file: StateFile, core: WorkerCore, ask: Ask, logical: LogicalClock, clock: Clock
    ) -> None:
        """Read nothing yet; `ask` has something done to the core by the thread that owns it."""
        self._file, self._core, self._ask = file, core, ask
        self._logical, self._clock = logical, clock
        self._saved: dict[str, float] = {}

    def load(self) -> None:
        """Remember. To be called before the worker runs."""
        try:
            found = self._file.load()
        except StateUnreadable as broken:
            logger.error("%s; beginning with none", broken)
            return
        self._core.revoked.add(found.revoked, self._clock.monotonic())
        self._saved = self._core.revoked.times()
        self._logical.adjust(found.clock)
        logger.debug("%d revoked tasks remembered", len(found.revoked))

    def turn(self) -> None:
        """Write, if ids have come: what was revoked is known even if the worker is killed then."""
        times = self._times()
        if times is not None and times != self._saved:
            self._save(times)

    def close(self) -> None:
        """Write. To be called when the worker does not run any more."""
        self._save(self._core.revoked.times())

    def _times(self) -> dict[str, float] | None:
        found: SimpleQueue[dict[str, float]] = SimpleQueue()

        def look(core: WorkerCore) -> Iterable[Effect]:
            found.put(core.revoked.times())
            return ()

        self._ask(look)
        try:
            return found.get(timeout=PATIENCE)
        except Empty:
            return None  # it is busy; the next turn comes

    def _save(self, times: dict[str, float]) -> None:
        try:
            self._file.save(Remembered(times, self._logical.value))
        except OSError as refused:
            logger.warning(
                "which tasks are revoked was not written to worker_state_db: %s", refused
            )
        else:
            self._saved = times
