"""A worker's way out: how long what runs may still take, and when it is all over."""

from typing import Final

#: How long killed jobs may take to be reported before the pool is ended anyway, in seconds.
KILL_SECONDS: Final = 3.0
#: How often it is looked whether killed jobs have been reported, in seconds.
_LOOK_SECONDS: Final = 0.05


class Departure:
    """What was said about stopping. Times are monotonic seconds; `grace` is seconds."""

    def __init__(self, grace: float) -> None:
        """Nothing was said yet."""
        self._grace = grace
        self._ends: float | None = None
        self._stays = False
        self._killed_at: float | None = None
        #: Whether it was to be cold.
        self.cold = False

    @property
    def asked(self) -> bool:
        """Whether a stop was asked for."""
        return self._ends is not None

    def ask(self, tick: float, *, cold: bool, soft: float | None, idle: bool) -> float:
        """Take a stop down; return the seconds that what runs is given. Asking again may shorten.

        Warm gives the grace period, `soft` that many seconds, cold none. With `idle` the time is
        waited out though nothing runs.
        """
        self.cold = self.cold or cold
        self._stays = idle and not self.cold
        grace = self._grace if soft is None else soft
        grace = 0.0 if self.cold else grace
        ends = tick + grace
        self._ends = ends if self._ends is None else min(self._ends, ends)
        return grace

    def time_is_up(self, tick: float) -> bool:
        """Tell, once, that what runs is to be killed."""
        if self._ends is None or tick < self._ends or self._killed_at is not None:
            return False
        self._killed_at = tick
        return True

    def is_over(self, tick: float, *, settled: bool, can_kill: bool) -> bool:
        """Tell whether the worker may leave; `settled`: all that was in hand is."""
        if self._ends is None:
            return False
        if settled and not (self._stays and self._killed_at is None):
            return True
        if self._killed_at is None:
            return False
        # A pool that cannot kill has answered already as well as it can.
        return tick >= self._killed_at + (KILL_SECONDS if can_kill else 0.0)

    def look_at(self, tick: float) -> float | None:
        """Return when to look at this again."""
        if self._killed_at is not None:
            return tick + _LOOK_SECONDS
        return self._ends
