"""Measurements kept for a test to look at, or not kept at all."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock
from typing import NamedTuple

from ...ports.telemetry import Telemetry


class Series(NamedTuple):
    """A name with its labels in alphabetical order: what is measured on its own."""

    name: str
    labels: tuple[tuple[str, str], ...] = ()


class RecordingTelemetry(Telemetry):
    """Remembers everything; its attributes are there to be read. Threads may share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.counts: Counter[Series] = Counter()
        self.gauges: dict[Series, float] = {}
        self.timings: dict[Series, list[float]] = {}
        #: Names and attributes of spans in the order they ended.
        self.spans: list[tuple[str, Mapping[str, str]]] = []

    def count(self, name: str, by: int = 1, **labels: str) -> None:
        """Add to a counter."""
        with self._lock:
            self.counts[_series(name, labels)] += by

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a value."""
        with self._lock:
            self.gauges[_series(name, labels)] = value

    def timing(self, name: str, seconds: float, **labels: str) -> None:
        """Append a duration."""
        with self._lock:
            self.timings.setdefault(_series(name, labels), []).append(seconds)

    @contextmanager
    def span(self, name: str, attributes: Mapping[str, str]) -> Iterator[None]:
        """Note a piece of work when it ends, however it ends."""
        try:
            yield
        finally:
            with self._lock:
                self.spans.append((name, dict(attributes)))


class SilentTelemetry(Telemetry):
    """Measures nothing."""

    def count(self, name: str, by: int = 1, **labels: str) -> None:
        """Do nothing."""

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Do nothing."""

    def timing(self, name: str, seconds: float, **labels: str) -> None:
        """Do nothing."""

    def span(self, name: str, attributes: Mapping[str, str]) -> AbstractContextManager[None]:
        """Return a context that does nothing."""
        return nullcontext()


def _series(name: str, labels: Mapping[str, str]) -> Series:
    return Series(name, tuple(sorted(labels.items())))
