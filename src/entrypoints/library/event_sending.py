"""Events as users send them: `app.events.Dispatcher`."""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ...domain.cluster import events
from ...domain.cluster.events import Source, group_of
from ...domain.cluster.speech import BusMessage
from ...domain.errors import CeleriacError
from ..speaking import client_source
from .current import get_current

if TYPE_CHECKING:
    from ...ports.bus import Bus
    from .app import Celeriac


class EventProducer:
    """Says events, given as kombu's producers are given messages."""

    def __init__(self, bus: "Callable[[], Bus]") -> None:
        """Say them on this bus."""
        self._bus = bus

    def publish(
        self,
        body: Any,
        routing_key: str = "",
        exchange: Any = None,
        headers: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        """Say an event, or a list of them. Raises BrokerUnavailable."""
        channel = getattr(exchange, "name", exchange)
        self._bus().broadcast([BusMessage(channel, body, routing_key, headers or {})])


class EventDispatcher:
    """Sends events: `dispatcher.send("shop-sold", item=5)`.

    Args:
        connection: Accepted for Celery's sake, as is `channel`.
        hostname: Who speaks; default: this process.
        enabled: Without, nothing is sent.
        channel: See `connection`.
        buffer_while_offline: Keep events while the store is away, for `flush`.
        app: Whose events.
        groups: Send only events of these groups, such as `task`.
        **options: Further options of Celery's; without effect here.
    """

    app: "Celeriac | None" = None
    #: Kinds of brokers (`connection.transport.driver_type`) over which nothing is sent.
    DISABLED_TRANSPORTS: frozenset[str] | set[str] = frozenset()
    #: Functions that are called, without arguments, once it is switched on or off.
    on_enabled: set[Callable[[], Any]] | None = None
    on_disabled: set[Callable[[], Any]] | None = None

    def __init__(
        self,
        connection: Any = None,
        hostname: str | None = None,
        enabled: bool = True,
        channel: Any = None,
        buffer_while_offline: bool = True,
        app: "Celeriac | None" = None,
        groups: Iterable[str] | None = None,
        **options: Any,
    ) -> None:
        self.app = self._app = app or self.app or get_current()
        self.enabled, self.groups = enabled and not self._is_mute(), set(groups or ())
        self.buffer_while_offline = buffer_while_offline
        own = client_source(self._app)
        self._source = Source(hostname or own.hostname, own.utcoffset, os.getpid())
        self.hostname, self.pid = self._source.hostname, self._source.pid
        self._kept: list[Any] = []
        self.on_enabled, self.on_disabled = set(), set()
        #: What `publish` may be given to send by this app's own means.
        self.producer: Any = EventProducer(self._bus)

    @property
    def publisher(self) -> Any:
        """The producer, by its old name."""
        return self.producer

    @publisher.setter
    def publisher(self, producer: Any) -> None:
        self.producer = producer

    def _is_mute(self) -> bool:
        mute = self.DISABLED_TRANSPORTS
        return bool(mute) and self._app.connection().transport.driver_type in mute

    def send(self, type: str, blind: bool = False, **fields: Any) -> None:  # noqa: A002 - Celery's word
        """Send an event; `blind` leaves the logical clock out.

        Raises BrokerUnavailable unless events are kept while the store is away.
        """
        if not self.enabled or (self.groups and group_of(type) not in self.groups):
            return
        options = {name: fields.pop(name, None) for name in ("retry", "retry_policy", "utcoffset")}
        del options
        said = self._event(type, fields, blind=blind)
        self._say([events.single(self._app.conf.event_exchange, said)])

    def publish(
        self,
        type: str,  # noqa: A002 - Celery's word
        fields: Mapping[str, Any],
        producer: Any,
        blind: bool = False,
        **kwargs: Any,
    ) -> None:
        """Send an event by a producer of kombu's that is one's own, as `send` does by the app.

        More keywords are arguments of its `publish`, such as `retry`.
        """
        conf = self._app.conf
        producer.publish(
            dict(self._event(type, fields, blind=blind)),
            routing_key=type.replace("-", "."),
            exchange=conf.event_exchange,
            serializer=conf.event_serializer,
            headers={"hostname": self.hostname},
            **kwargs,
        )

    def _event(self, kind: str, fields: Mapping[str, Any], *, blind: bool) -> Mapping[str, Any]:
        container, rest = self._app.container, dict(fields)
        clock = None if blind else container.logical().forward()
        now = rest.pop("timestamp", None) or container.clock().now().timestamp()
        return events.event(kind, self._source, now, clock, rest)

    def extend_buffer(self, other: "EventDispatcher") -> None:
        """Keep what another one kept while the store was away."""
        self._kept += other._kept

    def flush(self, errors: bool = True, groups: bool = True) -> None:
        """Send what was kept while the store was away."""
        kept, self._kept = self._kept, []
        self._say(kept)

    def enable(self) -> None:
        """Send from now on."""
        self.enabled = True
        for call in list(self.on_enabled or ()):
            call()

    def disable(self) -> None:
        """Send nothing from now on."""
        if not self.enabled:
            return
        self.enabled = False
        for call in list(self.on_disabled or ()):
            call()

    def close(self) -> None:
        """Let go; the app keeps its connections."""

    def _say(self, messages: list[Any]) -> None:
        if not messages:
            return
        try:
            self._bus().broadcast(messages)
        except CeleriacError:
            if not self.buffer_while_offline:
                raise
            self._kept += messages

    def _bus(self) -> "Bus":
        return self._app.container.bus()

    def __enter__(self) -> "EventDispatcher":
        """Use it for a while."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close it."""
        self.close()
