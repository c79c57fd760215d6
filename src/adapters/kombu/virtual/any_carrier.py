"""Any transport of kombu, by what all of them can: put a message, get one, acknowledge it.

What is not due yet waits in a queue of its own beside its queue, which workers look through once
a second: no transport need know of time, and no worker keeps it in its memory.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from queue import Empty
from typing import Any, ClassVar, Final

from ....domain.errors import NotSupported
from ....domain.messaging.queues import Exchange, Queue, topic_matches
from .carrier import PARKED, Carrier, Traits
from .channel import Line
from .parcels import Letter, Parcel, due_at, marked, unpacked
from .settings import MEMORY, VirtualSettings

logger = logging.getLogger("celeriac.kombu")

#: Seconds between two looks, at most: local ones are looked at without cost.
_POLL: Final = 1.0
# What kombu may raise for a message that it cannot read.
_UNREADABLE: Final = (ValueError, TypeError, LookupError, AttributeError, RecursionError)


class AnyCarrier(Carrier):
    """Messages of a kombu channel."""

    traits: ClassVar[Traits] = Traits()

    def __init__(self, settings: VirtualSettings) -> None:
        self.settings = settings
        self.line = Line(settings)
        self.poll = settings.poll or _POLL
        self._declared: dict[str, Queue] = {}
        self._known: set[str] = set()
        self._generation = 0

    def open(self) -> None:
        """Connect."""
        with self.line.using():
            pass

    def close(self) -> None:
        """Close the connection."""
        self.line.close()

    def abandon(self) -> None:
        """Begin anew."""
        self.line.abandon()
        self._known.clear()

    def declare(self, queue: Queue) -> None:
        """Declare it as Celery does."""
        if queue.exchange.kind == "fanout" and queue.exchange.name and not self.traits.fanout:
            raise NotSupported(
                f"{self.line.where} carries no fanout exchanges ({queue.exchange.name!r}): bind "
                f"queue {queue.name!r} to a direct or topic exchange, or use Redis or RabbitMQ"
            )
        with self.line.using() as channel:
            self._declared[queue.name] = queue
            self._make(channel, queue)

    def routes(self, exchange: str, key: str) -> Sequence[str]:
        """Look in the exchange's table."""
        with self.line.using() as channel:
            self._again(channel)
            try:
                table = channel.get_table(exchange)
            except KeyError:
                return ()
            known = channel.state.exchanges.get(exchange) or {}
            fanout = known.get("type") == "fanout"
            found = [queue for rule, way, queue in table if fanout or _matches(rule, way, key)]
        return tuple(dict.fromkeys(found))

    def put(self, letters: Sequence[Letter]) -> None:
        """Put letters; those that are to wait aside."""
        with self.line.using() as channel:
            for letter in letters:
                queue = letter.queue + PARKED if letter.again and letter.wait > 0 else letter.queue
                self._know(channel, queue)
                channel._put(queue, dict(letter.envelope))

    def take(self, queue: str, limit: int, *, lease: float, wait: float = 0.0) -> list[Parcel]:
        """Get one by one until there is none."""
        taken: list[Parcel] = []
        with self.line.using() as channel:
            self._know(channel, queue)
            while len(taken) < limit:
                try:
                    taken.append(self._got(channel, queue))
                except Empty:
                    break
        return taken

    def due(self, queue: str, limit: int, now: datetime, *, lease: float) -> list[Parcel]:
        """Look through what is parked, and put back what is not due."""
        place = queue + PARKED
        due: list[Parcel] = []
        with self.line.using():
            for _ in range(self.size(place)):
                if len(due) >= limit or not (found := self.take(place, 1, lease=lease)):
                    break
                at = due_at(found[0].envelope)
                if at is None or at <= now:
                    due += found
                else:
                    self.back(found)
        for parcel in due:
            parcel.queue = queue
        return due

    def done(self, parcels: Sequence[Parcel]) -> None:
        """Acknowledge."""
        with self.line.using() as channel:
            for parcel in parcels:
                if parcel.handle is not None and parcel.handle[0] == self.line.generation:
                    channel.basic_ack(parcel.handle[1])

    def back(self, parcels: Sequence[Parcel]) -> None:
        """Put a copy, then acknowledge."""
        self.put([Letter(one.queue, one.envelope) for one in parcels])
        self.done(parcels)

    def hide(self, parcels: Sequence[tuple[Parcel, datetime]], now: datetime) -> None:
        """Put a copy aside, then acknowledge."""
        letters = []
        for one, until in parcels:
            wait = max(0.001, (until - now).total_seconds())
            envelope = marked(one.envelope, until=until.timestamp())
            letters.append(Letter(one.queue, envelope, wait, one.place, again=True))
        self.put(letters)
        self.done([one for one, _ in parcels])

    def prolong(self, parcels: Sequence[Parcel], lease: float) -> Sequence[bool]:
        """Nothing to do: a channel keeps what it got until it is closed."""
        ours = self.line.generation
        return [one.handle is None or one.handle[0] == ours for one in parcels]

    def size(self, queue: str) -> int:
        """Ask the transport."""
        with self.line.using() as channel:
            self._know(channel, queue)
            return int(channel._size(queue))

    def purge(self, queue: str) -> int:
        """Have the transport do it."""
        with self.line.using() as channel:
            self._know(channel, queue)
            return int(channel._purge(queue) or 0)

    def look(self, queue: str) -> list[Parcel]:
        """Take all."""
        return self.take(queue, self.size(queue), lease=60.0)

    # -- steps

    def _got(self, channel: Any, queue: str) -> Parcel:
        """Get one message. Raises Empty."""
        try:
            found = channel._get(queue)
        except _UNREADABLE as error:
            # It has left the queue, and kombu keeps nothing of it.
            logger.error("%s: a message in %r was unreadable (%r)", self.line.where, queue, error)
            return Parcel(queue, unpacked(b""))
        if not isinstance(found, dict):
            return Parcel(queue, unpacked(repr(found).encode()))
        try:
            message = channel.Message(found, channel=channel)
            channel.qos.append(message, message.delivery_tag)
        except _UNREADABLE:
            return Parcel(queue, found)
        handle = (self.line.generation, message.delivery_tag)
        return Parcel(queue, found, handle, redelivered=bool(found.get("redelivered")))

    def _make(self, channel: Any, queue: Queue) -> None:
        # Where no exchange is named Celery's processes still expect one of the queue's name.
        exchange = queue.exchange if queue.exchange.name else Exchange(queue.name)
        key = queue.routing_key if queue.exchange.name else queue.name
        channel.exchange_declare(exchange.name, exchange.kind, durable=exchange.durable)
        channel.queue_declare(queue.name, durable=queue.durable, arguments=dict(queue.arguments))
        channel.queue_bind(queue.name, exchange.name, key)
        self._known.add(queue.name)

    def _know(self, channel: Any, name: str) -> None:
        self._again(channel)
        if name not in self._known:
            channel.queue_declare(name, durable=True)
            self._known.add(name)

    def _again(self, channel: Any) -> None:
        """Declare everything anew on a new connection: bindings are remembered by it only."""
        if self._generation != self.line.generation:
            self._generation = self.line.generation
            self._known.clear()
            for queue in self._declared.values():
                self._make(channel, queue)


class MemoryCarrier(AnyCarrier):
    """kombu's own `memory`: one process."""

    traits: ClassVar[Traits] = Traits(fanout=True, shared_bindings=True)

    def __init__(self, settings: VirtualSettings) -> None:
        assert settings.transport == MEMORY
        super().__init__(settings)
        self.poll = settings.poll or 0.05


def _matches(rule: str, pattern: str | None, key: str) -> bool:
    return topic_matches(rule, key) if pattern else rule == key
