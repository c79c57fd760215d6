"""Look at a worker's queues now and then: how much waits, and for how long what is next has.

Messages carry no time of their publication on Celery's wire, so nobody knows how old one is. What
is known is since when a message has been seen at the head of its queue: it waits at least so long.
"""

from collections.abc import Mapping, Sequence

from ..ports.broker import Broker
from ..ports.clock import Clock


class QueueLook:
    """What was seen of queues last. The rescuer looks; any thread may ask what was seen."""

    def __init__(self, broker: Broker, queues: Sequence[str], clock: Clock) -> None:
        """See nothing yet. `queues` may change."""
        self._broker, self._queues, self._clock = broker, queues, clock
        self._heads: Mapping[str, tuple[str, float]] = {}
        #: How many messages wait in each queue.
        self.depths: Mapping[str, int] = {}

    @property
    def waits(self) -> dict[str, float]:
        """For how many seconds at least the next message of each queue has waited.

        Nothing where waiting messages cannot be seen.
        """
        if not self._broker.capabilities.peek:
            return {}
        now, heads = self._clock.monotonic(), self._heads
        return {queue: now - heads[queue][1] if queue in heads else 0.0 for queue in self.depths}

    def turn(self) -> None:
        """Look. Raises BrokerUnavailable."""
        queues = list(self._queues)
        self.depths = dict(self._broker.depth(queues))
        if self._broker.capabilities.peek:
            self._heads = {queue: head for queue in queues if (head := self._head(queue))}

    def _head(self, queue: str) -> tuple[str, float] | None:
        if not self.depths.get(queue):
            return None
        found = self._broker.peek(queue, 1)
        if not found:
            return None
        before = self._heads.get(queue)
        same = before is not None and before[0] == found[0].id
        return before if same else (found[0].id, self._clock.monotonic())
