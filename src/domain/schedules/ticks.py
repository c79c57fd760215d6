"""What beat keeps and says: entries, ticks, and what is done about ticks that were missed.

A tick is one fire time of one entry. Its identity is (entry name, due time), never the moment at
which some beat noticed it, so that several beats find the same tick and a store can let one win.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from .schedule import Schedule


@dataclass(frozen=True, slots=True)
class Entry:
    """A task and when to send it.

    ``last_run_at`` is the due time of the last tick that fired, not the moment of sending: the next
    one is counted from it, and so an interval does not drift and every beat counts alike.
    """

    name: str
    task: str
    schedule: Schedule
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    last_run_at: datetime | None = None
    total_run_count: int = 0
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Tick:
    """One fire time of one entry."""

    entry_name: str
    due: datetime
    entry: Entry

    @property
    def key(self) -> tuple[str, datetime]:
        """What makes the tick unique."""
        return self.entry_name, self.due


@dataclass(frozen=True, slots=True)
class Look:
    """What beat saw: ticks to send now, ones left out, and when to look again.

    ``skipped`` holds the latest tick left out of each entry that had any; it is there to be told.
    ``next_look`` is None as long as there is nothing to wait for.
    """

    ticks: tuple[Tick, ...]
    next_look: datetime | None
    skipped: tuple[Tick, ...] = ()


@dataclass(frozen=True, slots=True)
class Skip:
    """Of the ticks since the last look the latest fires, unless it is later than ``grace``."""

    grace: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Once:
    """Of the ticks since the last look the latest fires, however late: it stands for them all."""


@dataclass(frozen=True, slots=True)
class All:
    """Every tick since the last look fires; of more than ``limit`` the oldest are left out."""

    limit: int = 100

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ValueError(f"limit of All is {self.limit!r}; expected 1 or more ticks")


CatchUp = Skip | Once | All
