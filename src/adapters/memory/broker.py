"""The broker in memory. Several of them over one store are several workers and publishers."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from ...domain.errors import LeaseLost, NotSupported
from ...domain.messaging.delivery import DeadMessage, Delivery, Orphan, Token, Undecodable
from ...domain.messaging.message import TaskMessage
from ...domain.messaging.queues import Queue
from ...domain.work.settlement import Disposition
from ...ports.broker import Broker, BrokerCapabilities
from ...ports.clock import Clock
from .messages import Owner
from .store import MemoryStore

#: How many deliveries one call adopts, so that the lock is never held for long.
_ADOPTED_AT_ONCE: Final = 500


class MemoryBroker(Broker):
    """Keeps messages in a MemoryStore: the one given, or one of its own on the clock given.

    Leases and due times go by the store's clock. On a virtual one `claim` never blocks.
    """

    def __init__(self, store: MemoryStore | None = None, clock: Clock | None = None) -> None:
        self.memory = store or MemoryStore(clock)
        self._owner: Owner | None = None
        self._woken = False

    @property
    def capabilities(self) -> BrokerCapabilities:
        """Everything but transactions of the caller's."""
        return BrokerCapabilities()

    @property
    def url(self) -> str:
        """`memory://`."""
        return "memory://"

    def open(self) -> None:
        """Do nothing: there is nothing to connect to."""

    def close(self) -> None:
        """Do nothing: what is claimed stays claimed."""

    # -- publishers

    def declare(self, queues: Sequence[Queue]) -> None:
        """Make queues and bindings known."""
        with self.memory.changed:
            for queue in queues:
                self.memory.messages.declare(queue)

    def publish(
        self, messages: Sequence[TaskMessage], *, deadline: float, within: object | None = None
    ) -> None:
        """Store messages, all or none; `deadline` never matters here."""
        if within is not None:
            raise NotSupported(
                "memory:// cannot publish within a transaction of yours: leave out `connection`, "
                "or use an SQL broker"
            )
        with self.memory.changed:
            routed = [(message, self.memory.messages.route(message)) for message in messages]
            for message, queues in routed:
                self.memory.messages.publish(message, queues)
            self.memory.changed.notify_all()

    # -- workers: ownership

    def enlist(self, node: str, lease: float) -> None:
        """Become a new owner. What an earlier enlistment still holds is left to be recovered."""
        with self.memory.changed:
            self._owner = self.memory.messages.enlist(node, lease, self.memory.clock.monotonic())

    def renew(self) -> bool:
        """Prolong the lease, if it has not run out."""
        with self.memory.changed:
            now = self.memory.clock.monotonic()
            if self._owner is None or self._owner.until <= now:
                return False
            self._owner.until = now + self._owner.lease
            return True

    def leave(self) -> None:
        """Return what is still held to its queues; do nothing after the lease has run out."""
        with self.memory.changed:
            owner, self._owner = self._owner, None
            if owner and owner.until > self.memory.clock.monotonic():
                self.memory.messages.leave(owner)
                self.memory.changed.notify_all()

    # -- workers: messages

    def claim(
        self, queues: Sequence[str], limit: int, wait: float, begin: int = 0
    ) -> Sequence[Delivery | Undecodable]:
        """Claim what is due, waiting for it unless the clock is virtual."""
        if limit <= 0:
            return ()
        with self.memory.changed:
            claimed = self.memory.wait_for(
                lambda: self._claim(queues, limit, begin),
                wait,
                interrupted=lambda: self._woken,
                nap=lambda: self._until_it_matters(queues),
            )
            self._woken = False
            return claimed

    def seize(self, task_ids: Sequence[str]) -> Sequence[Delivery | Undecodable]:
        """Take the waiting messages of these tasks."""
        with self.memory.changed:
            owner, now = self._present_owner(), self.memory.clock.now()
            return self.memory.messages.seize(owner, frozenset(task_ids), now)

    def wake(self) -> None:
        """End the `claim` that blocks now, or else the next one that would."""
        with self.memory.changed:
            self._woken = True
            self.memory.changed.notify_all()

    def mark_started(
        self, tokens: Sequence[Token], early: Collection[Token] = ()
    ) -> Sequence[bool]:
        """Note which deliveries are about to be run."""
        with self.memory.changed:
            entries = [self.memory.messages.held(token) for token in tokens]
            for entry in filter(None, entries):
                entry.started = True
            return [entry is not None for entry in entries]

    def settle(self, settled: Sequence[tuple[Token, Disposition]]) -> Sequence[bool]:
        """Bring deliveries to their end."""
        with self.memory.changed:
            done = [self._settle(token, disposition) for token, disposition in settled]
            self.memory.changed.notify_all()
            return done

    def recover(self, queues: Sequence[str]) -> Sequence[Orphan]:
        """Adopt what lapsed owners held of these queues. Raises LeaseLost as `claim` does."""
        with self.memory.changed:
            at = self.memory.clock.monotonic()
            return self.memory.messages.adopt(self._present_owner(), queues, _ADOPTED_AT_ONCE, at)

    # -- operators

    def depth(self, queues: Sequence[str]) -> Mapping[str, int]:
        """Count what waits in each queue."""
        with self.memory.changed:
            lines = self.memory.messages.lines
            return {name: len(lines[name].waiting) if name in lines else 0 for name in queues}

    def peek(self, queue: str, limit: int) -> Sequence[TaskMessage]:
        """Return what would be claimed next and can be read."""
        with self.memory.changed:
            line = self.memory.messages.lines.get(queue)
            ready = line.ready(self.memory.clock.now()) if line else []
            return [entry.message for entry in ready if entry.message][: max(limit, 0)]

    def purge(self, queues: Sequence[str]) -> int:
        """Delete what waits."""
        with self.memory.changed:
            lines = self.memory.messages.lines
            return sum(lines[name].clear() for name in queues if name in lines)

    def pause(self, queue: str) -> None:
        """Close a queue to all claims."""
        with self.memory.changed:
            self.memory.messages.pause(queue, paused=True)

    def resume(self, queue: str) -> None:
        """Open a queue again."""
        with self.memory.changed:
            self.memory.messages.pause(queue, paused=False)
            self.memory.changed.notify_all()

    def paused(self, queues: Sequence[str]) -> Collection[str]:
        """Return which are closed to claims."""
        with self.memory.changed:
            return {queue for queue in queues if self.memory.messages.is_paused(queue)}

    def dead(self, queue: str, limit: int) -> Sequence[DeadMessage]:
        """Return dead letters, newest first."""
        with self.memory.changed:
            return self.memory.messages.dead(queue, limit)

    def revive(self, queue: str, tags: Sequence[str | int]) -> int:
        """Put dead letters back; their crashes are forgotten."""
        with self.memory.changed:
            revived = self.memory.messages.revive(queue, tags)
            self.memory.changed.notify_all()
            return revived

    # -- steps, all with the lock held

    def _present_owner(self) -> Owner:
        if self._owner is None:
            raise LeaseLost("this broker owns nothing: call enlist before claiming")
        if self._owner.until <= self.memory.clock.monotonic():
            raise LeaseLost(
                f"the lease of {self._owner.node} ({self._owner.lease:g} s) ran out before it was "
                "renewed; enlist anew"
            )
        return self._owner

    def _claim(
        self, queues: Sequence[str], limit: int, begin: int
    ) -> Sequence[Delivery | Undecodable]:
        owner = self._present_owner()
        now = self.memory.clock.now()
        return self.memory.messages.claim(owner, queues, limit, now, begin)

    def _until_it_matters(self, queues: Sequence[str]) -> float:
        """Return the seconds until a parked message comes due or the lease runs out."""
        lease = self._present_owner().until - self.memory.clock.monotonic()
        due = self.memory.messages.next_due(queues)
        return min(lease, (due - self.memory.clock.now()).total_seconds()) if due else lease

    def _settle(self, token: Token, disposition: Disposition) -> bool:
        entry = self.memory.messages.held(token)
        if entry is None:
            return False
        self.memory.messages.dispose(entry, disposition, self.memory.clock.now())
        return True
