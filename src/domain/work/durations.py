"""Durations counted in steps: what is left of thousands of them when they are asked for."""

from bisect import bisect_left
from typing import Final

#: Upper bounds of the steps, in seconds: Prometheus' own, and more for long tasks.
BOUNDS: Final = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
    *(30.0, 60.0, 300.0, 1800.0, 7200.0),
)


class Durations:
    """How many durations (seconds) were in each step, and their sum. One thread adds, any reads."""

    __slots__ = ("_steps", "total")

    def __init__(self) -> None:
        """Begin with none."""
        self._steps = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one. Less than none is none: clocks of two machines differ."""
        seconds = max(0.0, seconds)
        self._steps[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    def steps(self) -> list[int]:
        """Return how many there are by step; the last one has no bound."""
        return self._steps.copy()
