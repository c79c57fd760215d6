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
        #: What may come again and need not be run, as the ledger does not know yet.
        self._unsure: dict[str, Held] = {}
        #: Runs that end without their message: their entries, and until when they are kept.
        self._finished: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()
        #: Held while the ledger is told of what is unsure.
        self._telling = threading.Lock()
        #: Held while something becomes this owner's: then it is shown to it no more.
        self._adopting = threading.Lock()

    @property
    def has_ledger(self) -> bool:
        """Whether anybody can be told of what was started."""
        return self._make_ledger is not None

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
        entries = [_end_of(held.key, held.packet.attempt, held.queue) for held in ended]
        if not self._ledger.note(self._owner, entries):
            return False
        for entry in entries:
            self.remember(entry)
        return True

    def remember(self, entry: Started) -> None:
        """Keep for a while what says that a run is over."""
        self._finished[entry.task_id] = (entry.key, self._clock.monotonic() + _REMEMBERED)

    def has_finished(self, attempt: str) -> bool:
        """Tell whether a run ended here without its message, or goes on without it."""
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
        """Take over whole messages of the dead. Should they come again, they are known to be over.

        Whoever died may have been cut off before, so that RabbitMQ never got its acknowledgements.
        """
        self.catch_up()
        if self._ledger is None:
            return []
        with self._adopting:
            adopted = self._ledger.adopt(self._owner, queues, limit)
            for one in adopted:
                if one.entry.task_id:
                    self.remember(_end_of(one.entry.key, one.entry.task_id, one.entry.queue))
        return adopted

    def inquire(self, attempts: Sequence[str], *, take: bool) -> Sequence[Found]:
        """Ask who had started these runs; `take` over what the dead had."""
        if self._ledger is None or not attempts:
            return []
        with self._adopting:
            return self._ledger.inquire(self._owner, attempts, take=take)

    def doubt(self, unsure: Sequence[Held]) -> None:
        """Have noted, when there is time, that these need not be run should they come again.

        Until then their entries keep others from it. Here it is known at once.
        """
        if self._ledger is None or not unsure:
            return
        with self._lock:
            self._unsure.update({held.key: held for held in unsure})
        for held in unsure:
            self.remember(_end_of(held.key, held.packet.attempt, held.queue))

    def assure(self) -> None:
        """Tell the ledger now of what is in doubt: before any of their entries is struck.

        Raises BackendUnavailable.
        """
        if self._unsure:
            with self._telling:
                self._tell_unsure()

    def catch_up(self) -> None:
        """Tell the ledger what a lost connection has changed, unless that goes on already."""
        if not self._void and not self._unsure:
            return
        if not self._telling.acquire(blocking=False):
            return
        try:
            self._tell_unsure()
            self._strike_void()
        except BackendUnavailable:
            logger.debug("the ledger is away: it is told later what a lost connection has changed")
        finally:
            self._telling.release()

    def _tell_unsure(self) -> None:
        with self._lock:
            unsure = dict(self._unsure)
        self.finish(list(unsure.values()))
        with self._lock:
            for key in unsure:
                self._unsure.pop(key, None)

    def _strike_void(self) -> None:
        with self._lock:
            keys, self._void = self._void, []
        try:
            self.strike(keys)
        except BackendUnavailable:
            self.void(keys)
            raise


def _end_of(key: str, attempt: str, queue: str) -> Started:
    return Started(FINISHED + key, attempt, queue)


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
