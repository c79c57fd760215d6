"""Tell by `task-sent` events what was published, where `task_send_sent_event` asks for it."""

import logging
from collections.abc import Callable, Sequence

from ..domain.cluster import events
from ..domain.cluster.events import Source
from ..domain.cluster.logical_clock import LogicalClock
from ..domain.messaging.message import TaskMessage
from ..ports.bus import Bus
from ..ports.clock import Clock

logger = logging.getLogger("celeriac.client")


class SentEvents:
    """Tells for one client. `channel` is the setting `event_exchange`."""

    def __init__(
        self,
        bus: Callable[[], Bus],
        channel: str,
        source: Source,
        logical: LogicalClock,
        clock: Clock,
    ) -> None:
        """Speak as `source`; the bus is asked for at the first event."""
        self._bus, self._channel, self._source = bus, channel, source
        self._logical, self._clock = logical, clock

    def __call__(self, messages: Sequence[TaskMessage]) -> None:
        """Tell of messages, in one round trip; what cannot be told is logged and no more."""
        now, forward = self._clock.now().timestamp(), self._logical.forward
        said = [
            events.event("task-sent", self._source, now, forward(), events.sent(message))
            for message in messages
        ]
        try:
            self._bus().broadcast([events.single(self._channel, one) for one in said])
        except Exception as broken:
            # The messages are published: an event is no reason to fail.
            logger.warning("%d task-sent events could not be said: %s", len(said), broken)
