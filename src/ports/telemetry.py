"""The telemetry port: counters, timings and spans."""

from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol


class Telemetry(Protocol):
    """Where measurements go. Never raises and never blocks."""

    @abstractmethod
    def count(self, name: str, by: int = 1, **labels: str) -> None:
        """Add to a counter."""

    @abstractmethod
    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a value that goes up and down."""

    @abstractmethod
    def timing(self, name: str, seconds: float, **labels: str) -> None:
        """Record how long something took."""

    @abstractmethod
    def span(self, name: str, attributes: Mapping[str, str]) -> AbstractContextManager[None]:
        """Mark the beginning and the end of a piece of work."""
