"""Claims by consumers: what was pushed, what naps here for less than a second, what is in doubt.

A message that RabbitMQ delivers again may have been started by somebody who died since, or who
lives and only lost the connection: perhaps here. The ledger tells; until it can, or the run is
over, the message is held in doubt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from math import inf
from time import monotonic

from ...domain.errors import BackendUnavailable, BrokerUnavailable
from ...domain.messaging.delivery import Delivery, Orphan, Undecodable
from ...ports.ledger import Found
from .addresses import came_by
from .bell import Bell
from .declarations import Declarations
from .held import Hands, Held, acknowledge
from .link import Link
from .ownership import FINISHED, Ownership
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

    def let_go_early(self, begun: Sequence[Held], *, sure: bool) -> list[Held]:
        """Acknowledge what is about to be run; return what RabbitMQ may not know of.

        `sure`: wait until it has taken in the acknowledgements, and so delivers none of it again.
        """
        told = acknowledge(begun, ask=sure)
        self._link.drain_until(lambda: not any(tap.is_asked for tap in told))
        return [held for tap, some in told.items() if tap.is_dead for held in some]

    def return_all(self) -> None:
        """Return everything to its queue, and wait until it is there."""
        self.taps.close()
        for tap in self.taps:
            tap.reject_all()
            tap.settle_down()
        self._forget()

    def lost(self) -> tuple[list[str], list[Held]]:
        """The connection is gone.

        Return the keys of entries that are void by that, and what may come again though it had
        been acknowledged: perhaps the server died.
        """
        self.taps.forget()
        void = self._forget()
        self.hands.lost()
        return void, self.taps.recent_of_lost()

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

    @property
    def is_in_doubt(self) -> bool:
        """Whether messages are kept back."""
        return bool(self._doubtful)

    def is_idle(self, seconds: float) -> bool:
        """Tell whether taps are open that nobody has drawn from for so long."""
        if self._active or monotonic() - self._last < seconds:
            return False
        return any(tap.is_open or tap.waiting for tap in self.taps)

    def runnable(self, batch: Sequence[Held], ownership: Ownership) -> list[Delivery | Undecodable]:
        """Return what may be run; what was perhaps started by another is kept back."""
        again = [held for held in batch if held.packet.redelivered and held.packet.task_id]
        # Whoever takes over a run of the dead must tell of it at once, which `orphans` can.
        kept = {held.token for held in self._judge(again, ownership, take=False)} if again else ()
        return [self._delivery(held) for held in batch if held.token not in kept]

    def orphans(self, adopted: Sequence[Found], ownership: Ownership) -> list[Orphan]:
        """Return what dead workers had started: adopted whole, or delivered again."""
        with self._link.lock:
            ours = [self._inherited(one) for one in adopted]
            doubtful, self._doubtful = self._doubtful, []
        ownership.doubt(ours)
        ownership.catch_up()
        kept = {held.token for held in self._judge(doubtful, ownership, take=True)}
        with self._link.lock:
            now = self._store.clock.now()
            for held in doubtful:
                if held.token not in kept:  # its starter lives, and let go of it
                    self.nap(held, now)
            orphans, self._orphans = self._orphans, []
            return [one for one in orphans if self.hands.of(one.delivery.token)]

    # -- steps

    def _judge(self, again: Sequence[Held], ownership: Ownership, *, take: bool) -> list[Held]:
        """Sort out what was started already; return what must not be run as it is."""
        if not again:
            return []
        with self._link.lock:
            self.hands.lost()
            kept = [held for held in again if self.hands.rejoin(held)]
        rest = [held for held in again if held not in kept]
        over = [held for held in rest if ownership.has_finished(held.packet.attempt)]
        unknown = [held for held in rest if held not in over]
        try:
            found = ownership.inquire([held.packet.attempt for held in unknown], take=take)
        except BackendUnavailable:
            with self._link.lock:
                self._doubtful += unknown
            self._drop(over)
            return list(again)
        by_attempt: dict[str, list[Found]] = {}
        for one in found:
            by_attempt.setdefault(one.entry.task_id, []).append(one)
            if take and one.entry.key.startswith(FINISHED) and not one.alive:
                ownership.remember(one.entry)
        with self._link.lock:
            for held in unknown:
                starters = by_attempt.get(held.packet.attempt)
                if not starters:
                    if ownership.has_finished(held.packet.attempt):  # adopted here meanwhile
                        over.append(held)
                    continue
                kept.append(held)
                if any(one.entry.key.startswith(FINISHED) for one in starters):
                    over.append(held)
                    continue
                # A whole message is adopted by its entry, and then this one is known to be over.
                dead = next((one for one in starters if not (one.alive or one.entry.raw)), None)
                if dead is None or not take:
                    self._doubtful.append(held)
                    continue
                starters.remove(dead)
                held.key = dead.entry.key
                self._orphans.append(Orphan(self._delivery(held), True, dead.node))
        self._drop(over)
        return [*kept, *over]

    def _inherited(self, found: Found) -> Held:
        held = self.hands.take(found.entry.queue, from_bytes(found.entry.raw), None)
        held.key = found.entry.key
        self._orphans.append(Orphan(self._delivery(held), True, found.node))
        return held

    def _drop(self, over: Sequence[Held]) -> None:
        """Acknowledge messages of runs that are over: those had lost them."""
        if not over:
            return
        # Should they come yet again, they are known as well.
        with suppress(BrokerUnavailable), self._link.lock:
            for held in over:
                self.hands.let_go(held.token)
            with self._link.using():
                acknowledge(over)

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

    def _forget(self) -> list[str]:
        self._napping.clear()
        self._doubtful.clear()
        # Those that the ledger alone keeps are not the connection's; of the others nobody was told.
        mine = [one.delivery.token for one in self._orphans]
        gone = [token for token in mine if not self.hands.is_kept(token)]
        self._orphans = [one for one in self._orphans if one.delivery.token not in gone]
        return [held.key for token in gone if (held := self.hands.let_go(token)) is not None]
