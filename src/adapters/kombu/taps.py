"""Consumers: one tap a queue, open as wide as what is wanted of it.

RabbitMQ pushes; what nobody has asked for yet waits here. A tap's window is its prefetch count: so
many messages may be on their way or unsettled by its present consumer. A wider one needs another
consumer, since quorum queues know no other way. A tap nobody has drawn from for a while is closed,
and what waits here goes back to the queue, where other workers find it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count, takewhile
from typing import Any, Final, TypeVar

from . import frames
from .declarations import Declarations
from .driver import amqp
from .link import Link
from .packet import Packet, from_amqp

T = TypeVar("T")

#: The widest window: AMQP counts in 16 bits.
_WIDEST: Final = 65_535


class Tap:
    """What comes out of one queue. The link's lock must be held throughout."""

    def __init__(self, queue: str, on_wire: str, link: Link, ring: Callable[[], None]) -> None:
        self.queue = queue
        self.channel = link.channel()
        self._link, self._number = link, self.channel.channel_id
        link.inflow.receivers[self._number] = self._on_delivery
        self.is_dead = False
        self.waiting: deque[tuple[int, Packet]] = deque()
        #: What was lately acknowledged before it was run. A queue whose server dies forgets the
        #: last acknowledgements, though that had taken them in.
        self.recent: deque[Any] = deque(maxlen=0)
        #: Whether the server was asked for a sign that has not come yet.
        self.is_asked = False
        self._on_wire, self._ring = on_wire, ring
        self._consumer: str | None = None
        self._window = 0
        #: Tags that are not settled yet, in the order of delivery, each with whether the present
        #: consumer got it.
        self._unsettled: dict[int, str] = {}

    @property
    def is_open(self) -> bool:
        """Whether messages may be on their way."""
        return self._consumer is not None

    def holds(self, tag: int) -> bool:
        """Tell whether a delivery can still be settled here."""
        return tag in self._unsettled

    def die(self) -> None:
        """The server closed the channel: all that was not settled goes back by itself."""
        self.is_dead = True
        self._consumer = None
        self._unsettled.clear()
        self.waiting.clear()

    def widen(self, wanted: int) -> None:
        """Let so many more come."""
        taken = sum(1 for consumer in self._unsettled.values() if consumer == self._consumer)
        if self._consumer is not None and self._window - taken >= wanted:
            return
        self.close()
        self._window = min(wanted, _WIDEST)
        self.recent = deque(self.recent, maxlen=self._window)
        self.channel.basic_qos(0, self._window, False)
        self._consumer = self.channel.basic_consume(
            self._on_wire, callback=self._on_message, on_cancel=self._on_cancel
        )

    def close(self) -> None:
        """Let no more come."""
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            # What was on its way is taken in before the answer comes.
            self.channel.basic_cancel(consumer)

    def get(self) -> tuple[int, Packet] | None:
        """Fetch the next one, if there is any: one question, one answer."""
        found = self.channel.basic_get(self._on_wire)
        if found is None:
            return None
        tag = found.delivery_info["delivery_tag"]
        self._unsettled[tag] = ""
        return tag, from_amqp(found)

    def give_back(self) -> None:
        """Return what nobody asked for to the queue."""
        waiting, self.waiting = self.waiting, deque()
        self.reject([tag for tag, _ in waiting])

    def acknowledge(self, tags: Iterable[int], *, ask: bool = False) -> None:
        """Settle deliveries; those that follow one another in one go.

        `ask` for a sign that the server has taken it in: `is_asked` until that has come.
        """
        wanted = {tag for tag in tags if tag in self._unsettled}
        oldest = list(takewhile(wanted.__contains__, self._unsettled))
        said = [frames.acknowledge(self._number, oldest[-1], multiple=True)] if oldest else []
        said += [
            frames.acknowledge(self._number, tag, multiple=False)
            for tag in sorted(wanted.difference(oldest))
        ]
        if ask:
            said.append(frames.window(self._number, self._window))
            self._link.inflow.lookouts[self._number] = self._on_sign
            self.is_asked = True
        if said:
            self._link.send(said)
        for tag in wanted:
            del self._unsettled[tag]

    def reject(self, tags: Iterable[int]) -> None:
        """Return deliveries to the queue."""
        ours = [tag for tag in sorted(tags, reverse=True) if tag in self._unsettled]
        if ours:
            self._link.send([frames.requeue(self._number, tag) for tag in ours])
        for tag in ours:
            del self._unsettled[tag]

    def reject_all(self) -> None:
        """Return everything to the queue."""
        if self._unsettled:
            self.channel.basic_recover(requeue=True)
            self._unsettled.clear()

    def settle_down(self) -> None:
        """Return when the queue has seen all that was said of it here."""
        self.channel.queue_declare(self._on_wire, passive=True)

    def _on_delivery(self, found: frames.Delivered) -> None:
        if self.is_dead:
            return
        self._unsettled[found.tag] = found.consumer
        self.waiting.append((found.tag, found.packet))
        self._ring()

    def _on_sign(self) -> None:
        self.is_asked = False

    def _on_message(self, found: Any) -> None:
        came = found.delivery_info
        self._on_delivery(
            frames.Delivered(came["delivery_tag"], came["consumer_tag"], from_amqp(found))
        )

    def _on_cancel(self, consumer: str) -> None:
        # The queue is gone, or another node leads it now, and what was not settled with it. The
        # next claim looks by another channel: to this one RabbitMQ's new queue would not deliver.
        if consumer == self._consumer:
            self.die()
            self._ring()


