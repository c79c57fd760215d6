"""Replies on RabbitMQ: a queue named by its reader, reached by the nameless exchange.

Where Celery's queue goes with its consumer, this one outlasts a lost connection for a while: what
was answered meanwhile is there when the reader is back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, Final

from ...domain.errors import BrokerUnavailable
from ...domain.messaging.payload import Payload
from ...ports.replies import Letter as Reply
from ...ports.replies import Replies
from .bell import Bell
from .link import Link
from .packet import Packet, from_amqp
from .publishing import Letter
from .store import AmqpStore

#: Seconds a queue outlives its reader's connection, at most.
_OUTLIVES: Final = 600.0
#: Messages that RabbitMQ sends ahead of the reader's acknowledgement.
_AHEAD: Final = 500


class AmqpReplies(Replies):
    """Sends by an AmqpStore, and receives by a connection of its own."""

    _address: str
    _expires: float
    _bell: Bell
    _channel: Any
    _came: deque[tuple[int, Payload]]
    _link: Link

    def __init__(self, store: AmqpStore) -> None:
        self.store = store
        self._begin()

    @property
    def url(self) -> str:
        """Where RabbitMQ is."""
        return self.store.url

    def open(self, address: str, expires: float | None) -> None:
        """Declare the queue and consume it."""
        if address != self._address:
            self._begin()
        self._address, self._expires = address, min(expires or _OUTLIVES, _OUTLIVES)
        self._bell.hang()
        with self._link.using():
            self._listen()

    def send(self, letters: Sequence[Reply]) -> None:
        """Publish to the queues; one that is gone takes nothing, which is no error."""
        patience = self.store.settings.timeout + 1.0
        ends = monotonic() + patience
        packed = [Letter(_packet_of(one), "", self._wire(one.address)) for one in letters]
        with self.store.publishing.using(patience):
            self.store.publisher.say(packed, ends)

    def receive(self, wait: float) -> Sequence[Payload]:
        """Return what came."""
        if not self._address:
            return ()
        ends = monotonic() + wait
        while True:
            with self._link.using():
                self._listen()
                self._link.drain_all()
                came = [payload for _, payload in self._came]
                if came:
                    self._channel.basic_ack(self._came[-1][0], multiple=True)
                self._came.clear()
                listening = self._link.connection.transport.sock
                self._bell.awaited = not came
            left = ends - monotonic()
            if came or left <= 0:
                return came
            self._bell.wait(listening, left)

    def close(self) -> None:
        """Delete the queue."""
        address, self._address = self._address, ""
        if address:
            with suppress(BrokerUnavailable), self._link.lock:
                if self._link.connection is not None:
                    with self._link.using():
                        self._link.side().queue_delete(self._wire(address))
            self._link.close()
        self._bell.ring()

    # -- steps

    def _begin(self) -> None:
        self._address, self._expires = "", _OUTLIVES
        self._bell = Bell()
        self._channel = None
        self._came = deque()
        self._link = self.store.link(self._on_lost)

    def _listen(self) -> None:
        if self._channel is not None and self._channel.connection is self._link.connection:
            return
        self._came.clear()  # they come again
        channel = self._link.channel()
        name = self._wire(self._address)
        channel.queue_declare(
            name,
            durable=True,
            auto_delete=False,
            arguments={"x-expires": max(1000, int(self._expires * 1000))},
        )
        channel.basic_qos(0, _AHEAD, False)
        channel.basic_consume(name, callback=self._on_message)
        self._channel = channel

    def _on_message(self, found: Any) -> None:
        tag = int(found.delivery_info["delivery_tag"])
        packet = from_amqp(found)
        said = packet.properties
        payload = Payload(
            packet.body,
            str(said.get("content_type") or "application/json"),
            str(said.get("content_encoding") or "utf-8"),
            packet.headers.get("compression"),
        )
        self._came.append((tag, payload))
        self._bell.stir()

    def _on_lost(self) -> None:
        self._channel = None
        self._bell.ring()

    def _wire(self, address: str) -> str:
        return self.store.declarations.wire(address)


def _packet_of(reply: Reply) -> Packet:
    document = reply.document
    headers = {"compression": document.compression} if document.compression else {}
    properties = {
        "content_type": document.content_type,
        "content_encoding": document.content_encoding,
        "application_headers": headers,
        "correlation_id": reply.about,
        "delivery_mode": 1,
        "priority": 0,
    }
    return Packet(document.data, properties)
