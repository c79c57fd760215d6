"""What reaches a worker's hub, all through one inbox: from its pool, its threads, and users."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from ..domain.messaging.delivery import Delivery, Orphan, Undecodable
from ..domain.work.core import WorkerCore
from ..domain.work.effects import Effect
from ..domain.work.job import PoolEvent


@dataclass(frozen=True, slots=True)
class Claimed:
    """These were claimed; none, when the intake asks how much is wanted now.

    `limit` is how many the intake had wished for, 0 where it was the hub that claimed.
    """

    batch: Sequence[Delivery | Undecodable]
    limit: int = 0


@dataclass(frozen=True, slots=True)
class Adopted:
    """The keeper has taken over what dead workers held."""

    orphans: Sequence[Orphan]


@dataclass(frozen=True, slots=True)
class LeaseGone:
    """Somebody met a store that says this worker owns nothing any more."""


@dataclass(frozen=True, slots=True)
class StopAsked:
    """The worker is to end; cold gives what runs no grace.

    `soft` gives it that many seconds instead of the grace period; with `idle` they are waited out
    even if nothing runs.
    """

    cold: bool
    soft: float | None = None
    idle: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of another thread: only the hub may touch the core."""

    act: Callable[[WorkerCore], Iterable[Effect]]


Event = PoolEvent | Claimed | Adopted | LeaseGone | StopAsked | Asked


def drain(inbox: "SimpleQueue[Event]", wait: float) -> list[Event]:
    """Return all that is there, after up to `wait` seconds for a first one."""
    events: list[Event] = []
    try:
        events.append(inbox.get(timeout=wait) if wait > 0 else inbox.get_nowait())
        while True:
            events.append(inbox.get_nowait())
    except Empty:
        return events
