"""The schedule store port: what beat remembers between its lives."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LastRun:
    """When an entry was last fired: its due time, when it was sent (aware UTC), how often."""

    entry: str
    due: datetime
    sent_at: datetime
    total: int


class ScheduleStore(Protocol):
    """Remembers last runs, and lets each tick be claimed once."""

    @abstractmethod
    def open(self) -> None:
        """Connect and make what the store needs."""

    @abstractmethod
    def close(self) -> None:
        """Write what is held back, let go of connections; idempotent."""

    @abstractmethod
    def last_runs(self) -> Sequence[LastRun]:
        """Return what is remembered of all entries."""

    @abstractmethod
    def claim_tick(self, entry: str, due: datetime, now: datetime) -> bool:
        """Claim the tick (entry, due) for good; True for exactly one of all who try.

        Also false for a due time at or before the last one claimed of that entry.
        """

    @abstractmethod
    def forget(self, entries: Sequence[str]) -> None:
        """Drop what is remembered of entries."""
