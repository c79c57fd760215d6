"""The ledger port: which tasks have been started, and by whom, where the broker cannot tell.

A broker whose claims are no records of its own (AMQP holds them by the connection) notes here what
is about to be run, under a lease as everything else. So a worker's death is noticed and judged,
even of tasks whose message was acknowledged at their start.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Started:
    """A delivery that was about to be run.

    `key` is unique among all entries there ever are. `task_id` is what others ask about; one that
    is empty is found by nobody. `raw` is the whole message where it has left its broker, and empty
    where that will deliver it again.
    """

    key: str
    task_id: str
    queue: str
    crashes: int = 0
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class Found:
    """An entry with the node that noted it. `alive`: its lease runs, and it may be at work."""

    entry: Started
    node: str
    alive: bool


class StartedLedger(Protocol):
    """Keeps what was started until it is struck. Raises BackendUnavailable while it is away."""

    @abstractmethod
    def join(self, node: str, lease: float) -> int:
        """Become an owner of entries by a lease of that many seconds; return a new number."""

    @abstractmethod
    def renew(self, owner: int) -> bool:
        """Prolong the lease. False: it had run out, and others may have adopted the entries."""

    @abstractmethod
    def leave(self, owner: int) -> None:
        """Forget an owner and its entries; unknown ones are ignored."""

    @abstractmethod
    def note(self, owner: int, entries: Sequence[Started]) -> bool:
        """Note entries, all or none. False where the owner's lease has run out: none was noted."""

    @abstractmethod
    def strike(self, owner: int, keys: Sequence[str]) -> Sequence[bool]:
        """Remove entries; False for one that is not this owner's any more."""

    @abstractmethod
    def adopt(self, owner: int, queues: Sequence[str], limit: int) -> Sequence[Found]:
        """Take over whole messages out of these queues from owners whose lease ran out.

        Each is adopted by exactly one. They are this owner's from then on, under the same keys.
        Nothing is adopted by an owner whose own lease has run out.
        """

    @abstractmethod
    def inquire(self, owner: int, task_ids: Sequence[str], *, take: bool = True) -> Sequence[Found]:
        """Return what others noted of these tasks; of several entries about one, the last at least.

        Entries of owners whose lease ran out become this owner's, if it is to `take` them; others
        are shown only, and may be asked about again. Whole messages are never taken by this.
        """
