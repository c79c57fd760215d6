"""The rescuer: looks after what dead workers held, and after what a store gathers by the way.

It may wait for a connection as long as a claim does, so it never stands before the lease.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Final

from ..domain.errors import BackendUnavailable, BrokerUnavailable, LeaseLost
from ..ports.broker import Broker
from .inbox import Adopted, Event, LeaseGone

logger = logging.getLogger("celeriac.worker")

#: How long something is in doubt at most after it could be told, in seconds.
DOUBT_SECONDS: Final = 1.0


class Rescuer:
    """Adopts for one worker, and keeps house, on a thread of its own."""

    def __init__(
        self,
        broker: Broker,
        queues: Sequence[str],
        lease: float,
        inbox: "SimpleQueue[Event]",
        over: threading.Event,
        housekeeping: Callable[[], None],
    ) -> None:
        """Look thrice in a lease of so many seconds. `queues` may change."""
        self._broker, self._queues, self._inbox, self._over = broker, queues, inbox, over
        self._period = lease / 3
        self._housekeeping = housekeeping

    def run(self) -> None:
        """Look until it is over."""
        while not self._over.wait(self.step()):
            pass

    def step(self) -> float:
        """Do one round; return the seconds until the next."""
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
