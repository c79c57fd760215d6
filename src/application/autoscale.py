"""Let a pool grow and shrink with the work there is, once a second.

The thread only asks: whatever touches core and pool is done by the hub.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

from ..domain.work.capacity import prefetch, wanted_slots
from ..domain.work.core import WorkerCore
from ..domain.work.effects import Effect
from ..ports.clock import Clock
from ..ports.pool import Pool

logger = logging.getLogger("celeriac.worker")

#: Seconds from one look to the next.
PERIOD: Final = 1.0

Ask = Callable[[Callable[[WorkerCore], Iterable[Effect]]], None]


class Scaler(Protocol):
    """What decides: `domain.work.capacity.Autoscaler`, or a class of the site's own."""

    @property
    def most(self) -> int:
        """The most slots."""
        ...

    @property
    def least(self) -> int:
        """The fewest slots."""
        ...

    def set_bounds(self, most: int | None = None, least: int | None = None) -> None:
        """Change one bound or both. Raises ValueError."""
        ...

    def change(self, slots: int, wanted: int, tick: float) -> int:
        """Return by how many slots to grow, or, below 0, to shrink; `tick` is seconds."""
        ...


class Autoscaling:
    """Carries out what a scaler decides."""

    def __init__(self, scaler: Scaler, pool: Pool, clock: Clock, ask: Ask) -> None:
        """Do nothing before `start`."""
        self._scaler, self._pool, self._clock, self._ask = scaler, pool, clock, ask
        self._over = threading.Event()
        self._wanted = 0

    def start(self) -> None:
        """Look once a second from now on."""
        threading.Thread(target=self._run, name="celeriac-autoscaler", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._over.set()

    def set_bounds(self, most: int | None, least: int | None) -> tuple[int, int]:
        """Change the bounds, at once; return them. Raises ValueError."""
        self._scaler.set_bounds(most, least)
        self._ask(self.turn)
        return self._scaler.most, self._scaler.least

    def info(self) -> dict[str, Any]:
        """Return bounds, slots and what was wanted last, under Celery's names."""
        return {
            "max": self._scaler.most,
            "min": self._scaler.least,
            "current": self._pool.slots,
            "qty": self._wanted,
        }

    def turn(self, core: WorkerCore) -> Iterable[Effect]:
        """Look once. The hub's part."""
        policy = core.policy
        allowed = prefetch(core.slots, policy.prefetch_multiplier, disabled=policy.disable_prefetch)
        self._wanted = wanted_slots(core.load, allowed)
        by = (
            0
            if core.stopping
            else self._scaler.change(self._pool.slots, self._wanted, self._clock.monotonic())
        )
        if by:
            logger.info("scaling %s %d slots", "up" if by > 0 else "down", abs(by))
            self._pool.resize(by)
        return ()

    def _run(self) -> None:
        while not self._over.wait(PERIOD):
            self._ask(self.turn)
