"""Time that only passes when a test says so, and the host's time for who gives no clock.

Virtual time never passes by itself, so nothing may wait for it inside an adapter: a blocking call
(`claim`, `receive`, `watch`) of an in-memory adapter on a virtual clock returns at once with what
is there. Whoever drives the clock advances it and asks again.
"""

import time
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Final

from ...ports.clock import Clock

#: A Thursday noon without meaning, so that a test's dates are the same in every run.
NOON: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)


class VirtualClock(Clock):
    """Stands still until it is told to go on. Threads may share it."""

    def __init__(self, start: datetime = NOON) -> None:
        self._lock = Lock()
        self._start = start
        self._elapsed = 0.0
        self._jumped = 0.0

    def now(self) -> datetime:
        """Return the start plus what was advanced and jumped."""
        with self._lock:
            return self._start + timedelta(seconds=self._elapsed + self._jumped)

    def monotonic(self) -> float:
        """Return what was advanced, in seconds."""
        with self._lock:
            return self._elapsed

    def wait(self, seconds: float) -> None:
        """Advance by so much: whoever waits for virtual time makes it pass."""
        if seconds > 0:
            self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Let time pass. Raises ValueError for time that runs backwards."""
        if seconds < 0:
            raise ValueError(
                f"cannot advance by {seconds} s: time does not run backwards; "
                "jump_wall sets the wall clock back"
            )
        with self._lock:
            self._elapsed += seconds

    def jump_wall(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an operator would; `monotonic` is untouched."""
        with self._lock:
            self._jumped += seconds


class RealClock(Clock):
    """The host's time, for in-memory adapters that were given no clock.

    The same as the host adapter's; repeated here since no adapter knows another.
    """

    def now(self) -> datetime:
        """Return the host's wall clock."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds since the host was started."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """Sleep."""
        if seconds > 0:
            time.sleep(seconds)
