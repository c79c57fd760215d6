"""Messages in memory: each ready, parked, claimed or dead, and in one of these places only.

Plain tables without lock or clock: the store's lock is held by whoever calls, times are arguments.
Publishing and claiming take O(log n).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count, islice

from ...domain.errors import QueueNotFound
from ...domain.messaging.delivery import DeadMessage, Delivery, Orphan, Token, Undecodable
from ...domain.messaging.message import TaskMessage
from ...domain.messaging.queues import Binding, Queue, binding_of, destinations
from ...domain.work.settlement import DeadLetter, Disposition, Done, Park, Relay, Requeue
from .line import Entry, Line


@dataclass(slots=True, eq=False)
class Owner:
    """One enlistment of one worker. `until` is in monotonic seconds."""

    node: str
    lease: float
    until: float
    held: dict[str | int, Entry] = field(default_factory=dict)


class MessageTable:
    """All messages of a store, its queues and bindings, and who holds what."""

    def __init__(self) -> None:
        self.lines: dict[str, Line] = {}
        self._bindings: dict[Binding, None] = {}
        self._owners: list[Owner] = []
        self._holders: dict[str | int, Owner] = {}
        self._dead: dict[str, dict[int, tuple[Entry, DeadMessage]]] = {}
        self._numbers = count(1)
        self._turns = count()

    # -- publishing

    def declare(self, queue: Queue) -> None:
        """Make a queue and its binding known."""
        self._line(queue.name)
        if binding := binding_of(queue):
            self._bindings[binding] = None

    def route(self, message: TaskMessage) -> tuple[str, ...]:
        """Return the queues a message reaches. Raises QueueNotFound if there are none."""
        key = message.routing_key if message.exchange else message.queue or message.routing_key
        queues = destinations(self._bindings, message.exchange, key)
        if not any(queues):
            raise QueueNotFound(
                f"message {message.id} ({message.task}): exchange {message.exchange!r} with routing"
                f" key {message.routing_key!r} leads to no queue; declare one that is bound to it"
            )
        return queues

    def publish(self, message: TaskMessage, queues: Iterable[str]) -> None:
        """Put a message at the end of queues, or park it until its `eta`."""
        for queue in queues:
            number = next(self._numbers)
            self._line(queue).put(
                Entry(number, number, queue, message, message.priority, due=message.eta)
            )

    # -- owners

    def enlist(self, node: str, lease: float, at: float) -> Owner:
        """Make a new owner."""
        owner = Owner(node, lease, at + lease)
        self._owners.append(owner)
        return owner

    def leave(self, owner: Owner) -> None:
        """Return what an owner holds to its queues, and forget the owner."""
        for entry in tuple(owner.held.values()):
            self._requeue(entry)
        self._owners.remove(owner)

    def adopt(self, owner: Owner, queues: Sequence[str], limit: int, at: float) -> list[Orphan]:
        """Hand deliveries of owners whose lease ran out to this owner."""
        lapsed = [other for other in self._owners if other.until <= at and other is not owner]
        lost = (
            (other.node, entry)
            for other in lapsed
            for entry in tuple(other.held.values())
            if entry.queue in queues
        )
        orphans = [self._hand_over(entry, node, owner) for node, entry in islice(lost, limit)]
        self._owners = [other for other in self._owners if other.held or other not in lapsed]
        return orphans

    # -- deliveries

    def claim(
        self,
        owner: Owner,
        queues: Sequence[str],
        limit: int,
        now: datetime,
        begin: int = 0,
    ) -> list[Delivery | Undecodable]:
        """Move due messages to an owner, taking one of each queue in turn; begin the first ones."""
        found: list[Delivery | Undecodable] = []
        for entry in islice(self._in_turn(queues, now), limit):
            entry.started = len(found) < begin
            held = self._hold(entry, owner)
            if entry.started and isinstance(held, Delivery):
                held = replace(held, started=True)
            found.append(held)
        return found

    def seize(
        self, owner: Owner, task_ids: frozenset[str], now: datetime
    ) -> list[Delivery | Undecodable]:
        """Move the waiting messages of these tasks to an owner, whatever queue they are in."""
        found = [entry for line in self.lines.values() for entry in line.seize(task_ids, now)]
        for entry in found:
            entry.due = None
        return [self._hold(entry, owner) for entry in found]

    def held(self, token: Token) -> Entry | None:
        """Return the claimed message of a token, or None where the token is stale."""
        owner = self._holders.get(token.tag)
        entry = owner.held.get(token.tag) if owner else None
        return entry if entry and entry.fence == token.fence else None

    def relay(self, entry: Entry, relay: Relay) -> None:
        """Let a claimed message be another from now on, which has begun."""
        message, entry.link = relay.message, relay.number
        entry.content, entry.priority = message, message.priority
        entry.crashes, entry.redelivered, entry.started = 0, False, True

    def dispose(self, entry: Entry, disposition: Disposition, now: datetime) -> None:
        """Bring a claimed message to its end."""
        match disposition:
            case Done():
                self._let_go(entry)
            case Requeue(crashed):
                entry.crashes += crashed
                self._requeue(entry)
            case Park(until):
                entry.due = until
                self._put_back(entry)
            case DeadLetter():
                self._let_go(entry)
                self._bury(entry, disposition, now)

    def next_due(self, queues: Iterable[str]) -> datetime | None:
        """Return when the next parked message of open queues comes due."""
        return min(filter(None, (line.next_due() for line in self._open(queues))), default=None)

    # -- operators

    def pause(self, queue: str, *, paused: bool) -> None:
        """Close a queue to claims, or open it again."""
        self._line(queue).paused = paused

    def is_paused(self, queue: str) -> bool:
        """Tell whether a queue is closed to claims."""
        return self._line(queue).paused

    def dead(self, queue: str, limit: int) -> list[DeadMessage]:
        """Return dead letters, newest first."""
        letters = self._dead.get(queue, {}).values()
        return [letter for _, letter in islice(reversed(letters), max(limit, 0))]

    def revive(self, queue: str, tags: Iterable[str | int]) -> int:
        """Put dead letters at the end of their queue, as if they had never been claimed."""
        letters = self._dead.get(queue, {})
        wanted = {str(tag) for tag in tags}  # a person may have typed them
        found = [tag for tag in letters if str(tag) in wanted]
        for tag in found:
            old, _ = letters.pop(tag)
            number = next(self._numbers)
            self._line(queue).put(Entry(number, number, queue, old.content, old.priority))
        return len(found)

    # -- steps

    def _line(self, queue: str) -> Line:
        return self.lines.setdefault(queue, Line())

    def _open(self, queues: Iterable[str]) -> list[Line]:
        lines = (self.lines.get(queue) for queue in dict.fromkeys(queues))
        return [line for line in lines if line and not line.paused]

    def _in_turn(self, queues: Sequence[str], now: datetime) -> Iterator[Entry]:
        lines = self._open(queues)
        # Another queue begins each time, so that small claims are fair as well.
        first = next(self._turns) % len(lines) if lines else 0
        lines = lines[first:] + lines[:first]
        while lines:
            for line in tuple(lines):
                entry = line.take(now)
                if entry:
                    yield entry
                else:
                    lines.remove(line)

    def _hold(self, entry: Entry, owner: Owner) -> Delivery | Undecodable:
        entry.fence, entry.link = next(self._numbers), 0
        owner.held[entry.tag] = entry
        self._holders[entry.tag] = owner
        return entry.delivery()

    def _hand_over(self, entry: Entry, node: str, owner: Owner) -> Orphan:
        self._let_go(entry)
        entry.redelivered = True
        return Orphan(self._hold(entry, owner), entry.started, node)

    def _let_go(self, entry: Entry) -> None:
        del self._holders.pop(entry.tag).held[entry.tag]

    def _requeue(self, entry: Entry) -> None:
        entry.redelivered = True
        entry.due = None
        self._put_back(entry)

    def _put_back(self, entry: Entry) -> None:
        self._let_go(entry)
        entry.started = False
        self._line(entry.queue).put(entry)

    def _bury(self, entry: Entry, letter: DeadLetter, now: datetime) -> None:
        self._dead.setdefault(entry.queue, {})[entry.tag] = (
            entry,
            DeadMessage(
                entry.tag,
                entry.queue,
                letter.reason,
                letter.detail,
                now.timestamp(),
                entry.message,
                entry.raw,
            ),
        )
