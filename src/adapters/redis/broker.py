"""The broker on Redis: the port's promises, each kept in one script, in kombu's lists.

A queue's messages wait in kombu's four lists, so that Celery's workers may take what is published
here and the other way round. Priorities are those of Celery on Redis: four steps, and smaller
numbers first. That is not the port's order, and `capabilities.priority` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from time import monotonic
from typing import Any, Final, TypeVar

from ...domain.errors import BrokerUnavailable, CeleriacError, LeaseLost, NotSupported
from ...domain.messaging.delivery import DeadMessage, Delivery, Orphan, Token, Undecodable
from ...domain.messaging.message import TaskMessage
from ...domain.messaging.queues import Queue
from ...domain.work.queue_slots import Claim
from ...domain.work.settlement import Disposition
from ...ports.broker import Broker, BrokerCapabilities
from ...ports.lease import PortableLease
from . import bulk, claim_scripts, claims, owner_scripts, queue_scripts, queue_view, scripts
from .bells import Bells
from .claims import Asked, Owner
from .confirming import copies_of, run_confirmed
from .keys import Keys
from .left_by_celery import put_back
from .publishing import Groups, grouped, parked_in, told, unparked
from .routes import Bindings, bindings_of, declare, expiry_of, prolong
from .store import RedisStore, Script

T = TypeVar("T")

#: Deliveries adopted in one call: a script keeps all others waiting.
_ADOPTED_AT_ONCE: Final = 500
#: Messages that one step of `seize` looks at, some 40 ms of the server's time.
_LOOKED_THROUGH: Final = 10_000
#: Seconds from one look at what Celery's workers left to the next.
_SWEEP: Final = 10.0
#: Seconds after which bindings of queues that expire are renewed: a third of the shortest time.
_REBIND: Final = 1200.0
#: Seconds for the last of several steps, however late the first ones were.
_SHORTEST: Final = 0.1


class RedisBroker(Broker, PortableLease):
    """Messages in a RedisStore. One object is one owner of claims.

    In a Cluster one object serves one `queue`, see ClusterBroker.
    """

    def __init__(self, store: RedisStore, queue: str | None = None) -> None:
        self.store = store
        self._layout = replace(store.layout, queue=queue)
        self.keys = Keys(self._layout)
        # Keys tell a Cluster the node. One that never is there makes it refuse to run anything
        # in a slot that is being moved, of which a script would see a part only.
        self._declared = (
            () if queue is None else (self.keys.ready(queue), self.keys.of_queue(queue, "never"))
        )
        self._copies = copies_of(store.options, clustered=store.clustered)
        self._bells = Bells(store, self.keys)
        self._owner: Owner | None = None
        self._woken = False
        self._turns = count()
        #: Queues out of which all was taken by the claim that was answered last, and when (ms) the
        #: next parked message of theirs is due; None since something was put aside or waited for.
        self._emptied: tuple[frozenset[str], float | None] | None = None
        #: Declared here, to be bound anew from time to time.
        self._expiring: dict[str, Queue] = {}
        self._bind_at = 0.0
        self._sweep_at = 0.0

    @property
    def capabilities(self) -> BrokerCapabilities:
        """All but transactions of the caller's, and priorities, which follow Celery's order."""
        return BrokerCapabilities(priority=False)

    @property
    def url(self) -> str:
        """Where the store is; the password is masked."""
        return self.store.url

    def open(self) -> None:
        """Connect, and look whether this server is fit to keep messages."""
        self.store.open()

    def close(self) -> None:
        """Do nothing: connections are the store's, and what is claimed stays claimed."""

    # -- publishers

    def declare(self, queues: Sequence[Queue]) -> None:
        """Make queues and bindings known, to Celery's processes too."""
        if queues:
            now_ms = self.store.now_ms()
            self.store.do(lambda client: declare(client, self.keys, queues, now_ms))
            self._expiring |= {
                queue.name: queue for queue in queues if expiry_of(queue) is not None
            }
            self._bind_at = self.store.clock.monotonic() + _REBIND

    def publish(
        self, messages: Sequence[TaskMessage], *, deadline: float, within: object | None = None
    ) -> None:
        """Store messages, all or none, in one step."""
        if within is not None:
            raise NotSupported(
                f"{self.url} cannot publish within a transaction of yours: leave out `connection`, "
                "or use an SQL broker"
            )
        if not messages:
            return
        end = monotonic() + deadline
        self.store.open(deadline=deadline)
        bindings = self.bindings_of(messages, max(end - monotonic(), _SHORTEST))
        groups = grouped(messages, bindings, self.store.now_ms())
        self._publish(groups, max(end - monotonic(), _SHORTEST))
        if used := [self._expiring[name] for name, _ in groups if name in self._expiring]:
            left = max(end - monotonic(), _SHORTEST)
            self.store.do(lambda client: prolong(client, self.keys, used), deadline=left)

    def _publish(self, groups: Groups, left: float) -> None:
        if self._copies:
            arguments = [self._layout.told, self.store.moment(), *told(groups)]
            self.store.do(
                lambda client: run_confirmed(client, scripts.PUBLISH, (), arguments, self._copies),
                deadline=left,
            )
        elif sum(map(len, groups.values())) >= bulk.MANY:
            if queues := parked_in(groups):
                looks = self.run(scripts.LOOKS_AT, queues, left)
                groups = unparked(
                    groups, {one for one, ours in zip(queues, looks, strict=True) if not ours}
                )
            self.store.do(lambda client: bulk.put(client, self.keys, groups), deadline=left)
        else:
            self.run(scripts.PUBLISH, told(groups), left)

    def bindings_of(
        self, messages: Sequence[TaskMessage], deadline: float | None = None
    ) -> Bindings:
        """Return the bindings of the exchanges these messages name."""
        if not any(message.exchange for message in messages):
            return Bindings(priorities=self._layout.priorities)
        return self.store.do(
            lambda client: bindings_of(client, self.keys, messages), deadline=deadline
        )

    # -- workers: ownership

    def enlist(self, node: str, lease: float) -> None:
        """Become a new owner. What an earlier enlistment still holds is left to be recovered."""
        milliseconds = max(1, int(lease * 1000))
        number = self.run(owner_scripts.ENLIST, [_printable(node), milliseconds])
        self._owner = Owner(int(number), node, milliseconds)

    def renew(self) -> bool:
        """Prolong the lease, if it has not run out."""
        owner = self._owner
        return owner is not None and bool(
            self.run(owner_scripts.RENEW, [owner.number, owner.lease])
        )

    def papers(self) -> str | None:
        """Return number and lease of the present owner."""
        return None if self._owner is None else f"{self._owner.number} {self._owner.lease}"

    def renew_as(self, papers: str) -> bool:
        """Prolong the lease of another process's owner."""
        return bool(self.run(owner_scripts.RENEW, papers.split()))

    def leave(self) -> None:
        """Return what is still held to its queues; do nothing after the lease has run out."""
        owner, self._owner = self._owner, None
        if owner is not None:
            self.run(owner_scripts.LEAVE, [owner.number])

    # -- workers: messages

    def claim(
        self, queues: Sequence[str], limit: int, wait: float, begin: int = 0
    ) -> Sequence[Delivery | Undecodable]:
        """Claim what is due, waiting for the first."""
        if limit <= 0 or not queues:
            return []
        end = monotonic() + wait
        names = list(dict.fromkeys(queues))
        found: Sequence[Delivery | Undecodable] = ()
        while True:
            emptied, self._emptied = self._emptied, None
            if wait and emptied is not None and emptied[0].issuperset(names):
                # What came since then has rung a bell that was not heard yet.
                due = emptied[1]
            else:
                found, due = self.claim_now(names, limit, begin)
            left = end - monotonic()
            if found or left <= 0 or self._woken:
                self._woken = False
                return found
            if due is not None:
                left = min(left, max(0.0, (due - self.store.now_ms()) / 1000))
            self._emptied = None
            self.wait(names, left)

    def claim_now(
        self, names: list[str], limit: int, begin: int = 0
    ) -> tuple[Sequence[Delivery | Undecodable], float | None]:
        """Claim what is due without waiting, and tell when (ms) the next parked message is."""
        owner = self._present_owner()
        if doubtful := self._held_under(owner, owner.doubtful_claims):
            return claims.held(doubtful, owner.number), None
        asked = self.asking(names, limit, begin)
        act = partial(self.store.run, claim_scripts.CLAIM, asked.arguments, keys=self._declared)
        return self.answered(asked, self._doubtfully(owner.doubtful_claims, asked.ticket, act))

    def run_settling(self, script: Script, told: Sequence[Any]) -> Any:
        """Run a script that may put messages aside until they are due."""
        self._emptied = None
        return self.run(script, told)

    def claim_behind(
        self, script: Script, told: Sequence[Any], claim: Claim
    ) -> tuple[Any, Sequence[Delivery | Undecodable]]:
        """Run a script, and claim in the same round trip; return its answer and what was claimed.

        That is nothing where claiming would raise: the next claim meets the reason again.
        """
        owner = self._owner
        if owner is None or owner.doubtful_claims:
            return self.run_settling(script, told), ()
        asked = self.asking(list(dict.fromkeys(claim.queues)), claim.limit, claim.begin)
        arguments = [self._layout.told, self.store.moment(), *told]
        try:
            answer, further = self.store.do(
                lambda client: script.run_with(
                    client, arguments, claim_scripts.CLAIM, asked.arguments
                )
            )
        except CeleriacError:
            owner.doubtful_claims.append(asked.ticket)
            raise
        if further == -1 or isinstance(further, Exception):
            return answer, ()
        return answer, self.answered(asked, further)[0]

    def asking(self, names: list[str], limit: int, begin: int) -> Asked:
        """Return what CLAIM is given."""
        owner = self._present_owner()
        ticket = next(owner.tickets)
        # Another queue begins each time, so that small claims are fair as well.
        names, first = self._layout.in_order(names, next(self._turns))
        told = [owner.number, ticket, limit, begin, first, *names]
        return Asked(owner, ticket, names, limit, [self._layout.told, self.store.moment(), *told])

    def answered(
        self, asked: Asked, answer: Any
    ) -> tuple[Sequence[Delivery | Undecodable], float | None]:
        """Return what CLAIM's answer means, as `claim_now` does."""
        due, *taken = self._of_present(asked.owner, answer)
        found = claims.claimed(taken, asked.names, asked.owner.number)
        next_due = float(due) if due else None
        self._emptied = (frozenset(asked.names), next_due) if len(found) < asked.limit else None
        return found, next_due

    def seize(self, task_ids: Sequence[str]) -> Sequence[Delivery | Undecodable]:
        """Take the waiting messages of these tasks, one queue after the other.

        Those of Celery's first protocol are not found: their ids stand in their bodies. Of a long
        queue they are taken in several steps.
        """
        self._present_owner()
        if not task_ids:
            return []
        names = self.store.do(lambda client: client.smembers(self.keys.queues))
        return claims.gathered(names, lambda name: self.seize_from(name, task_ids))

    def seize_from(self, queue: str, task_ids: Sequence[str]) -> Sequence[Delivery | Undecodable]:
        """Take the messages of these tasks that wait in one queue."""
        owner, wanted = self._present_owner(), claims.ids_in_json(task_ids)
        places: dict[int, list[Any]] = {}
        place, at = 1, 0
        while place <= len(self._layout.steps) + 1:
            ticket = next(owner.tickets)
            told = [owner.number, ticket, queue, place, at, _LOOKED_THROUGH, *wanted]
            step = partial(self.run, claim_scripts.SEIZE, told)
            try:
                answer = self._doubtfully(owner.doubtful_claims, ticket, step)
                place, at, found = self._of_present(owner, answer)
            except (BrokerUnavailable, LeaseLost):
                if not places:
                    raise
                break  # what is in hand counts for more: the next step meets the loss again
            for number, rows in found:
                places[number] = [*rows, *places.get(number, ())]
        rows = [row for number in sorted(places) for row in places[number]]
        return claims.held(rows, owner.number)

    def wait(self, names: Sequence[str], seconds: float) -> None:
        """Return when one of these queues may have got something, or after so many seconds."""
        self._bells.wait(names, seconds)

    def wake(self) -> None:
        """End the `claim` that blocks now, or else the next one that would."""
        self._woken = True
        self._bells.ring_own()

    def mark_started(
        self, tokens: Sequence[Token], early: Collection[Token] = ()
    ) -> Sequence[bool]:
        """Note which deliveries are about to be run."""
        if not tokens:
            return []
        told = [part for token in tokens for part in claims.address_of(token)]
        return [bool(held) for held in self.run(claim_scripts.MARK_STARTED, told)]

    def settle(self, settled: Sequence[tuple[Token, Disposition]]) -> Sequence[bool]:
        """Bring deliveries to their end."""
        if not settled:
            return []
        told = [part for one in settled for part in claims.ending(*one)]
        return [bool(done) for done in self.run_settling(scripts.SETTLE, told)]

    def recover(self, queues: Sequence[str]) -> Sequence[Orphan]:
        """Adopt what lapsed owners held of these queues. Raises LeaseLost as `claim` does.

        What Celery's workers left unacknowledged for too long goes back to its queue.
        """
        owner = self._present_owner()
        if not self.store.clustered and monotonic() >= self._sweep_at:
            self._sweep_at = monotonic() + _SWEEP
            put_back(self.store, self.keys)
        if self._expiring and self.store.clock.monotonic() >= self._bind_at:
            self.declare(list(self._expiring.values()))
        if doubtful := self._held_under(owner, owner.doubtful_adoptions):
            return claims.orphans(doubtful, owner.number)
        names, ticket = list(dict.fromkeys(queues)), next(owner.tickets)
        told = [owner.number, ticket, _ADOPTED_AT_ONCE, *names]
        rows = self._doubtfully(
            owner.doubtful_adoptions, ticket, lambda: self.run(claim_scripts.RECOVER, told)
        )
        return claims.orphans(self._of_present(owner, rows), owner.number)

    # -- operators

    def depth(self, queues: Sequence[str]) -> Mapping[str, int]:
        """Count what waits in each queue."""
        if not queues:
            return {}
        return self.store.do(lambda client: queue_view.depth(client, self.keys, queues))

    def peek(self, queue: str, limit: int) -> Sequence[TaskMessage]:
        """Return what would be claimed next and can be read."""
        self.run(queue_scripts.PROMOTE, [queue])
        return self.store.do(lambda client: queue_view.peek(client, self.keys, queue, limit))

    def purge(self, queues: Sequence[str]) -> int:
        """Delete what waits."""
        return int(self.run(queue_scripts.PURGE, list(dict.fromkeys(queues)))) if queues else 0

    def pause(self, queue: str) -> None:
        """Close a queue to our claims; Celery's workers know nothing of it."""
        self.store.do(lambda client: client.sadd(self.keys.paused, queue))

    def resume(self, queue: str) -> None:
        """Open a queue again."""
        self.store.do(lambda client: client.srem(self.keys.paused, queue))

    def paused(self, queues: Sequence[str]) -> Collection[str]:
        """Return which are closed to our claims."""
        found = self.store.do(lambda client: client.smembers(self.keys.paused))
        return {name.decode() for name in found} & set(queues)

    def dead(self, queue: str, limit: int) -> Sequence[DeadMessage]:
        """Return dead letters, newest first."""
        return self.store.do(lambda client: queue_view.dead(client, self.keys, queue, limit))

    def revive(self, queue: str, tags: Sequence[str | int]) -> int:
        """Put dead letters back; their crashes are forgotten."""
        return int(self.run(queue_scripts.REVIVE, [queue, *map(str, tags)])) if tags else 0

    # -- steps

    def run(self, script: Script, told: Sequence[Any], deadline: float | None = None) -> Any:
        """Run one of the broker's scripts."""
        arguments = [self._layout.told, self.store.moment(), *told]
        return self.store.run(script, arguments, keys=self._declared, deadline=deadline)

    def _present_owner(self) -> Owner:
        if self._owner is None:
            raise LeaseLost("this broker owns nothing: call enlist before claiming")
        return self._owner

    def _of_present(self, owner: Owner, answer: Any) -> Any:
        if answer == -1:
            raise LeaseLost(
                f"the lease of {owner.node} ({owner.lease / 1000:g} s) ran out before it was "
                "renewed; enlist anew"
            )
        return answer

    # A script whose answer was lost may have been run. What it took is ours then, under a ticket
    # that we know, and would lie there for as long as this worker lives.

    def _doubtfully(self, tickets: list[int], ticket: int, act: Callable[[], T]) -> T:
        try:
            return act()
        except BrokerUnavailable:
            tickets.append(ticket)
            raise

    def _held_under(self, owner: Owner, tickets: list[int]) -> Sequence[Any]:
        if not tickets:
            return []
        asked = list(tickets)
        rows: Sequence[Any] = self.run(claim_scripts.HELD_UNDER, [owner.number, *asked])
        del tickets[: len(asked)]
        return rows


def _printable(node: str) -> bytes:
    return node.encode("utf-8", "replace")
