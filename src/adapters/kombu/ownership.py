"""This worker as an owner: its lease, and what the ledger is told of its work."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from itertools import count
from typing import Final

from ...domain.errors import BackendUnavailable, BrokerUnavailable, LeaseLost
from ...domain.messaging.delivery import Token
from ...ports.clock import Clock
from ...ports.ledger import Found, Started, StartedLedger
from .held import Held
from .packet import to_bytes

logger = logging.getLogger("celeriac.amqp")

#: Begins the key of an entry which says that a run is over, though its message may come again.
FINISHED: Final = "done-"
#: Seconds for which that is remembered: longer than RabbitMQ takes to notice that a connection is
#: gone, and the next worker to get what it held.
_REMEMBERED: Final = 3600.0


class Ownership:
    """A lease by the host's clock, and by the ledger where there is one."""

    def __init__(self, clock: Clock, ledger: Callable[[], StartedLedger] | None) -> None:
        self._clock, self._make_ledger = clock, ledger
        self._ledger: StartedLedger | None = None
        self._node, self._lease = "", 0.0
        self._until: float | None = None
        self._owner = 0
        self._keys = count(1)
        self._void: list[str] = []
        self._unsure: list[Held] = []
        #: Runs that ended without their message: their entries, and until when they are kept.
        self._finished: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    @property
    def is_present(self) -> bool:
        """Whether the lease runs."""
        return self._until is not None and self._clock.monotonic() < self._until

    def enlist(self, node: str, lease: float) -> None:
        """Become an owner. Raises BrokerUnavailable while the ledger is away."""
        if self._make_ledger is None:
            _tell_once()
        else:
            self._ledger = self._ledger or self._make_ledger()
            try:
                self._owner = self._ledger.join(node, lease)
            except BackendUnavailable as away:
                # To whoever starts a worker the ledger is a part of the broker, and waited for.
                raise BrokerUnavailable(f"the ledger of started tasks is away: {away}") from away
        self._node, self._lease = node, lease
        self._until = self._clock.monotonic() + lease
        self._finished.clear()

    def check(self) -> None:
        """Raise LeaseLost unless the lease runs."""
        if self._until is None:
            raise LeaseLost("this broker owns nothing: call enlist before claiming")
        if not self.is_present and not self.renew():
            raise LeaseLost(
                f"the lease of {self._node} ({self._lease:g} s) ran out before it was renewed; "
                "enlist anew"
            )

    def renew(self) -> bool:
        """Prolong the lease, if it has not run out.

        Where there is a ledger it alone knows: another process may have renewed meanwhile.
        """
        if self._until is None or (self._ledger is None and not self.is_present):
            return False
        if self._ledger is not None and not self._ledger.renew(self._owner):
            self._until = self._clock.monotonic()
            return False
        self._until = self._clock.monotonic() + self._lease
        self._forget_finished()
        self.catch_up()
        return True

    def papers(self) -> str | None:
        """Return the number by which the ledger knows this owner; None: it has none."""
        return None if self._ledger is None or self._until is None else str(self._owner)

    def renew_as(self, papers: str) -> bool:
        """Prolong the lease of another process's owner, in the ledger."""
        if self._make_ledger is None:
            return False
        self._ledger = self._ledger or self._make_ledger()
        return self._ledger.renew(int(papers))

    def leave(self) -> None:
        """Give up the lease, and what the ledger knows of this owner."""
        # Else the lease runs out, and whoever asks learns still that those runs are over.
        if self.is_present and self._ledger is not None and not self._finished:
            self._ledger.leave(self._owner)
        self._until = None

    # -- entries

    def note(self, begun: Sequence[Held], early: Collection[Token]) -> None:
        """Note deliveries that are about to be run. Raises LeaseLost, BackendUnavailable."""
        self.check()
        if self._ledger is None or not begun:
            return
        entries = []
        for held in begun:
            held.key = held.key or f"{self._owner}-{next(self._keys)}"
            packet = held.packet
            raw = to_bytes(packet) if held.token in early else b""
            entries.append(Started(held.key, packet.attempt, held.queue, packet.crashes, raw))
        if not self._ledger.note(self._owner, entries):
            self._until = self._clock.monotonic()
            self.check()

    def strike(self, keys: Sequence[str]) -> Sequence[bool]:
        """Remove entries; False where one has been adopted by another."""
        if self._ledger is None or not keys:
            return [True] * len(keys)
        return self._ledger.strike(self._owner, keys)

    def finish(self, ended: Sequence[Held]) -> bool:
        """Note that these are over: whoever gets their message again need only acknowledge it.

        False where the lease has run out: others may have begun them meanwhile.
        """
        if self._ledger is None or not ended:
            return True
        entries = [Started(FINISHED + held.key, held.packet.attempt, held.queue) for held in ended]
        if not self._ledger.note(self._owner, entries):
            return False
        for entry in entries:
            self.remember(entry)
        return True

    def remember(self, entry: Started) -> None:
        """Keep for a while what says that a run is over."""
        self._finished[entry.task_id] = (entry.key, self._clock.monotonic() + _REMEMBERED)

    def has_finished(self, attempt: str) -> bool:
        """Tell whether a run ended here without its message."""
        return attempt in self._finished

    def _forget_finished(self) -> None:
        now = self._clock.monotonic()
        for attempt in [one for one, (_, until) in list(self._finished.items()) if until <= now]:
            self.void([self._finished.pop(attempt)[0]])

    def void(self, keys: Sequence[str]) -> None:
        """Have entries removed when there is time: nobody must take them for a death."""
        with self._lock:
            self._void.extend(key for key in keys if key)

    def adopt(self, queues: Sequence[str], limit: int) -> Sequence[Found]:
        """Take over whole messages of the dead."""
        self.catch_up()
        return [] if self._ledger is None else self._ledger.adopt(self._owner, queues, limit)

    def inquire(self, attempts: Sequence[str], *, take: bool) -> Sequence[Found]:
        """Ask who had started these runs; `take` over what the dead had."""
        if self._ledger is None or not attempts:
            return []
        return self._ledger.inquire(self._owner, attempts, take=take)

    def doubt(self, unsure: Sequence[Held]) -> None:
        """Have noted, when there is time, that these need not be run should they come again."""
        with self._lock:
            self._unsure.extend(unsure)

    def catch_up(self) -> None:
        """Tell the ledger what a lost connection has changed."""
        if not self._void and not self._unsure:
            return
        with self._lock:
            keys, self._void = self._void, []
            unsure, self._unsure = self._unsure, []
        try:
            self.finish(unsure)
            self.strike(keys)
        except BackendUnavailable:
            self.void(keys)
            self.doubt(unsure)


_told = threading.Event()


def _tell_once() -> None:
    with suppress(Exception):
        if not _told.is_set():
            _told.set()
            logger.warning(
                "no result backend of this app keeps a ledger of started tasks (Redis and SQL do): "
                "tasks without acks_late are acknowledged when they start, and if their worker "
                "dies nobody records it"
            )
