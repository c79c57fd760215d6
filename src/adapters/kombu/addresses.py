"""Where packets go, and by which way one came."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ...domain.errors import QueueNotFound
from ...domain.messaging.message import TaskMessage
from . import delays
from .declarations import Declarations
from .packet import Packet, packet_of
from .publishing import Letter

if TYPE_CHECKING:
    from .store import AmqpStore

#: Seconds: what is due sooner is not worth a way through the ladder.
SHORTEST = 1.0


def addressed(
    message: TaskMessage, declarations: Declarations, store: AmqpStore, now: datetime
) -> Letter:
    """Address a message; one that is not due yet goes by the ladder if its queue is known."""
    packet = packet_of(message)
    wait = 0.0 if message.eta is None else (message.eta - now).total_seconds()
    if message.exchange:
        exchange = declarations.wire(message.exchange)
        if wait >= SHORTEST and message.exchange in declarations.delayed:
            declarations.ladder()
            way = delays.way_in(store.settings.ladder, wait, message.routing_key)
            return Letter(packet.lasting(), *way)
        return Letter(packet, exchange, message.routing_key)
    queue = message.queue or message.routing_key
    if not queue:
        raise QueueNotFound(
            f"message {message.id} ({message.task}) names neither a queue nor a routing key"
        )
    if wait >= SHORTEST:
        return parked(packet, queue, store, wait)
    return to_queue(packet, queue, store)


def to_queue(packet: Packet, queue: str, store: AmqpStore) -> Letter:
    """Address a packet to a queue by its name."""
    return Letter(packet, "", store.declarations.wire(queue), queue)


def parked(packet: Packet, queue: str, store: AmqpStore, seconds: float) -> Letter:
    """Address a packet so that it comes to a queue after so many whole seconds."""
    store.declarations.parking(queue)
    key = delays.key_of_queue(store.declarations.wire(queue))
    return Letter(packet.lasting(), *delays.way_in(store.settings.ladder, seconds, key), queue)


def came_by(packet: Packet, queue: str, store: AmqpStore) -> tuple[str, str]:
    """Return exchange and routing key that a packet had first been sent by."""
    mark, declarations, ladder = packet.mark, store.declarations, store.settings.ladder
    if isinstance(exchange := mark.get("exchange"), str):
        return exchange, str(mark.get("routing_key") or queue)
    if not packet.exchange:
        return "", queue
    key = delays.without_bits(ladder, packet.routing_key)
    if packet.exchange != ladder.way_out:
        return declarations.local(packet.exchange), key
    if key == delays.key_of_queue(declarations.wire(queue)):
        return "", queue
    declared = declarations.declared.get(queue)
    return (declared.exchange.name, key) if declared else ("", queue)


def with_origin(packet: Packet, queue: str, store: AmqpStore) -> Packet:
    """Return a copy that remembers by which way it came, where its queue's name does not tell."""
    exchange, key = came_by(packet, queue, store)
    if not exchange:
        return packet.marked(exchange=None, routing_key=None)
    return packet.marked(exchange=exchange, routing_key=key)
