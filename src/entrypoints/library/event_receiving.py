"""`app.events.Receiver`: listens to events, and hands each to whoever handles its type."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from ...application.watch_events import CLIENT_SKEW, Watching
from ...domain.cluster.events import events_in
from ...domain.cluster.speech import Topic
from ...domain.messaging.queues import Exchange, Queue
from ..speaking import utc_offset
from .consumers import Heard
from .consuming import Consuming
from .current import get_current

if TYPE_CHECKING:
    from .app import Celeriac

__all__ = ["CLIENT_CLOCK_SKEW", "EventReceiver"]

#: What a client's clock is behind the listener's.
CLIENT_CLOCK_SKEW: Final = CLIENT_SKEW

_OFFSET_AND_TIME: Final = itemgetter("utcoffset", "timestamp")


def adjust_timestamp(ts: float, offset: float) -> float:
    """Return the time of a host `offset` hours west of UTC as one of this host."""
    return ts - (offset - utc_offset()) * 3600


class EventReceiver(Consuming):
    """Listens to events.

    Subclasses may override what happens on the way: `get_consumers`, `event_from_message`,
    `process`, and the `on_…` methods. Used as a context it hears between two captures too.

    Args:
        channel: Accepted for Celery's sake: the app knows where its events are.
        handlers: Functions by event type; `*` gets the events whose type has none.
        routing_key: Pattern over types in dotted words, such as `worker.#`.
        node_id: A name for this receiver.
        app: Whose events.
        queue_prefix: What the name of its queue begins with.
        accept: Content types it names; what may be read is the setting `accept_content`.
        **options: Options of Celery's queues; without effect here.
    """

    def __init__(
        self,
        channel: Any = None,
        handlers: Mapping[str, Callable[[dict[str, Any]], object]] | None = None,
        routing_key: str = "#",
        node_id: str | None = None,
        app: "Celeriac | None" = None,
        queue_prefix: str | None = None,
        accept: Any = None,
        **options: Any,
    ) -> None:
        self.app = found = app or self.app or get_current()
        self.channel, self.handlers = channel, dict(handlers or {})
        self.routing_key, self.node_id = routing_key, node_id or found.new_id()
        container, conf = found.container, found.conf
        self.queue_prefix = queue_prefix or conf.event_queue_prefix
        self.exchange = Exchange(conf.event_exchange, "topic")
        self.queue = Queue(f"{self.queue_prefix}.{self.node_id}", self.exchange, routing_key)
        self.accept = {conf.event_serializer} if accept is None else accept
        self.clock = logical = container.logical()
        self.adjust_clock, self.forward_clock = logical.adjust, logical.forward
        self._watching = Watching(container.bus, logical, container.clock(), utc_offset())

    # -- what is heard

    def get_consumers(self, Consumer: Any, channel: Any) -> Sequence[Any]:
        """Return what hears the events asked for; subclasses may hear more."""
        return [
            Consumer(
                queues=[self.queue], callbacks=[self._receive], no_ack=True, accept=self.accept
            )
        ]

    def on_consume_ready(
        self,
        connection: Any,
        channel: Any,
        consumers: Sequence[Any],
        wakeup: bool = True,
        **kwargs: Any,
    ) -> None:
        """Have workers send a heartbeat at once, unless that is not wanted."""
        if wakeup:
            self.wakeup_workers(channel=channel)

    def capture(
        self, limit: int | None = None, timeout: float | None = None, wakeup: bool = True
    ) -> None:
        """Handle events until `limit` messages came or `should_stop` is set.

        Raises TimeoutError when none came for `timeout` seconds. `wakeup` has workers send a
        heartbeat at once.
        """
        for _ in self.consume(limit=limit, timeout=timeout, wakeup=wakeup):
            pass

    def itercapture(
        self, limit: int | None = None, timeout: float | None = None, wakeup: bool = True
    ) -> Iterator[int]:
        """As `capture`, but gives the word back after each message; hears from this call on."""
        self._watching.listen([Topic(self.exchange.name, self.routing_key)])
        return self.consume(limit=limit, timeout=timeout, wakeup=wakeup)

    def wakeup_workers(self, channel: Any = None) -> None:
        """Have workers send a heartbeat at once."""
        self._app().control.heartbeat()

    # -- what becomes of it

    def _receive(self, body: Any, message: Heard) -> None:
        found = events_in(body)
        if not found and body != []:
            self.on_decode_error(message, ValueError("no event: a mapping with a type is one"))
        for event in found:
            self.process(*self.event_from_message(event))

    def event_from_message(
        self,
        body: dict[str, Any],
        localize: bool = True,
        now: Callable[[], float] | None = None,
        tzfields: Callable[[dict[str, Any]], tuple[float, float]] = _OFFSET_AND_TIME,
        adjust_timestamp: Callable[[float, float], float] = adjust_timestamp,
        CLIENT_CLOCK_SKEW: int = CLIENT_CLOCK_SKEW,
    ) -> tuple[str, dict[str, Any]]:
        """Return type and event of a body, with times as of this host.

        Args:
            body: What was said.
            localize: Whether the event's time becomes local.
            now: The present, in unix seconds.
            tzfields: Takes (hours west of UTC, unix seconds) out of an event; raises KeyError.
            adjust_timestamp: Makes a local time of (unix seconds, hours west of UTC).
            CLIENT_CLOCK_SKEW: Added to the own clock: what the clock of a `task-sent` becomes.
        """

        def localized(event: dict[str, Any], received_at: float) -> dict[str, Any]:
            if localize:
                try:
                    offset, timestamp = tzfields(event)
                except KeyError:
                    pass
                else:
                    event["timestamp"] = adjust_timestamp(timestamp, offset)
            event["local_received"] = received_at
            return event

        received_at = None if now is None else now()
        return self._watching.prepared(body, CLIENT_CLOCK_SKEW, received_at, localized)

    def process(self, type: str, event: dict[str, Any]) -> None:  # noqa: A002 - Celery's word
        """Give an event to the handler of its type, or to that of all others."""
        handler = self.handlers.get(type) or self.handlers.get("*")
        if handler is not None:
            handler(event)

    # -- life

    def close(self) -> None:
        """Hear nothing more."""
        self.should_stop = True
        self._watching.close()

    def __enter__(self) -> "EventReceiver":
        """Use it for a while."""
        self._stays = True
        return self

    def __exit__(self, *exc: object) -> None:
        """Close it."""
        self.close()
