"""Dead letters: whole messages in a durable queue beside their own, with the reason in a header.

RabbitMQ shows a message only to whoever takes it. So looking means taking all of them on a channel
of its own, which is then closed, and they stand where they stood.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ...domain.messaging.delivery import DeadMessage
from ...domain.work.settlement import DeadLetter
from .addresses import came_by, to_queue
from .declarations import DEAD
from .driver import amqp
from .packet import Packet, from_amqp, message_of
from .publishing import Letter

if TYPE_CHECKING:
    from .store import AmqpStore


def letter(
    store: AmqpStore, packet: Packet, queue: str, ending: DeadLetter, now: datetime
) -> Letter:
    """Address a packet to the dead letters of its queue. The publishing lock must be held."""
    dead = packet.lasting().marked(
        reason=ending.reason, detail=ending.detail, died_at=now.timestamp(), tag=uuid4().hex
    )
    return Letter(dead, "", store.declarations.dead(queue), queue + DEAD)


def look(store: AmqpStore, queue: str) -> list[DeadMessage]:
    """Return all dead letters, newest first. The publishing lock must be held."""
    channel = store.publishing.channel()
    try:
        found = [_read(store, packet, queue) for _, packet in _all(store, channel, queue)]
    finally:
        _close(channel)
    found.sort(key=lambda one: one.died_at)
    return found[::-1]


def revive(store: AmqpStore, queue: str, tags: Collection[str]) -> int:
    """Publish some again to their queue, then acknowledge them. The lock must be held."""
    channel = store.publishing.channel()
    try:
        wanted = [one for one in _all(store, channel, queue) if one[1].mark.get("tag") in tags]
        letters = [to_queue(_forgiven(packet), queue, store) for _, packet in wanted]
        ends = monotonic() + store.settings.timeout + 1.0
        if letters:
            store.declarations.queue(queue)
            store.publisher.publish(letters, ends)
        for number, _ in wanted:
            channel.basic_ack(number)
    finally:
        _close(channel)
    return len(wanted)


def _all(store: AmqpStore, channel: Any, queue: str) -> list[tuple[int, Packet]]:
    place = store.declarations.wire(queue) + DEAD
    found: list[tuple[int, Packet]] = []
    try:
        while (one := channel.basic_get(place)) is not None:
            found.append((one.delivery_info["delivery_tag"], from_amqp(one)))
    except amqp().exceptions.NotFound:
        return []
    return found


def _forgiven(packet: Packet) -> Packet:
    return packet.marked(reason=None, detail=None, died_at=None, tag=None, crashes=None)


def _read(store: AmqpStore, packet: Packet, queue: str) -> DeadMessage:
    mark = packet.mark
    died_at = mark.get("died_at")
    return DeadMessage(
        tag=str(mark.get("tag") or ""),
        queue=queue,
        reason=str(mark.get("reason") or "unknown"),
        detail=str(mark.get("detail") or ""),
        died_at=float(died_at) if isinstance(died_at, int | float) else 0.0,
        message=message_of(packet, queue, came_by(packet, queue, store)),
        raw=packet.body,
    )


def _close(channel: Any) -> None:
    if channel.connection is not None:
        channel.close()
