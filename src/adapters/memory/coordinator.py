"""The coordinator in memory. Times to live go by the store's monotonic clock."""

from collections.abc import Sequence

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

    def _at(self) -> float:
        return self.memory.clock.monotonic()
