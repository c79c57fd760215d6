"""The broker on a transport of kombu. One object is one owner of claims.

With a ledger a claim is noted there whole, and its transport is done with it: the lease is the
ledger's. Without one the transport keeps it, for as long as that can and this worker prolongs it;
tasks without `acks_late` then leave it when they start, and nobody learns of their worker's death.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from math import ceil
from time import monotonic
from typing import Final
from uuid import uuid4

from ....domain.errors import (
    BackendUnavailable,
    BrokerUnavailable,
    LeaseLost,
    NotSupported,
    QueueNotFound,
)
from ....domain.messaging.delivery import DeadMessage, Delivery, Orphan, Token, Undecodable
from ....domain.messaging.message import TaskMessage
from ....domain.messaging.queues import Queue
from ....domain.work.settlement import Disposition, Done, Park, Requeue
from ....ports.broker import Broker, BrokerCapabilities
from ....ports.lease import PortableLease
from ....ports.ledger import StartedLedger
from .carrier import DEAD, PARKED
from .custody import Custody, Held, opened
from .endings import again, dead_of, letter_of, revived
from .parcels import Letter, Parcel, delivery_of, due_at, envelope_of, mark
from .store import VirtualStore

#: Orphans handed out in one call.
_ADOPTED_AT_ONCE: Final = 500
#: Seconds between two looks at what is parked.
_LOOK: Final = 1.0
#: Seconds: what is due sooner waits here, which is more exact than its transport would be.
_NAP: Final = 1.5


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
        self._lock = threading.RLock()
        self._bell = threading.Event()
        self._woken = False
        self._numbers = count(1)
        self._fence = uuid4().hex
        self._turn = 0
        self._lease = 0.0
        self._looked_at: float | None = None
        self._hands: dict[Token, Held] = {}
        self._naps: dict[Token, datetime] = {}

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
        with self._lock:
            kept = [one.parcel for one in self._hands.values() if one.parcel is not None]
            if kept:
                self._hands.clear()
                self._naps.clear()
        if kept:
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
        with self._lock:
            self._begin()
        self.custody.enlist(node, lease)
        self._lease = lease

    def renew(self) -> bool:
        """Prolong the lease, and what the transport keeps; when it had run out, give all up."""
        if not self.custody.renew():
            self._give_up()
            return False
        with self._lock:
            held = [(one, one.parcel) for one in self._hands.values() if one.parcel is not None]
        if held:
            ours = self.store.consuming.prolong([parcel for _, parcel in held], self._lease)
            with self._lock:
                for (one, _), is_ours in zip(held, ours, strict=True):
                    if not is_ours and one.parcel is not None:
                        self._hands.pop(one.token, None)
                        self._naps.pop(one.token, None)
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
        with self._lock:
            held = list(self._hands.values())
        self.store.consuming.back([one.parcel for one in held if one.parcel is not None])
        letters = [again(one) for one in held if one.parcel is None]
        if letters:
            self.store.consuming.put(letters)
        with self._lock:
            self._begin()
        self.custody.leave()
        self.store.stir()

    # -- workers: messages

    def claim(
        self, queues: Sequence[str], limit: int, wait: float
    ) -> Sequence[Delivery | Undecodable]:
        """Claim what is there, waiting for the first."""
        if limit <= 0 or not queues:
            return []
        names = list(dict.fromkeys(queues))
        ends = monotonic() + wait
        # Several are looked at first, for one must not wait while there is something in another.
        poll = self._poll(1, wait) if len(names) == 1 else 0.0
        while True:
            self.custody.check()
            self._bell.clear()
            batch = self._claimed(names, limit, poll)
            left = ends - monotonic()
            if batch or left <= 0 or self._woken:
                self._woken = False
                return batch
            if not (poll := self._poll(len(names), left)):
                pause = min(left, self._seconds_until_due(), self.store.consuming.poll)
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
        with self._lock:
            found = [self._hands.get(token) for token in tokens]
        begun = [held for held in found if held is not None]
        if not begun:
            return [False] * len(tokens)
        if self.custody.keeps:
            self.custody.begin(begun)
        else:
            gone = [one for one in begun if one.token in early and one.parcel is not None]
            self.store.consuming.done([one.parcel for one in gone if one.parcel is not None])
            for one in gone:
                one.parcel = None
        return [held is not None for held in found]

    def settle(self, settled: Sequence[tuple[Token, Disposition]]) -> Sequence[bool]:
        """Bring deliveries to their end: what is carried again goes first, then the ledger."""
        with self._lock:
            endings = [(self._hands.pop(token, None), ending) for token, ending in settled]
        ours = [(held, ending) for held, ending in endings if held is not None]
        with self._taken_back(ours):
            kept = self._settled(ours)
        if any(not isinstance(ending, Done) for _, ending in ours):
            self.store.stir()
        return [held is not None and held.token in kept for held, _ in endings]

    def recover(self, queues: Sequence[str]) -> Sequence[Orphan]:
        """Return what dead workers held, as far as the ledger knows."""
        self.custody.check()
        orphans = []
        for found, begun in self.custody.inherit(queues, _ADOPTED_AT_ONCE):
            envelope, place = opened(found.entry.raw)
            with self._lock:
                held = self._held(found.entry.queue, envelope, None, place, redelivered=True)
                held.key = found.entry.key
            orphans.append(Orphan(self._delivery(held), begun, found.node))
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

    # -- steps: claiming

    def _claimed(self, names: list[str], limit: int, poll: float) -> list[Delivery | Undecodable]:
        ready = self._due_naps(names, limit)
        if len(ready) < limit:
            parcels = self._parcels(names, limit - len(ready), 0.0 if ready else poll)
            ready += self._sorted(parcels)
        return [self._delivery(held) for held in ready]

    def _parcels(self, names: list[str], limit: int, poll: float) -> list[Parcel]:
        """Take fairly: a share of each queue first, then what is left of the limit."""
        carrier, lease = self.store.consuming, self._visible_for
        self._turn += 1
        first = self._turn % len(names)
        order = names[first:] + names[:first]
        found: list[Parcel] = []
        now, moment = self.store.clock.now(), self.store.clock.monotonic()
        if self._looked_at is None or moment - self._looked_at >= _LOOK:
            self._looked_at = moment
            for name in order:
                if len(found) < limit:
                    found += carrier.due(name, limit - len(found), now, lease=lease)
        share = max(1, ceil(limit / len(order)))
        full = []
        for name in order:
            wanted = min(share, limit - len(found))
            if wanted > 0:
                some = carrier.take(name, wanted, lease=lease, wait=0.0 if found else poll)
                found += some
                if len(some) == wanted:
                    full.append(name)
        for name in full:
            if len(found) < limit and len(order) > 1:
                found += carrier.take(name, limit - len(found), lease=lease)
        return found

    @property
    def _visible_for(self) -> float:
        # One that only hands over to the ledger needs time for that, not a lease.
        return max(30.0, self._lease) if self.custody.keeps else self._lease

    def _sorted(self, parcels: Sequence[Parcel]) -> list[Held]:
        """Park what is not due, have the rest kept; return what may be run now."""
        now = self.store.clock.now()
        later: list[tuple[Parcel, datetime]] = []
        held: list[Held] = []
        naps: list[tuple[Held, datetime]] = []
        for one in parcels:
            due = due_at(one.envelope)
            wait = 0.0 if due is None else (due - now).total_seconds()
            if due is not None and wait > _NAP:
                later.append((one, due))
                continue
            with self._lock:
                mine = self._held(
                    one.queue, one.envelope, one, one.place, redelivered=one.redelivered
                )
            if due is not None and wait > 0:
                naps.append((mine, due))
            else:
                held.append(mine)
        if later:
            self.store.consuming.hide(later, now)
        self._keep([*held, *(one for one, _ in naps)])
        with self._lock:
            self._naps.update({one.token: due for one, due in naps})
        return held

    def _keep(self, held: Sequence[Held]) -> None:
        if not held or not self.custody.keeps:
            return
        parcels = [one.parcel for one in held if one.parcel is not None]
        try:
            self.custody.deposit(held)
        except (LeaseLost, BackendUnavailable) as error:
            with self._lock:
                for one in held:
                    self._hands.pop(one.token, None)
            self.store.consuming.back(parcels)
            if isinstance(error, LeaseLost):
                raise
            raise BrokerUnavailable(f"the ledger of started tasks is away: {error}") from error
        self.store.consuming.done(parcels)
        for one in held:
            one.parcel = None

    def _poll(self, queues: int, left: float) -> float:
        """Return how long the transport is to wait at each queue, if it does; at least a second."""
        pause = min(left, self._seconds_until_due())
        if pause < 1 or not self.store.consuming.traits.waits:
            return 0.0
        return max(1.0, pause / queues)

    def _due_naps(self, names: list[str], limit: int) -> list[Held]:
        now = self.store.clock.now()
        ready: list[Held] = []
        with self._lock:
            for token, due in list(self._naps.items()):
                held = self._hands.get(token)
                if held is None:
                    del self._naps[token]
                elif due <= now and held.queue in names and len(ready) < limit:
                    del self._naps[token]
                    ready.append(held)
        return ready

    def _seconds_until_due(self) -> float:
        now = self.store.clock.now()
        with self._lock:
            return max(
                0.0, min(((due - now).total_seconds() for due in self._naps.values()), default=60.0)
            )

    # -- steps: settling

    def _settled(self, ours: Sequence[tuple[Held, Disposition]]) -> set[Token]:
        carrier, now = self.store.consuming, self.store.clock.now()
        carries = any(not isinstance(ending, Done) for _, ending in ours)
        # Nothing may be carried again by whom others take for dead.
        if self.custody.keeps and carries and not self.custody.renew():
            self._give_up()
            return set()
        here = [(held, ending) for held, ending in ours if held.parcel is not None]
        letters = [
            letter
            for held, ending in ours
            if (held.parcel is None or not _stays(ending))
            and (letter := letter_of(held, ending, now))
        ]
        carrier.put(letters)
        struck = self.custody.strike([held.key for held, _ in ours if held.key])
        keys = iter(struck)
        kept = {held.token for held, _ in ours if not held.key or next(keys)}
        back = [held.parcel for held, end in here if isinstance(end, Requeue) and _stays(end)]
        later = [(held.parcel, end.until) for held, end in here if isinstance(end, Park)]
        carrier.done([held.parcel for held, end in here if held.parcel and not _stays(end)])
        carrier.back([one for one in back if one is not None])
        carrier.hide([(one, until) for one, until in later if one is not None], now)
        return kept

    @contextmanager
    def _taken_back(self, ours: Sequence[tuple[Held, Disposition]]) -> Iterator[None]:
        try:
            yield
        except BaseException:
            with self._lock:
                self._hands.update({held.token: held for held, _ in ours})
            raise

    # -- steps: hands

    def _held(
        self, queue: str, envelope: Mapping[str, object], parcel: Parcel | None, place: str,
        *, redelivered: bool,
    ) -> Held:  # fmt: skip
        token = Token(next(self._numbers), self._fence)
        held = self._hands[token] = Held(token, queue, envelope, parcel, place, redelivered)
        return held

    def _delivery(self, held: Held) -> Delivery | Undecodable:
        return delivery_of(held.envelope, held.token, held.queue, redelivered=held.redelivered)

    def _begin(self) -> None:
        self._fence = uuid4().hex
        self._hands.clear()
        self._naps.clear()

    def _give_up(self) -> None:
        with self._lock:
            self._begin()


def _stays(ending: Disposition) -> bool:
    """Tell whether a parcel that its transport still has can stay there."""
    return isinstance(ending, Park) or (isinstance(ending, Requeue) and not ending.crashed)
