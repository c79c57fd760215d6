"""The keeper: renews a worker's lease, and the slots its tasks hold, whatever else goes on.

What must stay true: nothing that this thread does waits for the broker's other users. Whoever looks
after the dead may have to wait for a connection, and does it in a thread of its own (`rescue`).
"""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

from ..domain.errors import BackendUnavailable, BrokerUnavailable, LeaseLost
from ..ports.broker import Broker
from ..ports.clock import Clock
from ..ports.lease import LeaseGuard, PortableLease
from .inbox import Event, LeaseGone

logger = logging.getLogger("celeriac.worker")


class Keeper:
    """Keeps one worker's place in the cluster, on a thread of its own."""

    def __init__(
        self,
        broker: Broker,
        lease: float,
        inbox: "SimpleQueue[Event]",
        over: threading.Event,
        prolong: Callable[[], None],
        clock: Clock,
        guard: LeaseGuard | None = None,
    ) -> None:
        """Renew a lease of so many seconds well before it ends, until it is over.

        `prolong` holds on to what else is held for as long; it may raise BrokerUnavailable. `guard`
        renews all of it while no thread of this process can.
        """
        self._broker, self._inbox, self._over = broker, inbox, over
        self._period = lease / 3
        self._prolong, self._clock, self._guard = prolong, clock, guard
        #: When the lease was last known to hold, in monotonic seconds, and whether it was lost or
        #: the store has not answered since.
        self.renewed_at = clock.monotonic()
        self.away = False

    def run(self) -> None:
        """Keep until it is over."""
        self._sign()
        while not self._over.wait(self._period if not self.away else min(self._period, 1.0)):
            self.step()
            self._sign()

    def renewed(self, at: float) -> None:
        """Note that the lease runs from this time on, in monotonic seconds."""
        self.renewed_at, self.away = at, False

    def step(self) -> None:
        """Do one round."""
        try:
            asked_at = self._clock.monotonic()
            if not self._broker.renew():
                self._inbox.put(LeaseGone())
                return
            self.renewed(asked_at)
            self._prolong()
        except LeaseLost:
            self._inbox.put(LeaseGone())
        except (BrokerUnavailable, BackendUnavailable) as away:
            self.away = True
            logger.warning(
                "cannot renew the lease or what is held under it, trying again: %s", away
            )
        except Exception:
            self.away = True
            logger.exception("renewing the lease failed in a way that was not foreseen")

    def _sign(self) -> None:
        if self._guard is not None and isinstance(self._broker, PortableLease):
            self._guard.sign(self._broker.papers())
