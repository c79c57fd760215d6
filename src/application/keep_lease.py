"""The keeper: renews a worker's lease, and looks after the dead, whatever the hub is busy with."""

import logging
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Final

from ..domain.errors import BackendUnavailable, BrokerUnavailable, LeaseLost
from ..ports.broker import Broker
from ..ports.clock import Clock
from ..ports.lease import LeaseGuard, PortableLease
from .inbox import Adopted, Event, LeaseGone

logger = logging.getLogger("celeriac.worker")

#: How long something is in doubt at most after it could be told, in seconds.
DOUBT_SECONDS: Final = 1.0


class Keeper:
    """Keeps one worker's place in the cluster, on a thread of its own."""

    def __init__(
        self,
        broker: Broker,
        queues: Sequence[str],
        lease: float,
        inbox: "SimpleQueue[Event]",
        over: threading.Event,
        housekeeping: Callable[[], None],
        clock: Clock,
        guard: LeaseGuard | None = None,
    ) -> None:
        """Renew a lease of so many seconds well before it ends, until it is over.

        `guard` renews it while no thread of this process can.
        """
        self._broker, self._queues, self._inbox, self._over = broker, queues, inbox, over
        self._period = lease / 3
        self._housekeeping, self._clock, self._guard = housekeeping, clock, guard
        #: When the lease was last known to hold, in monotonic seconds, and whether it was lost or
        #: the store has not answered since.
        self.renewed_at = clock.monotonic()
        self.away = False

    def run(self) -> None:
        """Keep until it is over."""
        self._sign()
        pause = self._look_after_the_dead()
        while not self._over.wait(pause):
            pause = self.step()
            self._sign()

    def renewed(self, at: float) -> None:
        """Note that the lease runs from this time on, in monotonic seconds."""
        self.renewed_at, self.away = at, False

    def step(self) -> float:
        """Do one round; return the seconds until the next."""
        try:
            asked_at = self._clock.monotonic()
            if not self._broker.renew():
                self._inbox.put(LeaseGone())
                return self._period
            self.renewed(asked_at)
        except LeaseLost:
            self._inbox.put(LeaseGone())
            return self._period
        except (BrokerUnavailable, BackendUnavailable) as away:
            self.away = True
            logger.warning("cannot renew the lease, trying again: %s", away)
            return min(self._period, 1.0)
        except Exception:
            self.away = True
            logger.exception("renewing the lease failed in a way that was not foreseen")
            return min(self._period, 1.0)
        return self._look_after_the_dead()

    def _sign(self) -> None:
        if self._guard is not None and isinstance(self._broker, PortableLease):
            self._guard.sign(self._broker.papers())

    def _look_after_the_dead(self) -> float:
        try:
            while not self._over.is_set() and (orphans := self._broker.recover(self._queues)):
                self._inbox.put(Adopted(orphans))
            self._housekeeping()
        except LeaseLost:
            self._inbox.put(LeaseGone())
        except (BrokerUnavailable, BackendUnavailable) as away:
            logger.warning("cannot look for what dead workers held, trying again: %s", away)
        except Exception:
            logger.exception("looking after the dead failed in a way that was not foreseen")
        return min(self._period, DOUBT_SECONDS) if self._broker.is_in_doubt else self._period
