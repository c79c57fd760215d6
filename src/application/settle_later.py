"""Settlements on their way: no one is dropped because the store is away."""

import logging
from collections.abc import Sequence
from typing import Final

from ..domain.errors import BackendUnavailable, BrokerUnavailable
from ..domain.work.settlement import Settlement
from ..ports.clock import Clock
from .refusals import SettlementMender

logger = logging.getLogger("celeriac.worker")

#: First and longest pause between attempts, in seconds.
PAUSE_SECONDS: Final = (0.05, 2.0)


class Settling:
    """Settles at once what it can, and keeps the rest for later, in order."""

    def __init__(self, settler: SettlementMender, clock: Clock) -> None:
        """Settle with `settler`."""
        self._settler, self._clock = settler, clock
        self._waiting: list[Settlement] = []
        self._pause = 0.0
        #: When the next attempt is due, in monotonic seconds.
        self.retry_at = 0.0

    @property
    def waiting(self) -> int:
        """How many settlements wait for the store."""
        return len(self._waiting)

    def add(self, settlements: Sequence[Settlement]) -> None:
        """Settle these now, or behind those that wait. Raises LeaseLost."""
        self._waiting.extend(settlements)
        if not self._pause:
            self.go_on()

    def go_on(self, *, now: bool = False) -> None:
        """Try what waits, if an attempt is due (or `now`). Raises LeaseLost."""
        if not self._waiting or (not now and self._clock.monotonic() < self.retry_at):
            return
        batch, self._waiting = self._waiting, []
        try:
            committed = self._settler.settle(batch)
        except (BrokerUnavailable, BackendUnavailable) as away:
            self._waiting = batch
            self.back_off()
            text = "%d settlements wait for the store, next attempt in %.2f s: %s"
            logger.warning(text, len(batch), self._pause, away)
            return
        self._pause = self.retry_at = 0.0
        if not all(committed):
            lost = len(committed) - sum(committed)
            logger.warning("%d settlements dropped: another worker owns them by now", lost)

    def back_off(self) -> None:
        """Let some time pass before the next attempt."""
        first, longest = PAUSE_SECONDS
        self._pause = min(longest, self._pause * 2 or first)
        self.retry_at = self._clock.monotonic() + self._pause

    def forget(self) -> None:
        """Drop what waits: it is another owner's."""
        self._waiting.clear()
