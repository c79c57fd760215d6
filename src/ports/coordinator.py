"""The coordinator port: what a cluster must agree on."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..domain.work.admission import Ask


@dataclass(frozen=True, slots=True)
class Grant:
    """A lease that was granted. `fence` grows with every new holder of the name."""

    name: str
    holder: str
    fence: int


class Coordinator(Protocol):
    """Leases on names, and tokens out of cluster-wide budgets. Times to live are in seconds."""

    @abstractmethod
    def acquire(self, name: str, holder: str, ttl: float) -> Grant | None:
        """Take or prolong the lease on a name; None while somebody else holds it.

        The present holder gets the same fence again.
        """

    @abstractmethod
    def release(self, grant: Grant) -> bool:
        """Give a lease back early; False when it was no longer held."""

    @abstractmethod
    def holder(self, name: str) -> Grant | None:
        """Return who holds a name now, if anybody."""

    @abstractmethod
    def take_slots(self, names: Sequence[tuple[str, int]], holder: str, ttl: float) -> bool:
        """Take one slot of each (name, limit), all or none; the holder's own are prolonged."""

    @abstractmethod
    def free_slots(self, names: Sequence[str], holder: str) -> None:
        """Give slots back; unknown ones are ignored."""

    @abstractmethod
    def take_tokens(self, bucket: str, count: int, rate: float, burst: int) -> float:
        """Take tokens from a bucket that fills at `rate` a second up to `burst`.

        Returns 0.0 when they were taken, else the seconds until they could be; then nothing was
        taken.
        """

    # -- of many at once, in one round trip

    @abstractmethod
    def admit(self, asks: Sequence[Ask], ttl: float) -> Sequence[float]:
        """Give each ask its slots and its token, both or neither, in this order.

        Returns for each 0.0 when it got all, else the seconds until its token could be there, or
        infinity for want of a slot. Slots are held as by `take_slots`, for `ttl` seconds. The
        buckets are not those of `take_tokens`.
        """

    @abstractmethod
    def prolong(self, held: Sequence[tuple[str, str]], ttl: float) -> None:
        """Prolong the slots (name, holder) that are still held; those that ran out stay free."""

    @abstractmethod
    def give_back(self, held: Sequence[tuple[str, str]]) -> None:
        """Give back slots (name, holder); unknown ones are ignored."""

    @abstractmethod
    def release_all(self, grants: Sequence[Grant]) -> None:
        """Give leases back early; those no longer held are ignored."""
