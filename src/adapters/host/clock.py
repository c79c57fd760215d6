"""The host's clock."""

import time
from datetime import UTC, datetime

from ...ports.clock import Clock


class SystemClock(Clock):
    """Tells the host's time and really waits. Holds nothing, so threads and forks may share it."""

    def now(self) -> datetime:
        """Return the host's wall clock, which jumps when somebody sets it."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds since the host was started."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """Sleep."""
        if seconds > 0:
            time.sleep(seconds)
