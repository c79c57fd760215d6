"""The intake: waits for a first message when there is none, so that the hub need not."""

import logging
import threading
from collections.abc import Sequence
from queue import SimpleQueue
from typing import Final

from ..domain.errors import BackendUnavailable, BrokerUnavailable, LeaseLost
from ..domain.messaging.delivery import Delivery, Undecodable
from ..domain.work.queue_slots import Claim
from ..ports.broker import Broker
from ..ports.clock import Clock
from .inbox import Claimed, Event, LeaseGone

logger = logging.getLogger("celeriac.worker")

#: How long one claim waits for a first message, in seconds.
CLAIM_SECONDS: Final = 5.0
#: First and longest pause between attempts to reach a store that is away, in seconds.
PAUSE_SECONDS: Final = (0.05, 2.0)
#: How long the thread sleeps at most while nothing is wanted, in seconds.
IDLE_SECONDS: Final = 1.0

NOTHING: Final = Claim((), 0)


class Intake:
    """Claims on a thread of its own what the hub wants; one wish at a time, always answered."""

    def __init__(
        self,
        broker: Broker,
        queues: Sequence[str],
        inbox: "SimpleQueue[Event]",
        over: threading.Event,
        clock: Clock,
    ) -> None:
        """Claim from these queues into the inbox, until it is over."""
        self._broker, self._queues, self._inbox, self._over = broker, queues, inbox, over
        self._clock = clock
        #: When a claim was last answered, by whomever it was made, and when one was last wished
        #: for, in monotonic seconds; whether one has failed since.
        self.polled_at = self.wanted_at = clock.monotonic()
        self.away = False
        self._wanted = NOTHING
        #: The queues of the last wish.
        self.awaited: Sequence[str] = ()
        self._changed = threading.Condition()
        self._pause = 0.0
        #: Whether a wish is still to be answered. The hub clears it when the answer is in.
        self.asked = False

    def want(self, wish: Claim) -> None:
        """Wish for up to so many messages; answered by one Claimed."""
        self.asked, self.wanted_at = True, self._clock.monotonic()
        self.awaited = wish.queues
        with self._changed:
            self._wanted = wish
            self._changed.notify()

    def polled(self) -> None:
        """Note that the broker has answered a claim."""
        self.polled_at, self.away = self._clock.monotonic(), False

    def run(self) -> None:
        """Answer wishes until it is over."""
        while not self._over.is_set():
            with self._changed:
                if not self._wanted.limit:
                    self._changed.wait(IDLE_SECONDS)
            self.step(CLAIM_SECONDS)

    def wake(self) -> None:
        """Make the thread look whether it is over."""
        self._broker.wake()
        with self._changed:
            self._changed.notify()

    def step(self, wait: float) -> None:
        """Answer the present wish, if there is one, waiting up to `wait` seconds for a message."""
        wish, self._wanted = self._wanted, NOTHING
        if wish.limit:
            # Also when it is empty: the hub then says anew how much it wants.
            self._inbox.put(Claimed(self._claimed(wish, wait), wish.limit))

    def _claimed(self, wish: Claim, wait: float) -> Sequence[Delivery | Undecodable]:
        queues = [name for name in wish.queues if name in self._queues]
        if not queues:  # they were left meanwhile
            return ()
        try:
            batch = self._broker.claim(queues, wish.limit, wait, wish.begin)
        except LeaseLost:
            self._inbox.put(LeaseGone())
            self._rest(wait)
        except (BrokerUnavailable, BackendUnavailable) as away:
            self._rest(wait)
            logger.warning("cannot claim, trying again: %s", away)
        except Exception:
            logger.exception("a claim failed in a way that was not foreseen")
            self._rest(wait)
        else:
            self._pause = 0.0
            self.polled()
            return batch
        return ()

    def _rest(self, at_most: float) -> None:
        self.away = True
        first, longest = PAUSE_SECONDS
        self._pause = min(longest, self._pause * 2 or first)
        if at_most:
            self._over.wait(self._pause)
