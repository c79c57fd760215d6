"""Time, as the application asks for it."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time and waits. One instance may be shared by threads."""

    @abstractmethod
    def now(self) -> datetime:
        """Return the present time, aware, in UTC. It may jump when the host's clock is set."""

    @abstractmethod
    def monotonic(self) -> float:
        """Return seconds since some fixed point; never goes backwards."""

    @abstractmethod
    def wait(self, seconds: float) -> None:
        """Let that many seconds pass. Zero or less returns at once."""
