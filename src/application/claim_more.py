"""Claiming: by the hub while messages keep coming, by the intake when they must be waited for."""

import logging
from collections.abc import Callable, Sequence

from ..domain.messaging.delivery import Delivery, Undecodable
from ..domain.work.core import WorkerCore
from ..domain.work.queue_slots import Claim, one_claim
from ..ports.broker import Broker
from ..ports.clock import Clock
from ..ports.pool import Pool
from .inbox import Claimed
from .lull import Lull
from .wait_for_work import Intake

logger = logging.getLogger("celeriac.worker")


class Claiming:
    """Has the queues emptied as fast as the core wants. Only the hub uses it."""

    def __init__(
        self,
        core: WorkerCore,
        broker: Broker,
        pool: Pool,
        intake: Intake,
        queues: list[str],
        clock: Clock,
        deliver: Callable[[Claimed], None],
    ) -> None:
        """Claim out of these queues, which may change, and `deliver` what was found."""
        self._core, self._broker, self._pool = core, broker, pool
        self._intake, self._queues, self._deliver = intake, queues, deliver
        self._lull = Lull(clock)

    @property
    def until(self) -> float | None:
        """When to look again, in monotonic seconds, if nobody is set to wait for messages."""
        return None if self._intake.asked else self._lull.until

    def came(self, claimed: Claimed) -> None:
        """Take note of what the intake has claimed, or that it asks what is wanted now."""
        if claimed.limit:
            self._intake.asked = False
            if claimed.batch:
                self._lull.looked(len(claimed.batch), claimed.limit)

    def beside(self) -> Claim | None:
        """Return what to claim in one round trip with a settlement, if that is wanted now."""
        if self._intake.asked:
            return None
        wishes = self._wishes()
        return wishes[0] if len(wishes) == 1 else None

    def settled(self) -> None:
        """Take note that something was settled: there may be messages again."""
        self._lull.over()

    def looked(self, batch: Sequence[Delivery | Undecodable], limit: int) -> None:
        """Take note of what a claim has found."""
        self._intake.polled()
        self._lull.looked(len(batch), limit)
        if batch:
            self._deliver(Claimed(batch))

    def more(self) -> None:
        """Claim here while messages keep coming; leave the waiting to the intake."""
        if self._intake.asked:
            self._widen()
            return
        wishes = self._wishes()
        if not wishes:
            return
        found = False if self._lull.is_known else self._look_for(wishes)
        if not found and not self._lull.goes_on(brief=self._core.is_brief):
            self._intake.want(one_claim(wishes))

    def _wishes(self) -> list[Claim]:
        return self._core.claims(self._queues, self._pool.room())

    def _look_for(self, wishes: Sequence[Claim]) -> bool:
        batch: list[Delivery | Undecodable] = []
        limit = max(wish.limit for wish in wishes)
        try:
            for wish in wishes:
                if (some := min(wish.limit, limit - len(batch))) > 0:
                    begin = max(0, wish.begin - len(batch))
                    batch += self._broker.claim(wish.queues, some, 0.0, begin)
        except Exception:
            logger.debug("a claim failed: the intake will meet it too, and knows what to do")
            if batch:
                self._deliver(Claimed(batch))
        else:
            self.looked(batch, limit)
        return bool(batch)

    def _widen(self) -> None:
        """Have the intake asked anew when a queue has room again that it does not wait for."""
        if self._core.policy.queue_slots:
            awaited = set(self._intake.awaited)
            if any(not set(wish.queues) <= awaited for wish in self._wishes()):
                self._broker.wake()