class Taps:
    """The taps of one link's present connection."""

    def __init__(self, link: Link, declarations: Declarations, ring: Callable[[], None]) -> None:
        self._link, self._declarations, self._ring = link, declarations, ring
        self._taps: dict[str, Tap] = {}
        #: What was lately acknowledged to queues that are gone, or elsewhere now.
        self._recent: list[Any] = []
        self._turns = count()

    def __iter__(self) -> Iterator[Tap]:
        return iter(tuple(self._taps.values()))

    def of(self, queue: str) -> Tap:
        """Return the tap of a queue, whose queue is made sure of."""
        tap = self._taps.get(queue)
        if tap is not None and tap.is_dead:
            self._declarations.forget(queue)
            self._recent += tap.recent
            tap.channel.close()
            tap = None
        if tap is None:
            self._declarations.queue(queue)
            tap = Tap(queue, self._declarations.wire(queue), self._link, self._ring)
            self._taps[queue] = tap
        return tap

    def widen(self, queues: Sequence[str], wanted: int) -> None:
        """Let messages come from these queues, an equal share of each."""
        share = -(-wanted // len(queues))
        for queue in queues:
            try:
                self.of(queue).widen(share)
            except amqp().exceptions.NotFound:
                self._renew(queue).widen(share)

    def take(self, queues: Sequence[str], limit: int) -> list[tuple[Tap, int, Packet]]:
        """Take what waits here, one of each queue in turn."""
        taps = [tap for queue in queues if (tap := self._taps.get(queue)) and tap.waiting]
        taps = self._in_turn(taps)
        taken: list[tuple[Tap, int, Packet]] = []
        while taps and len(taken) < limit:
            for tap in tuple(taps):
                if len(taken) < limit:
                    taken.append((tap, *tap.waiting.popleft()))
                if not tap.waiting:
                    taps.remove(tap)
        return taken

    def fetch(self, queues: Sequence[str], limit: int) -> list[tuple[Tap, int, Packet]]:
        """Fetch from these queues what is there and no more, one of each in turn."""
        left = self._in_turn(queues)
        taken: list[tuple[Tap, int, Packet]] = []
        while left and len(taken) < limit:
            for queue in tuple(left):
                if len(taken) == limit:
                    break
                tap = self.of(queue)
                try:
                    found = tap.get()
                except amqp().exceptions.NotFound:
                    tap = self._renew(queue)
                    found = tap.get()
                if found is None:
                    left.remove(queue)
                else:
                    taken.append((tap, *found))
        return taken

    def close(self) -> None:
        """Let no more come, and return what nobody asked for."""
        for tap in self:
            tap.close()
            tap.give_back()

    def recent_of_lost(self) -> list[Any]:
        """Return once what was lately acknowledged to queues that were lost since."""
        recent, self._recent = self._recent, []
        return recent

    def forget(self) -> None:
        """The connection is gone, and all of this with it."""
        for tap in self:
            self._recent += tap.recent
            tap.die()
        self._taps.clear()

    def _in_turn(self, some: Sequence[T]) -> list[T]:
        # Another one begins each time, so that small claims are fair as well.
        first = next(self._turns) % len(some) if some else 0
        return [*some[first:], *some[:first]]

    def _renew(self, queue: str) -> Tap:
        """Replace the tap of a queue that was deleted since it was looked for."""
        self._taps[queue].die()
        return self.of(queue)
