"""Keep beat: step while it leads, wait, step again; when stopped, let another lead at once.

What a step sends, and how, is for those who derive from it: `Beat` itself, and a scheduler class of
somebody's own.
"""

from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, timedelta, tzinfo
from queue import Empty, SimpleQueue
from typing import Final

from ..domain.schedules import CatchUp, Once
from ..domain.schedules.agenda import MAX_INTERVAL
from ..ports.clock import Clock
from ..ports.coordinator import Coordinator
from .lead import Leadership

#: Shortest wait, in seconds: hosts wake up a little early.
_TICKLE: Final = 0.001


@dataclass(frozen=True, slots=True)
class BeatSettings:
    """What a beat is told by its settings. `lease` is in seconds.

    `holder` is this beat alone; `scope` is its app, since apps may share a store.
    """

    holder: str
    scope: str = ""
    lease: float = 15.0
    zone: tzinfo = UTC
    catch_up: CatchUp = Once()  # noqa: RUF009 - frozen
    cron_starting_deadline: timedelta | None = None
    max_interval: timedelta = MAX_INTERVAL

    @property
    def lease_name(self) -> str:
        """The name that beats of one app compete for."""
        return f"celeriac.beat.{self.scope}" if self.scope else "celeriac.beat"

    def key(self, entry: str) -> str:
        """The name of an entry in the schedule store."""
        return f"{self.scope}/{entry}" if self.scope else entry


class Beating(ABC):
    """What leads by lease and is stepped until stopped. `step` and `run` belong to one thread."""

    def __init__(self, settings: BeatSettings, coordinator: Coordinator, clock: Clock) -> None:
        self.settings = settings
        self._leadership = Leadership(
            coordinator, clock, settings.lease_name, settings.holder, settings.lease
        )
        self._time = clock
        self._looked_at: float | None = None
        self._stopping = False
        self._wakes: SimpleQueue[None] = SimpleQueue()

    def run(self) -> None:
        """Send what is due until stopped; then let another lead."""
        try:
            while not self._stopping:
                wait = self.step()
                self._looked_at = self._time.monotonic()
                with suppress(Empty):
                    self._wakes.get(timeout=max(wait, _TICKLE))
        finally:
            self.resign()

    def stop(self) -> None:
        """Ask for the end, from any thread or a signal handler; returns at once."""
        self._stopping = True
        # Unlike an Event's lock, this queue's may be taken by a handler that interrupts its holder.
        self._wakes.put(None)

    def age(self) -> float | None:
        """Return the seconds since it has come to the end of a look; None: it has not yet."""
        looked_at = self._looked_at
        return None if looked_at is None else self._time.monotonic() - looked_at

    @property
    @abstractmethod
    def leads(self) -> bool:
        """Whether this beat is the one that sends."""

    @abstractmethod
    def step(self) -> float:
        """Do what there is to do now; return in how many seconds to come again, at the latest."""

    @abstractmethod
    def resign(self) -> None:
        """Stop leading, and let another lead at once."""
