"""`celery.worker.autoscale`: what a site derives from that decides on its pool's size itself.

`worker_autoscaler` names such a class. The hub asks it once a second, and does what it says.
"""

from time import monotonic
from typing import Any, Final

from ..library.bootsteps import StartStopStep
from .worker_components import Pool

__all__ = ["AUTOSCALE_KEEPALIVE", "Autoscaler", "WorkerComponent"]

#: Seconds that a slot stays after the pool grew last.
AUTOSCALE_KEEPALIVE: Final = 30.0


class WorkerComponent(StartStopStep):
    """The pool is resized, where `--autoscale` asks for that."""

    name = "celery.worker.autoscale.WorkerComponent"
    label = "Autoscaler"
    conditional = True
    requires = (Pool,)


class Autoscaler:
    """As many slots as are wanted, between two bounds; heirs override `_maybe_scale`.

    Args:
        pool: The pool; it is resized by `scale_up` and `scale_down` alone.
        max_concurrency: The most slots.
        min_concurrency: The fewest.
        worker: The worker.
        keepalive: Seconds that slots stay after the last growth.
        mutex: Accepted for Celery's sake: one thread asks.
    """

    def __init__(
        self,
        pool: Any,
        max_concurrency: int,
        min_concurrency: int = 0,
        worker: Any = None,
        keepalive: float = AUTOSCALE_KEEPALIVE,
        mutex: Any = None,
    ) -> None:
        self.pool, self.worker, self.keepalive = pool, worker, keepalive
        self.max_concurrency, self.min_concurrency = max_concurrency, min_concurrency
        self._last_scale_up: float | None = None
        self._slots = self._wanted = self._by = 0

    # -- what an heir looks at

    @property
    def qty(self) -> int:
        """How many slots the work in hand wants."""
        return self._wanted

    @property
    def processes(self) -> int:
        """How many slots there are."""
        return self._slots

    def info(self) -> dict[str, Any]:
        """Return bounds, slots and what is wanted."""
        return {
            "max": self.max_concurrency,
            "min": self.min_concurrency,
            "current": self.processes,
            "qty": self.qty,
        }

    # -- what an heir decides

    def maybe_scale(self, req: Any = None) -> bool:
        """Look, and grow or shrink if it is wise."""
        return self._maybe_scale(req)

    def _maybe_scale(self, req: Any = None) -> bool:
        """Ask for `scale_up` or `scale_down`, if it is wise; tell whether it was."""
        _, goal, _ = sorted((self.min_concurrency, self.qty, self.max_concurrency))
        more = goal - self.processes
        if more > 0:
            self.scale_up(more)
        elif more < 0:
            self.scale_down(-more)
        return more != 0

    def update(
        self,
        max: int | None = None,  # noqa: A002 - Celery's names
        min: int | None = None,  # noqa: A002 - Celery's names
    ) -> tuple[int, int]:
        """Change the bounds; the pool follows at the next look. Returns them."""
        if max is not None:
            self.max_concurrency = max
        if min is not None:
            self.min_concurrency = min
        return self.max_concurrency, self.min_concurrency

    def scale_up(self, n: int) -> None:
        """Grow by so many slots."""
        self._last_scale_up = monotonic()
        self._grow(n)

    def scale_down(self, n: int) -> None:
        """Shrink by so many slots, unless the pool grew a short while ago."""
        since = None if self._last_scale_up is None else monotonic() - self._last_scale_up
        if since is None or since > self.keepalive:
            self._shrink(n)

    def _grow(self, n: int) -> None:
        self._by += n

    def _shrink(self, n: int) -> None:
        self._by -= n

    # -- what the hub asks

    @property
    def most(self) -> int:
        """The most slots."""
        return self.max_concurrency

    @property
    def least(self) -> int:
        """The fewest slots."""
        return self.min_concurrency

    def set_bounds(self, most: int | None = None, least: int | None = None) -> None:
        """Change one bound or both."""
        self.update(most, least)

    def change(self, slots: int, wanted: int, tick: float) -> int:
        """Return by how many slots to grow, or, below 0, to shrink: what an heir has asked for."""
        self._slots, self._wanted, self._by = slots, wanted, 0
        self.maybe_scale()
        return max(self._by, 1 - slots)
