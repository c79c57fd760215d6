"""The bus on AMQP exchanges, in Celery's declarations: its processes hear and speak here too.

Remote control is a fanout exchange, events are a topic exchange, replies go by a direct one. Each
ear has a queue of its own that ends with its connection, unless settings say otherwise.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, Final, TypeVar
from uuid import uuid4

from ...domain.cluster.speech import BusMessage, ReplyAddress, Topic, exchange_of
from ...domain.errors import BrokerUnavailable
from ...domain.messaging.queues import Exchange
from ...ports.bus import Bodies, Bus, Mailbox, Subscription
from .bell import Bell
from .declarations import Declarations
from .link import Link
from .packet import from_amqp
from .publishing import Letter
from .speech import packet_saying, said_in
from .store import AmqpStore

#: Messages. A listener that falls further behind loses the oldest: delivery is at most once.
_KEPT: Final = 100_000
_CONTROL: Final = ".pidbox"

_Ear = TypeVar("_Ear", bound="AmqpSubscription")


class AmqpSubscription(Subscription):
    """An ear: a queue bound to some exchanges. Made by AmqpBus."""

    def __init__(
        self,
        link: Link,
        declarations: Declarations,
        queue: str,
        bound: Sequence[tuple[Exchange, str]],
        bodies: Bodies | None = None,
    ) -> None:
        self._link, self._declarations, self._bodies = link, declarations, bodies
        self._queue, self._bound = queue, bound
        control = bound[0][0].name.endswith(_CONTROL) if bound else True
        self._kind = link.settings.control if control else link.settings.events
        self._heard: deque[BusMessage] = deque(maxlen=_KEPT)
        self._bell = Bell()
        self._channel: Any = None
        self._closed = False
        self._bell.hang()
        with link.using():
            self._listen()

    def receive(self, wait: float) -> Sequence[BusMessage]:
        """Return what was said since the last time, waiting for the first."""
        ends = monotonic() + wait
        while not self._closed:
            with self._link.using():
                self._listen()
                self._link.drain_all()
                if wait <= 0:
                    # What was said already may still be on its way: it comes before the answer.
                    self._channel.basic_qos(0, 0, False)
                    self._link.drain_all()
                heard = tuple(self._heard)
                self._heard.clear()
                listening = self._link.connection.transport.sock
                self._bell.awaited = not heard
            left = ends - monotonic()
            if heard or left <= 0:
                return heard
            self._bell.wait(listening, left)
        return ()

    def close(self) -> None:
        """Hear nothing more."""
        if self._closed:
            return
        self._closed = True
        self._bell.ring()
        with self._link.lock:
            self._heard.clear()
            if self._link.connection is not None and self._is_listening():
                with suppress(BrokerUnavailable), self._link.using():
                    if self._kind.durable:  # nobody else knows its name
                        self._channel.queue_delete(self._queue)
                    self._channel.close()

    def wake(self) -> None:
        """Look at the connection: it is another one, or will be."""
        self._bell.ring()

    def _is_listening(self) -> bool:
        return self._channel is not None and self._channel.connection is self._link.connection

    def _listen(self) -> None:
        if self._is_listening():
            return
        channel = self._link.channel()
        channel.queue_declare(
            self._queue,
            durable=self._kind.durable,
            exclusive=self._kind.exclusive,
            auto_delete=not self._kind.durable,
            arguments=dict(self._kind.arguments),
        )
        for exchange, key in self._bound:
            self._declarations.exchange(exchange)
            channel.queue_bind(self._queue, self._declarations.wire(exchange.name), key)
        channel.basic_consume(self._queue, no_ack=True, callback=self._on_message)
        self._channel = channel

    def _on_message(self, found: Any) -> None:
        packet = from_amqp(found)
        message = said_in(packet, self._declarations.local(packet.exchange), self._bodies)
        if message is not None and not self._closed:
            self._heard.append(message)
            self._bell.stir()


class AmqpMailbox(AmqpSubscription, Mailbox):
    """An ear on one address."""

    def __init__(
        self,
        link: Link,
        declarations: Declarations,
        address: ReplyAddress,
        bodies: Bodies | None = None,
    ) -> None:
        self._address = address
        queue = f"{address.routing_key}.{declarations.wire(address.exchange)}"
        bound = [(_of_replies(address), address.routing_key)]
        super().__init__(link, declarations, queue, bound, bodies)

    @property
    def address(self) -> ReplyAddress:
        """Where replies are to go."""
        return self._address


class AmqpBus(Bus):
    """Speaks in an AmqpStore, by a connection of its own for listening."""

    def __init__(self, store: AmqpStore) -> None:
        self.store = store
        self.begin_life()
        store.buses.add(self)

    def broadcast(self, messages: Sequence[BusMessage]) -> None:
        """Say messages; each is confirmed, whether or not anybody hears it."""
        exchanges = [exchange_of(message.channel) for message in messages]
        self._say(messages, exchanges)

    def subscribe(self, topics: Sequence[Topic]) -> Subscription:
        """Listen from now on."""
        bound = [(exchange_of(topic.channel), topic.pattern) for topic in dict.fromkeys(topics)]
        first = self._declarations.wire(bound[0][0].name) if bound else ""
        name = f"{uuid4()}.{first}" if first.endswith(_CONTROL) else f"{first}.{uuid4()}"
        ear = AmqpSubscription(self._link, self._declarations, name, bound, self.bodies)
        return self._listening(ear)

    def open_mailbox(self, exchange: str) -> Mailbox:
        """Listen on an address that nobody else has."""
        address = ReplyAddress(exchange, str(uuid4()))
        return self._listening(AmqpMailbox(self._link, self._declarations, address, self.bodies))

    def reply(self, to: ReplyAddress, messages: Sequence[BusMessage]) -> None:
        """Send messages to one mailbox."""
        said = [BusMessage(to.exchange, one.body, to.routing_key, one.headers) for one in messages]
        self._say(said, [_of_replies(to)] * len(said))

    def close(self) -> None:
        """Close the ears made here, and the connection they listened by."""
        while self._ears:
            self._ears.pop().close()
        self._link.close()

    def _say(self, messages: Sequence[BusMessage], exchanges: Sequence[Exchange]) -> None:
        if not messages:
            return
        packets = [
            packet_saying(message, self.bodies, lasting=exchange.kind == "fanout")
            for message, exchange in zip(messages, exchanges, strict=True)
        ]
        patience = self.store.settings.timeout + 1.0
        ends = monotonic() + patience
        with self.store.publishing.using(patience):
            declarations = self.store.declarations
            for exchange in dict.fromkeys(exchanges):
                declarations.exchange(exchange)
            letters = [
                Letter(packet, declarations.wire(message.channel), message.key)
                for packet, message in zip(packets, messages, strict=True)
            ]
            self.store.publisher.say(letters, ends)

    def begin_life(self) -> None:
        """Begin without any connection: in this process, or in a fork of it."""
        self._ears: list[AmqpSubscription] = []
        self._link = self.store.link(self._on_lost)
        self._declarations = Declarations(self._link, self.store.settings)

    def _listening(self, ear: _Ear) -> _Ear:
        self.store.begin_pulse()
        self._ears = [one for one in self._ears if not one._closed]
        self._ears.append(ear)
        return ear

    def _on_lost(self) -> None:
        for ear in tuple(self._ears):
            ear.wake()


def _of_replies(address: ReplyAddress) -> Exchange:
    return Exchange(address.exchange, "direct", durable=False)
