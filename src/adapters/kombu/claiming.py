"""Claims by consumers: what was pushed, what naps here for less than a second, what is in doubt.

A message that RabbitMQ delivers again may have been started by somebody who died since, or who
lives and only lost the connection. The ledger tells; until it can, the message is held in doubt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from math import inf
from time import monotonic

from ...domain.errors import BackendUnavailable
from ...domain.messaging.delivery import Delivery, Orphan, Undecodable
from ...ports.ledger import Found
from .addresses import came_by
from .bell import Bell
from .declarations import Declarations
from .held import Hands, Held
from .link import Link
from .ownership import Ownership
from .packet import delivery_of, from_bytes
from .store import AmqpStore
from .taps import Taps


class Claiming:
    """What one consuming link brought."""

    def __init__(
        self, link: Link, declarations: Declarations, store: AmqpStore, bell: Bell
    ) -> None:
        self.taps = Taps(link, declarations, bell.stir)
        self.hands = Hands()
        self._link, self._store = link, store
        self._napping: list[tuple[datetime, Held]] = []
        self._doubtful: list[Held] = []
        self._orphans: list[Orphan] = []
        self._active = 0
        self._last = monotonic()

    # -- with the link's lock held

    def claim(self, queues: Sequence[str], limit: int, *, wait: bool) -> list[Held]:
        """Take what is here; if that is nothing, let more come."""
        self._link.drain_all()
        if taken := self._due(queues, limit) or self._taken(queues, limit):
            return taken
        if self._store.settings.strict and not wait:
            found = self.taps.fetch(queues, limit)
            return [self.hands.take(tap.queue, packet, tap, tag) for tap, tag, packet in found]
        self.taps.widen(queues, limit)
        self._link.drain_all()
        return self._taken(queues, limit)

    def nap(self, held: Held, until: datetime) -> None:
        """Keep a delivery here for the moment until it is due."""
        self._napping.append((until, held))

    def seconds_until_due(self) -> float:
        """Return how long the next nap lasts."""
        now = self._store.clock.now()
        return min(((until - now).total_seconds() for until, _ in self._napping), default=inf)

    def return_all(self) -> None:
        """Return everything to its queue, and wait until it is there."""
        self.taps.close()
        for tap in self.taps:
            tap.reject_all()
            tap.settle_down()
        self._forget()

    def lost(self) -> list[str]:
        """The connection is gone: return the keys of entries that are void by that."""
        self.taps.forget()
        self._forget()
        return self.hands.lost()

    # -- without it

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """While a claim goes on, nothing goes back."""
        self._active += 1
        try:
            yield
        finally:
            self._active -= 1
            self._last = monotonic()

    def is_idle(self, seconds: float) -> bool:
        """Tell whether taps are open that nobody has drawn from for so long."""
        if self._active or monotonic() - self._last < seconds:
            return False
        return any(tap.is_open or tap.waiting for tap in self.taps)

    def runnable(self, batch: Sequence[Held], ownership: Ownership) -> list[Delivery | Undecodable]:
        """Return what may be run; what was perhaps started by another is kept back."""
        again = [held for held in batch if held.packet.redelivered and held.packet.task_id]
        kept = {held.token for held in self._judge(again, ownership)} if again else ()
        return [self._delivery(held) for held in batch if held.token not in kept]

    def orphans(self, adopted: Sequence[Found], ownership: Ownership) -> list[Orphan]:
        """Return what dead workers had started: adopted whole, or delivered again."""
        with self._link.lock:
            for one in adopted:
                held = self.hands.take(one.entry.queue, from_bytes(one.entry.raw), None)
                held.key = one.entry.key
                self._orphans.append(Orphan(self._delivery(held), True, one.node))
            doubtful, self._doubtful = self._doubtful, []
        kept = {held.token for held in self._judge(doubtful, ownership)}
        with self._link.lock:
            now = self._store.clock.now()
            for held in doubtful:
                if held.token not in kept:  # its starter lives, and let go of it
                    self.nap(held, now)
            orphans, self._orphans = self._orphans, []
            return [one for one in orphans if self.hands.of(one.delivery.token)]

    # -- steps

    def _judge(self, again: Sequence[Held], ownership: Ownership) -> list[Held]:
        """Sort out what was started by others; return what must not be run as it is."""
        if not again:
            return []
        try:
            found = ownership.inquire([held.packet.task_id for held in again])
        except BackendUnavailable:
            with self._link.lock:
                self._doubtful += again
            return list(again)
        by_id: dict[str, list[Found]] = {}
        for one in found:
            by_id.setdefault(one.entry.task_id, []).append(one)
        kept = []
        with self._link.lock:
            for held in again:
                starters = by_id.get(held.packet.task_id)
                if not starters:
                    continue
                kept.append(held)
                dead = next((one for one in starters if not one.alive), None)
                if dead is None:
                    self._doubtful.append(held)
                    continue
                starters.remove(dead)
                held.key = dead.entry.key
                self._orphans.append(Orphan(self._delivery(held), True, dead.node))
        return kept

    def _taken(self, queues: Sequence[str], limit: int) -> list[Held]:
        found = self.taps.take(queues, limit)
        return [self.hands.take(tap.queue, packet, tap, tag) for tap, tag, packet in found]

    def _due(self, queues: Sequence[str], limit: int) -> list[Held]:
        if not self._napping:
            return []
        now = self._store.clock.now()
        due = [one for one in self._napping if one[0] <= now and one[1].queue in queues][:limit]
        self._napping = [one for one in self._napping if one not in due]
        again = [self.hands.exchange(held) for _, held in due]
        return [held for held in again if held is not None]

    def _delivery(self, held: Held) -> Delivery | Undecodable:
        came = came_by(held.packet, held.queue, self._store)
        return delivery_of(held.packet, held.token, held.queue, came)

    def _forget(self) -> None:
        self._napping.clear()
        self._doubtful.clear()
        # Those that the ledger alone keeps are not the connection's.
        self._orphans = [one for one in self._orphans if self.hands.is_kept(one.delivery.token)]
