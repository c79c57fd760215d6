"""The broker on a transport of kombu. One object is one owner of claims.

With a ledger a claim is noted there whole, and its transport is done with it: the lease is the
ledger's. Without one the transport keeps it, for as long as that can and this worker prolongs it;
tasks without `acks_late` then leave it when they start, and nobody learns of their worker's death.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from time import monotonic
from typing import Final

from ....domain.errors import NotSupported, QueueNotFound
from ....domain.messaging.delivery import DeadMessage, Delivery, Orphan, Token, Undecodable
from ....domain.messaging.message import TaskMessage
from ....domain.messaging.queues import Queue
from ....domain.work.settlement import Disposition
from ....ports.broker import Broker, BrokerCapabilities
from ....ports.lease import PortableLease
from ....ports.ledger import StartedLedger
from .carrier import DEAD, PARKED
from .claiming import Claiming, delivered
from .custody import Custody, opened
from .endings import again, dead_of, revived
from .held import Hands, done_with, parcels_of
from .parcels import Letter, envelope_of, mark
from .settling import settle
from .store import VirtualStore

#: Orphans handed out in one call.
_ADOPTED_AT_ONCE: Final = 500


class VirtualBroker(Broker, PortableLease):
    """Messages in a VirtualStore."""

    def __init__(
        self, store: VirtualStore, ledger: Callable[[], StartedLedger] | None = None
    ) -> None:
        """`ledger` makes the ledger when the first worker enlists; None: there is none."""
        self.store = store
        self._make_ledger = ledger
        self.begin_life()
        store.brokers.add(self)

    def begin_life(self) -> None:
        """Begin without anything in hand: in this process, or in a fork of it."""
        self.custody = Custody(self.store.clock, self._make_ledger)
        self._hands = Hands()
        self._claiming = Claiming(self.store, self.custody, self._hands)
        self._bell = threading.Event()
        self._woken = False

    @property
    def capabilities(self) -> BrokerCapabilities:
        """What the transport can do, and what the ledger adds."""
        traits = self.store.consuming.traits
        return BrokerCapabilities(
            priority=False,
            fanout=traits.fanout,
            fencing=False,
            peek=False,
            pause=False,
            seize=False,
            sees_parked=traits.sees_parked,
            leases=self._make_ledger is not None,
            ordered=traits.ordered,
            shared_bindings=traits.shared_bindings,
        )

    @property
    def url(self) -> str:
        """Where the messages are; passwords are masked."""
        from ..urls import shown

        return shown(self.store.settings.url)

    def open(self) -> None:
        """Connect."""
        self.store.publishing.open()

    def close(self) -> None:
        """Let go of connections. What the ledger keeps stays claimed, the rest is given back."""
        if kept := self._hands.surrender():
            self.store.consuming.back(kept)
        self.store.close()
        self.stir()

    # -- publishers

    def declare(self, queues: Sequence[Queue]) -> None:
        """Make queues, exchanges and bindings known."""
        for queue in queues:
            self.store.publishing.declare(queue)

    def publish(
        self, messages: Sequence[TaskMessage], *, deadline: float, within: object | None = None
    ) -> None:
        """Put messages; see Broker.publish. What is not due yet is parked by who claims it."""
        if within is not None:
            raise NotSupported(
                f"{self.url} cannot publish within a transaction of yours: leave out `connection`, "
                "or use an SQL broker"
            )
        now = self.store.clock.now()
        letters = [letter for message in messages for letter in self._addressed(message, now)]
        if letters:
            self.store.publishing.put(letters)
            self.store.stir()

    # -- workers: ownership

    def enlist(self, node: str, lease: float) -> None:
        """Become a new owner. What an earlier enlistment still holds is given back."""
        self.leave()
        self._hands.begin()
        self.custody.enlist(node, lease)

    def renew(self) -> bool:
        """Prolong the lease, and what the transport keeps; when it had run out, give all up."""
        if not self.custody.renew():
            self._hands.begin()
            return False
        held = [(one, one.parcel) for one in self._hands.all() if one.parcel is not None]
        if held:
            parcels = [parcel for _, parcel in held]
            ours = self.store.consuming.prolong(parcels, self.custody.lease)
            self._hands.lose(
                one for (one, _), is_ours in zip(held, ours, strict=True) if not is_ours
            )
        return True

    def papers(self) -> str | None:
        """Return what the ledger knows this owner by; None: nobody else can renew its claims."""
        return self.custody.papers()

    def renew_as(self, papers: str) -> bool:
        """Prolong the lease of another process's owner, in the ledger."""
        return self.custody.renew_as(papers)

    def leave(self) -> None:
        """Return what is still held to its queues; do nothing after the lease has run out."""
        if not self.custody.is_present:
            return
        held = self._hands.all()
        self.store.consuming.back(parcels_of(held))
        letters = [again(one) for one in held if one.parcel is None]
        if letters:
            self.store.consuming.put(letters)
        self._hands.begin()
        self.custody.leave()
        self.store.stir()

    # -- workers: messages

    def claim(
        self, queues: Sequence[str], limit: int, wait: float, begin: int = 0
    ) -> Sequence[Delivery | Undecodable]:
        """Claim what is there, waiting for the first."""
        if limit <= 0 or not queues:
            return []
        names = list(dict.fromkeys(queues))
        ends = monotonic() + wait
        # Several are looked at first, for one must not wait while there is something in another.
        poll = self._claiming.poll(1, wait) if len(names) == 1 else 0.0
        while True:
            self.custody.check()
            self._bell.clear()
            batch = self._claiming.claim(names, limit, poll)
            left = ends - monotonic()
            if batch or left <= 0 or self._woken:
                self._woken = False
                return batch
            if not (poll := self._claiming.poll(len(names), left)):
                pause = min(left, self._claiming.seconds_until_due(), self.store.consuming.poll)
                self._bell.wait(pause)

    def seize(self, task_ids: Sequence[str]) -> Sequence[Delivery | Undecodable]:
        """Refuse: no single message can be found."""
        raise NotSupported(
            f"{self.url} cannot find single messages; revoked tasks are dropped when they come"
        )

    def wake(self) -> None:
        """End the `claim` that blocks now, or else the next one that would."""
        self._woken = True
        self._bell.set()

    def stir(self) -> None:
        """Have a `claim` that blocks look again."""
        self._bell.set()

    def mark_started(
        self, tokens: Sequence[Token], early: Collection[Token] = ()
    ) -> Sequence[bool]:
        """Note in the ledger what is about to be run; without one, let go of those in `early`."""
        found = self._hands.find(tokens)
        begun = [held for held in found if held is not None]
        if not begun:
            return [False] * len(tokens)
        if self.custody.keeps:
            self.custody.begin(begun)
        else:
            gone = [one for one in begun if one.token in early and one.parcel is not None]
            self.store.consuming.done(parcels_of(gone))
            done_with(gone)
        return [held is not None for held in found]

    def settle(self, settled: Sequence[tuple[Token, Disposition]]) -> Sequence[bool]:
        """Bring deliveries to their end: what is carried again goes first, then the ledger."""
        return settle(self.store, self.custody, self._hands, settled)

    def recover(self, queues: Sequence[str]) -> Sequence[Orphan]:
        """Return what dead workers held, as far as the ledger knows."""
        self.custody.check()
        orphans = []
        for found, begun in self.custody.inherit(queues, _ADOPTED_AT_ONCE):
            envelope, place = opened(found.entry.raw)
            held = self._hands.adopt(found.entry.queue, envelope, place, found.entry.key)
            orphans.append(Orphan(delivered(held), begun, found.node))
        return orphans

    # -- operators

    def depth(self, queues: Sequence[str]) -> Mapping[str, int]:
        """Count what is ready, and parked where that can be seen."""
        carrier = self.store.publishing
        parked = carrier.traits.sees_parked
        return {
            queue: carrier.size(queue) + (carrier.size(queue + PARKED) if parked else 0)
            for queue in queues
        }

    def peek(self, queue: str, limit: int) -> Sequence[TaskMessage]:
        """Refuse: these transports show a message only to whoever takes it."""
        raise NotSupported(f"{self.url} shows no waiting messages; Redis and SQL brokers do")

    def purge(self, queues: Sequence[str]) -> int:
        """Delete what is ready, and parked where that can be seen."""
        carrier = self.store.publishing
        deleted = 0
        for queue in dict.fromkeys(queues):
            deleted += carrier.purge(queue)
            if carrier.traits.sees_parked:
                deleted += carrier.purge(queue + PARKED)
        return deleted

    def pause(self, queue: str) -> None:
        """Refuse: there is nowhere to note it."""
        raise NotSupported(
            f"{self.url} cannot pause a queue; have the workers not consume it "
            "(celery control cancel_consumer), or use a Redis or SQL broker"
        )

    def resume(self, queue: str) -> None:
        """Refuse, as `pause`."""
        self.pause(queue)

    def paused(self, queues: Sequence[str]) -> Collection[str]:
        """Return none."""
        return ()

    def dead(self, queue: str, limit: int) -> Sequence[DeadMessage]:
        """Return dead letters, newest first: all are looked at."""
        carrier = self.store.publishing
        found = carrier.look(queue + DEAD)
        carrier.back(found)
        letters = sorted((dead_of(one.envelope, queue) for one in found), key=lambda d: d.died_at)
        return letters[::-1][: max(limit, 0)]

    def revive(self, queue: str, tags: Sequence[str | int]) -> int:
        """Put dead letters back; their crashes are forgotten."""
        wanted = {str(tag) for tag in tags}
        carrier = self.store.publishing
        found = carrier.look(queue + DEAD) if wanted else []
        alive = [one for one in found if mark(one.envelope).get("tag") in wanted]
        carrier.put([revived(one.envelope, queue) for one in alive])
        carrier.done(alive)
        gone = {id(one) for one in alive}
        carrier.back([one for one in found if id(one) not in gone])
        self.store.stir()
        return len(alive)

    # -- steps: publishing

    def _addressed(self, message: TaskMessage, now: datetime) -> Iterator[Letter]:
        envelope = envelope_of(message)
        wait = 0.0 if message.eta is None else max(0.0, (message.eta - now).total_seconds())
        if message.exchange:
            queues = self.store.publishing.routes(message.exchange, message.routing_key)
        else:
            queues = [name for name in (message.queue or message.routing_key,) if name]
        if not queues:
            lost = QueueNotFound(
                f"exchange {message.exchange!r} with routing key {message.routing_key!r} leads to "
                f"no queue in {self.url}; declare one that is bound to it (task_queues)"
            )
            lost.message_id = message.id
            raise lost
        for queue in queues:
            yield Letter(queue, envelope, wait)
