"""Settlements on their way: no one is dropped because the store is away."""

import logging
from collections.abc import Sequence
from typing import Final

from ..domain.errors import BackendUnavailable, BrokerUnavailable
from ..domain.messaging.delivery import Delivery, Undecodable
from ..domain.work.queue_slots import Claim
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

    @property
    def claims(self) -> bool:
        """Whether what is added now would be settled in one round trip with a claim."""
        return not self._pause and self._settler.claims

    def add(
        self, settlements: Sequence[Settlement], claim: Claim | None = None
    ) -> Sequence[Delivery | Undecodable] | None:
        """Settle these now, or behind those that wait. Raises LeaseLost.

        Returns what was claimed, None where it was not tried.
        """
        self._waiting.extend(settlements)
        return None if self._pause else self.go_on(claim=claim)

    def go_on(
        self, *, now: bool = False, claim: Claim | None = None
    ) -> Sequence[Delivery | Undecodable] | None:
        """Try what waits, if an attempt is due (or `now`); as `add`."""
        if not self._waiting or (not now and self._clock.monotonic() < self.retry_at):
            return None
        batch, self._waiting = self._waiting, []
        try:
            committed, claimed = self._settler.settle_and_claim(batch, claim)
        except (BrokerUnavailable, BackendUnavailable) as away:
            self._waiting = batch
            self.back_off()
            text = "%d settlements wait for the store, next attempt in %.2f s: %s"
            logger.warning(text, len(batch), self._pause, away)
            return None
        self._pause = self.retry_at = 0.0
        if not all(committed):
            lost = len(committed) - sum(committed)
            logger.warning("%d settlements dropped: another worker owns them by now", lost)
        return None if claim is None else claimed

    def back_off(self) -> None:
        """Let some time pass before the next attempt."""
        first, longest = PAUSE_SECONDS
        self._pause = min(longest, self._pause * 2 or first)
        self.retry_at = self._clock.monotonic() + self._pause

    def forget(self) -> None:
        """Drop what waits: it is another owner's."""
        self._waiting.clear()
