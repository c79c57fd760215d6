"""The broker port: messages from publishers to the one worker that holds each.

A message is in exactly one place at any instant: ready, parked, claimed, or dead. It leaves the
store only by a settlement. All methods may be called from several threads at once.
"""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..domain.messaging.delivery import DeadMessage, Delivery, Orphan, Token, Undecodable
from ..domain.messaging.message import TaskMessage
from ..domain.messaging.queues import Queue
from ..domain.work.settlement import Disposition


@dataclass(frozen=True, slots=True)
class BrokerCapabilities:
    """What a broker can do. What it cannot, it refuses with NotSupported."""

    priority: bool = True
    delay: bool = True
    fanout: bool = True
    fencing: bool = True
    transactions: bool = False
    peek: bool = True
    pause: bool = True
    dead_letters: bool = True
    #: `seize` finds single messages.
    seize: bool = True
    #: `depth` and `purge` reach what is parked.
    sees_parked: bool = True
    #: Claims are held by leases and outlast their connection. Else the connection is the lease: the
    #: store itself makes a message ready again when that of its owner ends, and `recover` returns
    #: only what a ledger says was started.
    leases: bool = True
    #: Oldest first within a queue, and what is requeued ahead of later ones. Else in any order.
    ordered: bool = True
    #: Bindings are known to every client; else to those that declared them.
    shared_bindings: bool = True


class Broker(Protocol):
    """Keeps messages until somebody has settled them."""

    @property
    @abstractmethod
    def capabilities(self) -> BrokerCapabilities:
        """What this broker can do."""

    @property
    @abstractmethod
    def url(self) -> str:
        """Where the messages are, for banners and logs; passwords are masked."""

    @abstractmethod
    def open(self) -> None:
        """Connect and make what the store needs (tables, scripts). Safe when many do it at once.

        Called implicitly by the first use. Raises BrokerUnavailable.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of connections. What is claimed stays claimed; idempotent."""

    # -- publishers

    @abstractmethod
    def declare(self, queues: Sequence[Queue]) -> None:
        """Make queues and their bindings known; known ones are left as they are."""

    @abstractmethod
    def publish(
        self, messages: Sequence[TaskMessage], *, deadline: float, within: object | None = None
    ) -> None:
        """Store messages; when it returns they are confirmed, in this order within a queue.

        A message with an `eta` in the future is parked until then. One whose exchange leads
        nowhere raises QueueNotFound, and nothing of the batch is stored.
        `deadline` is in seconds from now. `within` is an open transaction of the caller's (a
        SQLAlchemy connection or session), where the broker has the capability `transactions`: the
        messages are visible if and when it commits.
        Raises BrokerUnavailable: none, some or all were stored; publishing again is safe for
        whoever can bear a duplicate id. Raises StoreFull or StoreReadOnly when that is the cause.
        """

    # -- workers: ownership

    @abstractmethod
    def enlist(self, node: str, lease: float) -> None:
        """Become an owner: from now on claims are held by a lease of that many seconds."""

    @abstractmethod
    def renew(self) -> bool:
        """Prolong the lease. False: it had run out and others may have adopted the claims.

        After False the caller owns nothing any more and must `enlist` anew.
        """

    @abstractmethod
    def leave(self) -> None:
        """Give up ownership. Claims still held are returned to their queues, uncounted."""

    # -- workers: messages

    @abstractmethod
    def claim(
        self, queues: Sequence[str], limit: int, wait: float, begin: int = 0
    ) -> Sequence[Delivery | Undecodable]:
        """Move up to `limit` due messages from the queues to this owner, atomically.

        Blocks up to `wait` seconds for the first one, then returns what is there. The first `begin`
        of them will be run at once: a broker that can notes them as started in the same step, as
        `mark_started` does for those that are not `early`, and says so of each. Within a queue:
        higher priority first, then oldest first; queues are served fairly. Paused queues give
        nothing. Messages whose bytes cannot be read come as Undecodable: no content stops a
        claim. Raises BrokerUnavailable (nothing is claimed, or what was is adopted later) and
        LeaseLost when the owner's lease has run out.
        """

    @abstractmethod
    def seize(self, task_ids: Sequence[str]) -> Sequence[Delivery | Undecodable]:
        """Move the ready and parked messages of these tasks to this owner, in whatever queue.

        As `claim`, but by id: paused queues give theirs too, and what is not due is given. Those
        of a queue come in the order of claims, parked ones last. Ids that wait nowhere are passed
        over; each message is seized or claimed by one owner only. Raises as `claim` does: nothing
        is seized, or what was is adopted later.
        """

    @abstractmethod
    def wake(self) -> None:
        """Make a `claim` that blocks in another thread return now."""

    @abstractmethod
    def mark_started(
        self, tokens: Sequence[Token], early: Collection[Token] = ()
    ) -> Sequence[bool]:
        """Note that these deliveries are about to be run; False where the token is stale.

        Must have returned before the work begins: the crash policy rests on it. Those in `early`
        will not be run a second time whatever happens: a store that bears no long claims may let
        go of the message and keep the note alone.
        """

    @abstractmethod
    def settle(self, settled: Sequence[tuple[Token, Disposition]]) -> Sequence[bool]:
        """Bring deliveries to their end; False where the token is stale (then nothing changed)."""

    @abstractmethod
    def recover(self, queues: Sequence[str]) -> Sequence[Orphan]:
        """Adopt deliveries out of these queues whose owners' lease has run out.

        Up to some hundreds a call. They are held by this owner from then on, with new tokens.
        Other queues are left to those who serve them, and know their tasks. Raises
        BrokerUnavailable, and LeaseLost as `claim` does.
        """

    @property
    def is_in_doubt(self) -> bool:
        """Whether something claimed is kept back until its last owner's lease is over.

        `recover` should then be called again soon.
        """
        return False

    # -- operators

    @abstractmethod
    def depth(self, queues: Sequence[str]) -> Mapping[str, int]:
        """Count the messages ready or parked in each queue."""

    @abstractmethod
    def peek(self, queue: str, limit: int) -> Sequence[TaskMessage]:
        """Return the messages that would be claimed next, leaving them where they are."""

    @abstractmethod
    def purge(self, queues: Sequence[str]) -> int:
        """Delete what is ready or parked; return how many messages that were."""

    @abstractmethod
    def pause(self, queue: str) -> None:
        """Let nothing be claimed from the queue until `resume`; survives restarts."""

    @abstractmethod
    def resume(self, queue: str) -> None:
        """Undo `pause`."""

    @abstractmethod
    def paused(self, queues: Sequence[str]) -> Collection[str]:
        """Return which of these queues are paused; none where the broker cannot pause any."""

    @abstractmethod
    def dead(self, queue: str, limit: int) -> Sequence[DeadMessage]:
        """Return dead letters of a queue, newest first."""

    @abstractmethod
    def revive(self, queue: str, tags: Sequence[str | int]) -> int:
        """Put dead letters back at the end of their queue; return how many."""
