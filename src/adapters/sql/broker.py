"""The broker on SQL: the port's promises, each kept in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import count
from time import monotonic

from ...domain.errors import BrokerUnavailable, LeaseLost
from ...domain.messaging.delivery import DeadMessage, Delivery, Orphan, Token, Undecodable
from ...domain.messaging.message import TaskMessage
from ...domain.messaging.queues import Queue
from ...domain.work.settlement import Disposition
from ...ports.broker import Broker, BrokerCapabilities
from ...ports.lease import PortableLease
from . import claims, queue_view
from .claims import Owner
from .dispositions import dispose
from .engine import SqlStore
from .envelope import INSERT, row_of
from .routes import bindings_of, declare, route
from .transaction import Transaction
from .within import publish_within

MESSAGE = "message"


class SqlBroker(Broker, PortableLease):
    """Messages in a SqlStore. One object is one owner of claims."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self._owner: Owner | None = None
        self._woken = False
        self._turns = count()
        self._closed = False
        store.retain()

    @property
    def capabilities(self) -> BrokerCapabilities:
        """Everything."""
        return BrokerCapabilities(transactions=True)

    @property
    def url(self) -> str:
        """Where the store is; the password is masked."""
        return self.store.url

    def open(self) -> None:
        """Connect and make the tables."""
        self.store.open()

    def close(self) -> None:
        """Let go of connections; idempotent."""
        if not self._closed:
            self._closed = True
            self.store.release()

    # -- publishers

    def declare(self, queues: Sequence[Queue]) -> None:
        """Make queues and bindings known."""
        if queues:
            self.store.write(lambda t: declare(t, self.store.flavour, queues))

    def publish(
        self, messages: Sequence[TaskMessage], *, deadline: float, within: object | None = None
    ) -> None:
        """Store messages, all or none, in one transaction: ours, or the caller's."""
        if not messages:
            return
        if within is not None:
            publish_within(self.store, messages, within)
            return
        self.store.write(lambda t: self.insert(t, messages), deadline=deadline)

    def insert(self, transaction: Transaction, messages: Sequence[TaskMessage]) -> None:
        """Insert messages within a transaction of the store's."""
        bindings = bindings_of(transaction, messages)
        now = self.store.now_ms()
        rows = [
            row_of(message, queue, now)
            for message in messages
            for queue in route(message, bindings)
        ]
        self.store.flavour.insert_messages(transaction, INSERT, rows)
        transaction.announce(MESSAGE)

    # -- workers: ownership

    def enlist(self, node: str, lease: float) -> None:
        """Become a new owner. What an earlier enlistment still holds is left to be recovered."""
        milliseconds = max(1, int(lease * 1000))
        self._owner = self.store.write(
            lambda t: claims.enlist(t, self.store.flavour, node, milliseconds, self.store.now_ms())
        )

    def renew(self) -> bool:
        """Prolong the lease, if it has not run out."""
        owner = self._owner
        if owner is None:
            return False
        self.store.measure_time()
        now = self.store.now_ms()
        if not self.store.write(lambda t: claims.renew(t, owner, now)):
            return False
        owner.until = now + owner.lease
        return True

    def papers(self) -> str | None:
        """Return number and lease of the present owner."""
        return None if self._owner is None else f"{self._owner.number} {self._owner.lease}"

    def renew_as(self, papers: str) -> bool:
        """Prolong the lease of another process's owner."""
        number, lease = map(int, papers.split())
        self.store.measure_time()
        now = self.store.now_ms()
        owner = claims.Owner(number, "", lease, now)
        return self.store.write(lambda t: claims.renew(t, owner, now))

    def leave(self) -> None:
        """Return what is still held to its queues; do nothing after the lease has run out."""
        owner, self._owner = self._owner, None
        if owner is None or owner.until <= self.store.now_ms():
            return

        def give_back(transaction: Transaction) -> None:
            if claims.is_present(transaction, owner):
                claims.leave(transaction, owner)
                transaction.announce(MESSAGE)

        self.store.write(give_back)

    # -- workers: messages

    def claim(
        self, queues: Sequence[str], limit: int, wait: float, begin: int = 0
    ) -> Sequence[Delivery | Undecodable]:
        """Claim what is due, waiting for the first."""
        if limit <= 0 or not queues:
            return []
        end = monotonic() + wait
        names = list(dict.fromkeys(queues))
        while True:
            wakeups = self.store.wakeups
            mark = wakeups.mark()
            found, due = self._claim(names, limit)
            left = end - monotonic()
            if found or left <= 0 or self._woken:
                self._woken = False
                if found:
                    wakeups.warm()
                return found
            if due is not None:
                left = min(left, max(0.0, (due - self.store.now_ms()) / 1000))
            wakeups.wait(MESSAGE, mark, left)

    def seize(self, task_ids: Sequence[str]) -> Sequence[Delivery | Undecodable]:
        """Take the waiting messages of these tasks."""
        owner, flavour = self._present_owner(), self.store.flavour
        wanted = [task_id for task_id in dict.fromkeys(task_ids) if _may_be_stored(task_id)]
        if not wanted:
            return []
        fence = owner.next_fence()
        try:
            return self.store.write(lambda t: claims.seize(t, flavour, owner, fence, wanted))
        except BrokerUnavailable:
            owner.doubtful_claims.append(fence)
            raise

    def wake(self) -> None:
        """End the `claim` that blocks now, or else the next one that would."""
        self._woken = True
        self.store.wakeups.announce([MESSAGE])

    def mark_started(
        self, tokens: Sequence[Token], early: Collection[Token] = ()
    ) -> Sequence[bool]:
        """Note which deliveries are about to be run."""
        if not tokens:
            return []
        flavour = self.store.flavour

        def mark(transaction: Transaction) -> list[bool]:
            held = claims.held(transaction, flavour, tokens)
            tags = [token.tag for token, ours in zip(tokens, held, strict=True) if ours]
            if tags:
                where = flavour.among("id", "bigint")
                sql = f"UPDATE celeriac_message SET started = 1 WHERE {where}"  # noqa: S608
                transaction.run(sql, (flavour.listed(tags),))
            return held

        return self.store.write(mark)

    def settle(self, settled: Sequence[tuple[Token, Disposition]]) -> Sequence[bool]:
        """Bring deliveries to their end."""
        if not settled:
            return []
        return self.store.write(lambda t: self.end(t, settled))

    def end(
        self, transaction: Transaction, settled: Sequence[tuple[Token, Disposition]]
    ) -> list[bool]:
        """Bring deliveries to their end within a transaction of the store's."""
        flavour = self.store.flavour
        held = claims.held(transaction, flavour, [token for token, _ in settled])
        ended = {
            int(token.tag): disposition
            for (token, disposition), ours in zip(settled, held, strict=True)
            if ours
        }
        dispose(transaction, flavour, list(ended.items()), self.store.now_ms())
        return held

    def recover(self, queues: Sequence[str]) -> Sequence[Orphan]:
        """Adopt what lapsed owners held of these queues. Raises LeaseLost as `claim` does."""
        owner, now = self._present_owner(), self.store.now_ms()
        if orphans := self._doubtful_orphans(owner):
            return orphans
        if not queues or not self.store.read(lambda t: claims.has_lapsed(t, owner, now)):
            return []
        names = list(dict.fromkeys(queues))
        fence = owner.next_fence()

        def adopt(transaction: Transaction) -> list[Orphan]:
            if not claims.is_present(transaction, owner):
                raise LeaseLost(f"the lease of {owner.node} was taken over; enlist anew")
            return claims.adopt(transaction, self.store.flavour, owner, fence, names, now)

        try:
            return self.store.write(adopt)
        except BrokerUnavailable:
            owner.doubtful_adoptions.append(fence)
            raise

    # -- operators

    def depth(self, queues: Sequence[str]) -> Mapping[str, int]:
        """Count what waits in each queue."""
        return self.store.read(lambda t: queue_view.depth(t, self.store.flavour, queues))

    def peek(self, queue: str, limit: int) -> Sequence[TaskMessage]:
        """Return what would be claimed next and can be read."""
        now = self.store.now_ms()
        return self.store.read(lambda t: queue_view.peek(t, queue, limit, now))

    def purge(self, queues: Sequence[str]) -> int:
        """Delete what waits."""
        return self.store.write(lambda t: queue_view.purge(t, self.store.flavour, queues))

    def pause(self, queue: str) -> None:
        """Close a queue to all claims."""
        self.store.write(lambda t: queue_view.pause(t, self.store.flavour, queue, paused=True))

    def resume(self, queue: str) -> None:
        """Open a queue again."""
        self.store.write(lambda t: queue_view.pause(t, self.store.flavour, queue, paused=False))

    def paused(self, queues: Sequence[str]) -> Collection[str]:
        """Return which are closed to claims."""
        return self.store.read(lambda t: queue_view.paused(t)) & set(queues)

    def dead(self, queue: str, limit: int) -> Sequence[DeadMessage]:
        """Return dead letters, newest first."""
        return self.store.read(lambda t: queue_view.dead(t, queue, limit))

    def revive(self, queue: str, tags: Sequence[str | int]) -> int:
        """Put dead letters back; their crashes are forgotten."""
        return self.store.write(lambda t: queue_view.revive(t, self.store.flavour, queue, tags))

    # -- steps

    def _present_owner(self) -> Owner:
        owner = self._owner
        if owner is None:
            raise LeaseLost("this broker owns nothing: call enlist before claiming")
        if owner.until <= self.store.now_ms():
            raise LeaseLost(
                f"the lease of {owner.node} ({owner.lease / 1000:g} s) ran out before it was "
                "renewed; enlist anew"
            )
        return owner

    def _claim(
        self, names: list[str], limit: int
    ) -> tuple[Sequence[Delivery | Undecodable], int | None]:
        owner, flavour = self._present_owner(), self.store.flavour
        if found := self._doubtful_deliveries(owner):
            return found, None
        ready, due = self.store.read(lambda t: claims.look(t, names))
        now = self.store.now_ms()
        if due is not None and due <= now:
            self.store.write(lambda t: claims.promote(t, flavour, now))
            ready, due = self.store.read(lambda t: claims.look(t, names))
        if not ready:
            return [], due
        # Another queue begins each time, so that small claims are fair as well.
        first = next(self._turns) % len(ready)
        order = ready[first:] + ready[:first]
        fence = owner.next_fence()
        try:
            taken = self.store.write(lambda t: claims.claim(t, flavour, owner, fence, order, limit))
        except BrokerUnavailable:
            owner.doubtful_claims.append(fence)
            raise
        return taken, due

    # A commit whose answer was lost may have happened. What it took is ours then, under a fence
    # that we know, and would lie there for as long as this worker lives.

    def _doubtful_deliveries(self, owner: Owner) -> list[Delivery | Undecodable]:
        found: list[Delivery | Undecodable] = []
        while owner.doubtful_claims:
            fence = owner.doubtful_claims[0]
            found += self.store.read(lambda t, f=fence: claims.taken_under(t, f))  # type: ignore[misc]
            owner.doubtful_claims.pop(0)
        return found

    def _doubtful_orphans(self, owner: Owner) -> list[Orphan]:
        found: list[Orphan] = []
        while owner.doubtful_adoptions:
            fence = owner.doubtful_adoptions[0]
            found += self.store.read(lambda t, f=fence: claims.adopted_under(t, f))  # type: ignore[misc]
            owner.doubtful_adoptions.pop(0)
        return found


def _may_be_stored(text: str) -> bool:
    """Whether a text is one to every database; asked for another, drivers raise."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
