"""This worker as an owner: its lease, and what the ledger is told of its work."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from itertools import count

from ...domain.errors import BackendUnavailable, BrokerUnavailable, LeaseLost
from ...domain.messaging.delivery import Token
from ...ports.clock import Clock
from ...ports.ledger import Found, Started, StartedLedger
from .held import Held
from .packet import to_bytes

logger = logging.getLogger("celeriac.amqp")


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
        self.strike_void()
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
        if self.is_present and self._ledger is not None:
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
            entries.append(Started(held.key, packet.task_id, held.queue, packet.crashes, raw))
        if not self._ledger.note(self._owner, entries):
            self._until = self._clock.monotonic()
            self.check()

    def strike(self, keys: Sequence[str]) -> Sequence[bool]:
        """Remove entries; False where one has been adopted by another."""
        if self._ledger is None or not keys:
            return [True] * len(keys)
        return self._ledger.strike(self._owner, keys)

    def void(self, keys: Sequence[str]) -> None:
        """Have entries removed when there is time: nobody must take them for a death."""
        with self._lock:
            self._void.extend(key for key in keys if key)

    def adopt(self, queues: Sequence[str], limit: int) -> Sequence[Found]:
        """Take over whole messages of the dead."""
        self.strike_void()
        return [] if self._ledger is None else self._ledger.adopt(self._owner, queues, limit)

    def inquire(self, task_ids: Sequence[str]) -> Sequence[Found]:
        """Ask who had started these tasks."""
        if self._ledger is None or not task_ids:
            return []
        return self._ledger.inquire(self._owner, task_ids)

    def strike_void(self) -> None:
        """Remove entries of deliveries that went with their connection."""
        if not self._void:
            return
        with self._lock:
            keys, self._void = self._void, []
        if keys:
            try:
                self.strike(keys)
            except BackendUnavailable:
                self.void(keys)


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
