"""The broker on a Redis Cluster: each queue is kept in one slot, by a broker of its own.

What must stay true: what concerns one queue is one step on its node, as on a single server; what
concerns several is one step for each, and a queue whose node is away hinders the others as little
as it can. kombu has no transport for a Cluster, so nobody else's layout is followed here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import count
from threading import Lock
from time import monotonic
from typing import Any, Final, TypeVar

from ...domain.errors import BrokerUnavailable, LeaseLost, NotSupported
from ...domain.messaging.delivery import DeadMessage, Delivery, Orphan, Token, Undecodable
from ...domain.messaging.message import TaskMessage
from ...domain.messaging.queues import Queue
from ...domain.work.settlement import Disposition
from ...ports.broker import Broker, BrokerCapabilities
from . import scripts
from .bells import LOOK_AGAIN
from .broker import RedisBroker
from .claims import address_of, gathered
from .confirming import copies_of
from .publishing import grouped, told
from .routes import Bindings, bindings_of, declare
from .store import RedisStore

T = TypeVar("T")

#: Seconds for the last of several steps, however late the first ones were.
_SHORTEST: Final = 0.1


class ClusterBroker(Broker):
    """Messages in a RedisStore over a Cluster. One object is one owner of claims in each queue."""

    def __init__(self, store: RedisStore) -> None:
        copies_of(store.options, clustered=True)
        self.store = store
        self._keys = store.keys
        self._shards: dict[str, RedisBroker] = {}
        self._making = Lock()
        self._enlisting = Lock()
        #: Node and lease of the present enlistment, and the queues in which it is known.
        self._enlisted: tuple[str, float] | None = None
        #: When the lease ends unless it is renewed, in monotonic seconds.
        self._ends = 0.0
        self._owning: dict[str, RedisBroker] = {}
        self._known: set[str] = set()
        self._woken = False
        self._turns = count()

    @property
    def capabilities(self) -> BrokerCapabilities:
        """As RedisBroker's."""
        return BrokerCapabilities(priority=False)

    @property
    def url(self) -> str:
        """Where the store is; the password is masked."""
        return self.store.url

    def open(self) -> None:
        """Connect, and look whether these servers are fit to keep messages."""
        self.store.open()

    def close(self) -> None:
        """Do nothing: connections are the store's, and what is claimed stays claimed."""

    # -- publishers

    def declare(self, queues: Sequence[Queue]) -> None:
        """Make queues and bindings known."""
        if queues:
            now_ms = self.store.now_ms()
            self.store.do(lambda client: declare(client, self._keys, queues, now_ms))

    def publish(
        self, messages: Sequence[TaskMessage], *, deadline: float, within: object | None = None
    ) -> None:
        """Store messages: those of each queue all or none, one queue after the other."""
        if within is not None:
            raise NotSupported(
                f"{self.url} cannot publish within a transaction of yours: leave out `connection`, "
                "or use an SQL broker"
            )
        if not messages:
            return
        end = monotonic() + deadline
        self.store.open(deadline=deadline)

        def left() -> float:
            return max(end - monotonic(), _SHORTEST)

        groups = grouped(messages, self._bindings_of(messages, left()), self.store.now_ms())
        queues = dict.fromkeys(queue for queue, _ in groups)
        self._note(queues, left())
        for name in queues:
            ours = {key: waiting for key, waiting in groups.items() if key[0] == name}
            self._shard(name).run(scripts.PUBLISH, told(ours), left())

    def _bindings_of(self, messages: Sequence[TaskMessage], deadline: float) -> Bindings:
        if not any(message.exchange for message in messages):
            return Bindings(priorities=self.store.layout.priorities)
        return self.store.do(
            lambda client: bindings_of(client, self._keys, messages), deadline=deadline
        )

    def _note(self, queues: Iterable[str], deadline: float) -> None:
        """Have the names of queues where `seize` looks for them."""
        fresh = [name for name in queues if name not in self._known]
        if fresh:
            self.store.do(lambda client: client.sadd(self._keys.queues, *fresh), deadline=deadline)
            self._known.update(fresh)

    # -- workers: ownership

    def enlist(self, node: str, lease: float) -> None:
        """Become a new owner, in each queue as soon as it is served."""
        self._owning = {}
        self._enlisted = (node, lease)
        self._ends = self._tick() + lease

    def renew(self) -> bool:
        """Prolong the lease in each queue. Raises BrokerUnavailable when one could not be asked."""
        if self._enlisted is None or self._tick() >= self._ends:
            return False
        ends = self._tick() + self._enlisted[1]
        if not all(_each(self._owning.values(), lambda shard: shard.renew())):
            return False
        self._ends = ends
        return True

    def leave(self) -> None:
        """Return what is still held to its queues; do nothing where the lease has run out."""
        owning, self._owning, self._enlisted = self._owning, {}, None
        _each(owning.values(), lambda shard: shard.leave())

    # -- workers: messages

    def claim(
        self, queues: Sequence[str], limit: int, wait: float, begin: int = 0
    ) -> Sequence[Delivery | Undecodable]:
        """Claim what is due, waiting for the first; queues take turns in being listened to."""
        if limit <= 0 or not queues:
            return []
        end = monotonic() + wait
        names = list(dict.fromkeys(queues))
        while True:
            turn = next(self._turns) % len(names)
            found, due = self._claim(names, turn, limit)
            left = end - monotonic()
            if found or left <= 0 or self._woken:
                self._woken = False
                return found
            if due is not None:
                left = min(left, max(0.0, (due - self.store.now_ms()) / 1000))
            left = left if len(names) == 1 else min(left, LOOK_AGAIN / len(names))
            self._owned(names[turn]).wait([names[turn]], left)

    def _claim(
        self, names: Sequence[str], turn: int, limit: int
    ) -> tuple[list[Delivery | Undecodable], float | None]:
        """Claim a fair share of each queue, then what is left to take."""
        ordered, first = self.store.layout.in_order(names, turn)
        shares = (limit,) if first < 0 else (max(1, limit // len(names)), limit)
        found: list[Delivery | Undecodable] = []
        soonest: list[float] = []
        lost: Exception | None = None
        more = ordered if first < 0 else [*ordered[first:], *ordered[:first]]
        for share in shares:
            asked, more = more, []
            for name in asked:
                room = min(share, limit - len(found))
                if room <= 0:
                    break
                try:
                    batch, due = self._owned(name).claim_now([name], room)
                except (BrokerUnavailable, LeaseLost) as error:
                    lost = error
                    continue
                found += batch
                if len(batch) == room:
                    more.append(name)
                if due is not None:
                    soonest.append(due)
        # What was claimed elsewhere counts for more: the next claim meets the loss again.
        if lost is not None and not found:
            raise lost
        return found, min(soonest, default=None)

    def seize(self, task_ids: Sequence[str]) -> Sequence[Delivery | Undecodable]:
        """Take the waiting messages of these tasks, one queue after the other."""
        if self._enlisted is None:
            raise LeaseLost("this broker owns nothing: call enlist before claiming")
        if not task_ids:
            return []
        names = self.store.do(lambda client: client.smembers(self._keys.queues))
        return gathered(names, lambda name: self._owned(name).seize_from(name, task_ids))

    def wake(self) -> None:
        """End the `claim` that blocks now, or else the next one that would."""
        self._woken = True
        for shard in list(self._owning.values()):
            shard.wake()

    def mark_started(
        self, tokens: Sequence[Token], early: Collection[Token] = ()
    ) -> Sequence[bool]:
        """Note which deliveries are about to be run."""
        return self._by_queue(
            tokens, lambda token: token, lambda shard, some: shard.mark_started(some, early)
        )

    def settle(self, settled: Sequence[tuple[Token, Disposition]]) -> Sequence[bool]:
        """Bring deliveries to their end, those of each queue in one step."""
        return self._by_queue(settled, lambda one: one[0], lambda shard, some: shard.settle(some))

    def recover(self, queues: Sequence[str]) -> Sequence[Orphan]:
        """Adopt what lapsed owners held of these queues. Raises LeaseLost as `claim` does."""
        if self._enlisted is None:
            raise LeaseLost("this broker owns nothing: call enlist before claiming")
        found: list[Orphan] = []
        lost: Exception | None = None
        for name in dict.fromkeys(queues):
            try:
                found += self._owned(name).recover([name])
            except (BrokerUnavailable, LeaseLost) as error:
                lost = error
        if lost is not None and not found:
            raise lost
        return found

    # -- operators

    def depth(self, queues: Sequence[str]) -> Mapping[str, int]:
        """Count what waits in each queue."""
        return {name: self._shard(name).depth([name])[name] for name in dict.fromkeys(queues)}

    def peek(self, queue: str, limit: int) -> Sequence[TaskMessage]:
        """Return what would be claimed next and can be read."""
        return self._shard(queue).peek(queue, limit)

    def purge(self, queues: Sequence[str]) -> int:
        """Delete what waits."""
        return sum(self._shard(name).purge([name]) for name in dict.fromkeys(queues))

    def pause(self, queue: str) -> None:
        """Close a queue to claims."""
        self._shard(queue).pause(queue)

    def resume(self, queue: str) -> None:
        """Open a queue again."""
        self._shard(queue).resume(queue)

    def paused(self, queues: Sequence[str]) -> Collection[str]:
        """Return which are closed to claims."""
        return {name for name in queues if self._shard(name).paused([name])}

    def dead(self, queue: str, limit: int) -> Sequence[DeadMessage]:
        """Return dead letters, newest first."""
        return self._shard(queue).dead(queue, limit)

    def revive(self, queue: str, tags: Sequence[str | int]) -> int:
        """Put dead letters back; their crashes are forgotten."""
        return self._shard(queue).revive(queue, tags)

    # -- steps

    def _tick(self) -> float:
        return self.store.clock.monotonic()

    def _shard(self, queue: str) -> RedisBroker:
        with self._making:
            return self._shards.setdefault(queue, RedisBroker(self.store, queue))

    def _owned(self, queue: str) -> RedisBroker:
        """Return the broker of a queue in which we are an owner."""
        enlisted, owning = self._enlisted, self._owning
        if enlisted is None:
            raise LeaseLost("this broker owns nothing: call enlist before claiming")
        if queue not in owning:
            if self._tick() >= self._ends:
                raise LeaseLost(
                    f"the lease of {enlisted[0]} ({enlisted[1]:g} s) ran out before it was "
                    "renewed; enlist anew"
                )
            shard = self._shard(queue)
            with self._enlisting:
                if queue not in owning:
                    shard.enlist(*enlisted)
                    owning[queue] = shard
        return owning[queue]

    def _by_queue(
        self,
        items: Sequence[T],
        token_of: Callable[[T], Token],
        act: Callable[[RedisBroker, Sequence[T]], Sequence[bool]],
    ) -> Sequence[bool]:
        """Act on the items of each queue; return the answers in the items' order."""
        places: dict[str, list[int]] = {}
        for place, item in enumerate(items):
            places.setdefault(address_of(token_of(item))[1], []).append(place)
        answers = [False] * len(items)
        for queue, ours in places.items():
            if not queue:
                continue  # no token of ours
            answered = act(self._shard(queue), [items[place] for place in ours])
            for place, answer in zip(ours, answered, strict=True):
                answers[place] = answer
        return answers


def _each(shards: Iterable[RedisBroker], act: Callable[[RedisBroker], Any]) -> list[Any]:
    """Act on all shards, then raise what one of them raised."""
    answers: list[Any] = []
    lost: BrokerUnavailable | None = None
    for shard in list(shards):
        try:
            answers.append(act(shard))
        except BrokerUnavailable as error:
            lost = error
    if lost is not None:
        raise lost
    return answers
