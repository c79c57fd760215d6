"""What beat remembers, in memory."""

from collections.abc import Sequence
from datetime import datetime

from ...ports.clock import Clock
from ...ports.schedule_store import LastRun, ScheduleStore
from .store import MemoryStore


class MemoryScheduleStore(ScheduleStore):
    """Remembers in a MemoryStore: the one given, or one of its own on the clock given."""

    def __init__(self, store: MemoryStore | None = None, clock: Clock | None = None) -> None:
        self.memory = store or MemoryStore(clock)

    def open(self) -> None:
        """Do nothing: there is nothing to connect to."""

    def close(self) -> None:
        """Do nothing: nothing is held back."""

    def last_runs(self) -> Sequence[LastRun]:
        """Return what is remembered."""
        with self.memory.changed:
            return list(self.memory.agreements.ticks.values())

    def claim_tick(self, entry: str, due: datetime, now: datetime, schedule: str = "") -> bool:
        """Claim a tick."""
        run = LastRun(entry, due, now, total=1, schedule=schedule)
        with self.memory.changed:
            return self.memory.agreements.claim_tick(run)

    def remember(self, runs: Sequence[LastRun]) -> None:
        """Write runs over earlier ones."""
        with self.memory.changed:
            for run in runs:
                self.memory.agreements.remember(run)

    def forget(self, entries: Sequence[str]) -> None:
        """Drop what is remembered."""
        with self.memory.changed:
            for entry in entries:
                self.memory.agreements.ticks.pop(entry, None)
