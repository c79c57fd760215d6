"""The coordinator in memory. Times to live go by the store's monotonic clock."""

from collections.abc import Sequence

from ...domain.work.admission import Ask
from ...ports.clock import Clock
from ...ports.coordinator import Coordinator, Grant
from .store import MemoryStore


class MemoryCoordinator(Coordinator):
    """Agrees within a MemoryStore: the one given, or one of its own on the clock given."""

    def __init__(self, store: MemoryStore | None = None, clock: Clock | None = None) -> None:
        self.memory = store or MemoryStore(clock)

    def acquire(self, name: str, holder: str, ttl: float) -> Grant | None:
        """Take or prolong a lease."""
        with self.memory.changed:
            return self.memory.agreements.acquire(name, holder, ttl, self._at())

    def release(self, grant: Grant) -> bool:
        """Give a lease back."""
        with self.memory.changed:
            return self.memory.agreements.release(grant, self._at())

    def holder(self, name: str) -> Grant | None:
        """Return who holds a name."""
        with self.memory.changed:
            return self.memory.agreements.holder(name, self._at())

    def take_slots(self, names: Sequence[tuple[str, int]], holder: str, ttl: float) -> bool:
        """Take a slot of each name, or none."""
        with self.memory.changed:
            return self.memory.agreements.take_slots(names, holder, ttl, self._at())

    def free_slots(self, names: Sequence[str], holder: str) -> None:
        """Give slots back."""
        with self.memory.changed:
            self.memory.agreements.free_slots(names, holder)

    def take_tokens(self, bucket: str, count: int, rate: float, burst: int) -> float:
        """Take tokens; infinity when the bucket could never hold so many."""
        with self.memory.changed:
            return self.memory.agreements.take_tokens(bucket, count, rate, burst, self._at())

    def admit(self, asks: Sequence[Ask], ttl: float) -> Sequence[float]:
        """Give slots and tokens to those who may begin."""
        with self.memory.changed:
            return self.memory.agreements.admit(asks, ttl, self._at())

    def prolong(self, held: Sequence[tuple[str, str]], ttl: float) -> None:
        """Prolong slots that are still held."""
        with self.memory.changed:
            self.memory.agreements.prolong(held, ttl, self._at())

    def give_back(self, held: Sequence[tuple[str, str]]) -> None:
        """Give slots back."""
        with self.memory.changed:
            for name, holder in held:
                self.memory.agreements.free_slots([name], holder)

    def release_all(self, grants: Sequence[Grant]) -> None:
        """Give leases back."""
        with self.memory.changed:
            for grant in grants:
                self.memory.agreements.release(grant, self._at())

    def _at(self) -> float:
        return self.memory.clock.monotonic()
