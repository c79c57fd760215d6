"""The schedule store port: what beat remembers between its lives."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LastRun:
    """When an entry last fired (its due time and the time of the claim, aware UTC), how often.

    `schedule` tells schedules of the entry apart, "" is unknown. `published` is false from the
    claim on until somebody remembers that the message is out: whoever leads next owes it.
    """

    entry: str
    due: datetime
    sent_at: datetime
    total: int
    schedule: str = ""
    published: bool = False


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
    def claim_tick(self, entry: str, due: datetime, now: datetime, schedule: str = "") -> bool:
        """Claim the tick (entry, due) for good; True for exactly one of all who try.

        Also false for a due time at or before the last one claimed of that entry. What is claimed
        counts as not yet published. Raises BrokerUnavailable: it may be claimed or not; who asked
        finds its own `now` among the last runs if it is.
        """

    @abstractmethod
    def remember(self, runs: Sequence[LastRun]) -> None:
        """Write runs over those of their entries, unless a later due time is known by now.

        An entry begins with the `total` given; one that is known keeps its own. Remembering the
        same again changes nothing. Raises BrokerUnavailable: some or all may be written.
        """

    @abstractmethod
    def forget(self, entries: Sequence[str]) -> None:
        """Drop what is remembered of entries."""
