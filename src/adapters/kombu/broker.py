"""The broker on RabbitMQ. One object is one owner of claims: its consuming connection is the lease.

RabbitMQ gives back what a closed connection held. Whether that had been started, and how often it
crashed, stands in the ledger and in a header of ours. Where there is no ledger, tasks without
`acks_late` are acknowledged when they start, and nobody learns of their worker's death.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Final
from uuid import uuid4

from ...domain.errors import BackendUnavailable, BrokerUnavailable, LeaseLost, NotSupported
from ...domain.messaging.delivery import DeadMessage, Delivery, Orphan, Token, Undecodable
from ...domain.messaging.message import TaskMessage
from ...domain.messaging.queues import Queue
from ...domain.work.settlement import Disposition
from ...ports.broker import Broker, BrokerCapabilities
from ...ports.lease import PortableLease
from ...ports.ledger import StartedLedger
from . import dead_letters
from .addresses import addressed, to_queue
from .bell import Bell
from .claiming import Claiming
from .declarations import Declarations
from .driver import amqp
from .held import Held
from .ownership import Ownership
from .publishing import Letter
from .settling import settle
from .store import AmqpStore

logger = logging.getLogger("celeriac.amqp")

#: Orphans handed out in one call.
_ADOPTED_AT_ONCE: Final = 500
#: Seconds after which what nobody claims goes back to its queue.
_IDLE: Final = 1.5


class AmqpBroker(Broker, PortableLease):
    """Messages in an AmqpStore."""

    def __init__(self, store: AmqpStore, ledger: Callable[[], StartedLedger] | None = None) -> None:
        """`ledger` makes the ledger when the first worker enlists; None: there is none."""
        self.store = store
        self.ownership = Ownership(store.clock, ledger)
        self._woken = False
        self.begin_life()
        store.brokers.add(self)

    @property
    def capabilities(self) -> BrokerCapabilities:
        """What RabbitMQ can do; it neither shows nor picks messages, and never pauses."""
        return BrokerCapabilities(
            priority=self.store.settings.max_priority is not None,
            fencing=False,
            peek=False,
            pause=False,
            leases=False,
            seize=False,
            sees_parked=False,
        )

    @property
    def url(self) -> str:
        """Where the messages are; passwords are masked."""
        return self.store.url

    def open(self) -> None:
        """Connect."""
        self.store.open()

    def close(self) -> None:
        """Let go of the consuming connection: RabbitMQ then gives back what was claimed by it."""
        self._consuming.close()
        self._bell.ring()

    # -- publishers

    def declare(self, queues: Sequence[Queue]) -> None:
        """Make queues, exchanges and bindings known; known ones are left as they are."""
        with self.store.publishing.using():
            for queue in queues:
                self.store.declarations.whole(queue)

    def publish(
        self, messages: Sequence[TaskMessage], *, deadline: float, within: object | None = None
    ) -> None:
        """Store messages; see Broker.publish. A wrong route refuses its batch when it is new."""
        if within is not None:
            raise NotSupported(
                f"{self.url} cannot publish within a transaction of yours: leave out `connection`, "
                "or use an SQL broker"
            )
        if not messages:
            return
        ends = monotonic() + deadline
        with self.store.publishing.using(deadline):
            declarations, now = self.store.declarations, self.store.clock.now()
            letters = [addressed(message, declarations, self.store, now) for message in messages]
            self.store.publish(letters, max(0.0, ends - monotonic()))

    # -- workers: ownership

    def enlist(self, node: str, lease: float) -> None:
        """Become a new owner. What an earlier enlistment still holds goes back by itself."""
        self.ownership.leave()
        with self._consuming.lock:
            self._consuming.drop()
            self._claiming.hands.begin()
        self.ownership.enlist(node, lease)
        self.store.begin_pulse()

    def renew(self) -> bool:
        """Prolong the lease; when it had run out, give up what is held."""
        if self.ownership.renew():
            return True
        self._give_up()
        return False

    def papers(self) -> str | None:
        """Return what the ledger knows this owner by; without one the connection is the lease."""
        return self.ownership.papers()

    def renew_as(self, papers: str) -> bool:
        """Prolong the lease of another process's owner; no connection is opened for that."""
        return self.ownership.renew_as(papers)

    def leave(self) -> None:
        """Return what is still held to its queues; do nothing after the lease has run out."""
        if not self.ownership.is_present:
            return
        with self._away_is_given_back(), self._consuming.lock:
            if self._consuming.connection is not None:
                with self._consuming.using():
                    self._claiming.return_all()
            kept = self._claiming.hands.without_tap()
            self.store.publish([self._again(held) for held in kept], self._patience)
            self.ownership.assure()
            self.ownership.strike(
                [*self._claiming.hands.keys_of_lost(), *(held.key for held in kept if held.key)]
            )
            self._claiming.hands.begin()
        self._consuming.close()
        self.ownership.leave()

    # -- workers: messages

    def claim(
        self, queues: Sequence[str], limit: int, wait: float, begin: int = 0
    ) -> Sequence[Delivery | Undecodable]:
        """Claim what is there, waiting for the first."""
        if limit <= 0 or not queues:
            return []
        ends = monotonic() + wait
        names = list(dict.fromkeys(queues))
        self._present()
        self.ownership.catch_up()
        try:
            with self._claiming.going_on():
                return self._claimed(names, limit, ends, wait=wait > 0)
        finally:
            if self.store.settings.strict and wait > 0:
                self._close_taps()

    def wake(self) -> None:
        """End the `claim` that blocks now, or else the next one that would."""
        self._woken = True
        self._bell.ring()

    def mark_started(
        self, tokens: Sequence[Token], early: Collection[Token] = ()
    ) -> Sequence[bool]:
        """Note in the ledger what is about to be run; then acknowledge those in `early`.

        Where there is a ledger, RabbitMQ has taken that in before they are run. If that cannot be
        known, the ledger is told that they need not be run again.
        """
        if not tokens:
            return []
        hands = self._claiming.hands
        with self._consuming.lock:
            found = [hands.of(token) for token in tokens]
        begun = [held for held in found if held is not None]
        self.ownership.note(begun, early)
        if now := [held for held in begun if held.token in early]:
            self._let_go_early(now)
        with self._consuming.lock:
            valid = [
                self._begins(token, held, early) for token, held in zip(tokens, found, strict=True)
            ]
        self.ownership.catch_up()
        return valid

    def settle(self, settled: Sequence[tuple[Token, Disposition]]) -> Sequence[bool]:
        """Bring deliveries to their end: what is published again goes first, then the ledger."""
        if not settled:
            return []
        return settle(self.store, self._consuming, self._claiming, self.ownership, settled)

    def recover(self, queues: Sequence[str]) -> Sequence[Orphan]:
        """Return what dead workers had started, as far as the ledger knows."""
        self._present()
        adopted = self.ownership.adopt(queues, _ADOPTED_AT_ONCE)
        return self._claiming.orphans(adopted, self.ownership)

    @property
    def is_in_doubt(self) -> bool:
        """Whether a message is kept back that somebody else had started."""
        return self._claiming.is_in_doubt

    # -- operators

    def depth(self, queues: Sequence[str]) -> Mapping[str, int]:
        """Count what is ready in each queue; what is parked waits elsewhere, uncounted."""
        with self.store.publishing.using():
            return {queue: self._depth(queue) for queue in queues}

    def peek(self, queue: str, limit: int) -> Sequence[TaskMessage]:
        """Refuse: RabbitMQ shows a message only to whoever takes it."""
        raise NotSupported(f"{self.url} shows no waiting messages: {_INSTEAD}")

    def purge(self, queues: Sequence[str]) -> int:
        """Delete what is ready; what is parked comes back when it is due."""
        deleted = 0
        with self.store.publishing.using():
            for queue in dict.fromkeys(queues):
                with suppress(amqp().exceptions.NotFound):
                    deleted += self.store.publishing.side().queue_purge(self._wire(queue))
        return deleted

    def seize(self, task_ids: Sequence[str]) -> Sequence[Delivery | Undecodable]:
        """Refuse: RabbitMQ gives messages in their order only."""
        raise NotSupported(
            f"{self.url} cannot pick single messages out of a queue: revoked tasks are dropped by "
            "the workers that claim them"
        )

    def pause(self, queue: str) -> None:
        """Refuse: RabbitMQ knows no such state."""
        raise NotSupported(f"{self.url} cannot pause a queue: stop its workers instead")

    def resume(self, queue: str) -> None:
        """Refuse: RabbitMQ knows no such state."""
        raise NotSupported(f"{self.url} cannot pause a queue, and so cannot resume one")

    def paused(self, queues: Sequence[str]) -> Collection[str]:
        """Return none: RabbitMQ knows no such state."""
        return ()

    def dead(self, queue: str, limit: int) -> Sequence[DeadMessage]:
        """Return dead letters, newest first."""
        with self.store.publishing.using():
            return dead_letters.look(self.store, queue)[: max(limit, 0)]

    def revive(self, queue: str, tags: Sequence[str | int]) -> int:
        """Put dead letters back; their crashes are forgotten."""
        if not tags:
            return 0
        with self.store.publishing.using():
            return dead_letters.revive(self.store, queue, {str(tag) for tag in tags})

    # -- from the store

    def beat(self) -> None:
        """Return to the queues what nobody has claimed for a while."""
        if self._claiming.is_idle(_IDLE) and self._consuming.lock.acquire(blocking=False):
            try:
                self._close_taps()
            finally:
                self._consuming.lock.release()

    def begin_life(self) -> None:
        """Begin without any connection: in this process, or in a fork of it."""
        self._bell = Bell()
        self._consuming = self.store.link(self._on_lost)
        self._claiming = Claiming(
            self._consuming,
            Declarations(self._consuming, self.store.settings, self.store.declarations.declared),
            self.store,
            self._bell,
        )

    # -- steps

    def _claimed(
        self, names: list[str], limit: int, ends: float, *, wait: bool
    ) -> Sequence[Delivery | Undecodable]:
        while True:
            with self._consuming.using():
                self._bell.hang()
                held = self._claiming.claim(names, limit, wait=wait)
                self.ownership.doubt(self._claiming.taps.recent_of_lost())
                pause = self._claiming.seconds_until_due()
                listening = self._consuming.connection.transport.sock
                self._bell.awaited = not held
            batch = self._claiming.runnable(held, self.ownership)
            left = ends - monotonic()
            if batch or left <= 0 or self._woken:
                self._woken = False
                return batch
            self._bell.wait(listening, min(left, pause))
            self._present()

    @property
    def _patience(self) -> float:
        return self.store.settings.timeout + 1.0

    def _present(self) -> None:
        try:
            self.ownership.check()
        except LeaseLost:
            self._give_up()
            raise

    def _let_go_early(self, begun: Sequence[Held]) -> None:
        """Acknowledge before the run; doubt what RabbitMQ may deliver again nevertheless."""
        with self._consuming.lock:  # so that nothing of it is claimed before it is known here
            try:
                with self._consuming.using():
                    unsure = self._claiming.let_go_early(begun, sure=self.ownership.has_ledger)
            except BrokerUnavailable:
                # What was sent may have arrived. The ledger has all of it, so it can be run.
                if not (unsure := [held for held in begun if held.tap is None]):
                    raise
            self.ownership.doubt(unsure)

    def _begins(self, token: Token, held: Held | None, early: Collection[Token]) -> bool:
        """Tell whether a delivery is held still, having been noted as started."""
        if held is None:
            return False
        hands = self._claiming.hands
        if hands.of(token) is held and (token not in early or held.tap is None):
            return True
        # Its connection was lost meanwhile: it is delivered again, and nobody runs it here.
        hands.let_go(token)
        hands.over([held])
        self.ownership.void([held.key])
        return False

    def _give_up(self) -> None:
        with self._consuming.lock:
            self._consuming.drop()
            self._claiming.hands.begin()

    def _on_lost(self) -> None:
        void, unsure = self._claiming.lost()
        self.ownership.void(void)
        self.ownership.doubt(unsure)
        self._bell.ring()

    def _close_taps(self) -> None:
        # Whatever is wrong with the connection, the next claim meets it too.
        with suppress(BrokerUnavailable), self._consuming.lock:
            if self._consuming.connection is not None:
                with self._consuming.using():
                    self._claiming.taps.close()

    @contextmanager
    def _away_is_given_back(self) -> Iterator[None]:
        try:
            yield
        except (BrokerUnavailable, BackendUnavailable):
            self._give_up()
            raise

    def _again(self, held: Held) -> Letter:
        return to_queue(
            held.packet.marked(redelivered=True, copy=uuid4().hex), held.queue, self.store
        )

    def _depth(self, queue: str) -> int:
        try:
            name = self._wire(queue)
            return int(self.store.publishing.side().queue_declare(name, passive=True)[1])
        except amqp().exceptions.NotFound:
            return 0

    def _wire(self, queue: str) -> str:
        return self.store.declarations.wire(queue)


_INSTEAD: Final = "look at them in its management interface (they go back to their queue)"
