"""What carries messages for the broker, whatever transport it is: a promise to the broker.

Letters are put, parcels are taken, and a parcel's transport is told of its end. All methods may
be called from several threads at once, and raise BrokerUnavailable.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol

from ....domain.messaging.queues import Queue
from .parcels import Letter, Parcel

#: Where what is not due yet waits, beside its queue, and where dead letters are.
PARKED = ".celeriac.parked"
DEAD = ".celeriac.dead"


@dataclass(frozen=True, slots=True)
class Traits:
    """What a transport can do, for the broker's capabilities."""

    fanout: bool = False
    #: Oldest first, and what is put back stands where it stood.
    ordered: bool = False
    #: What one client declared, others know.
    shared_bindings: bool = False
    sees_parked: bool = True
    #: `take` waits by itself.
    waits: bool = False


class Carrier(Protocol):
    """One transport."""

    traits: ClassVar[Traits]
    #: Seconds between two looks at empty queues.
    poll: float

    @abstractmethod
    def open(self) -> None:
        """Connect, if that was not done yet."""

    @abstractmethod
    def close(self) -> None:
        """Let go of connections; idempotent. The next use connects again."""

    @abstractmethod
    def abandon(self) -> None:
        """Begin anew in a fork, and leave the parent's connections alone."""

    @abstractmethod
    def declare(self, queue: Queue) -> None:
        """Make a queue and its binding known."""

    @abstractmethod
    def routes(self, exchange: str, key: str) -> Sequence[str]:
        """Return the queues an exchange leads to."""

    @abstractmethod
    def put(self, letters: Sequence[Letter]) -> None:
        """Have letters carried; when it returns their transport has them."""

    @abstractmethod
    def take(self, queue: str, limit: int, *, lease: float, wait: float = 0.0) -> list[Parcel]:
        """Take up to so many; nobody else gets them for `lease` seconds, where that can be."""

    @abstractmethod
    def due(self, queue: str, limit: int, now: datetime, *, lease: float) -> list[Parcel]:
        """Take of what is parked for a queue, and due now, up to so many."""

    @abstractmethod
    def done(self, parcels: Sequence[Parcel]) -> None:
        """Have parcels leave their transport."""

    @abstractmethod
    def back(self, parcels: Sequence[Parcel]) -> None:
        """Give parcels back as they came."""

    @abstractmethod
    def hide(self, parcels: Sequence[tuple[Parcel, datetime]], now: datetime) -> None:
        """Park parcels that were taken, each until its time."""

    @abstractmethod
    def prolong(self, parcels: Sequence[Parcel], lease: float) -> Sequence[bool]:
        """Keep parcels from others for `lease` seconds more; False: it is another's already."""

    @abstractmethod
    def size(self, queue: str) -> int:
        """Count what is ready in a queue; 0 where there is none."""

    @abstractmethod
    def purge(self, queue: str) -> int:
        """Delete what is ready; return how many that were."""

    @abstractmethod
    def look(self, queue: str) -> list[Parcel]:
        """Take all there is in a queue, each to be given back or done with."""
