"""How many messages a worker may hold, and how long its tasks usually take."""

from typing import Final

#: A task expected to take no longer than this (seconds) may share a hand-over with others.
SHORT: Final = 0.005

#: What `worker_prefetch_multiplier=0` (no limit) comes to, so that one claim stays one batch.
UNBOUNDED: Final = 1000


def prefetch(slots: int, multiplier: int, *, disabled: bool) -> int:
    """Return how many deliveries a worker may hold, running ones included."""
    if disabled:
        return slots
    return slots * multiplier if multiplier > 0 else UNBOUNDED


class RunTimes:
    """Expected run times by task name, in seconds: quick to grow, slow to shrink."""

    __slots__ = ("_expected",)

    def __init__(self) -> None:
        """Know nothing yet."""
        self._expected: dict[str, float] = {}

    def of(self, task: str) -> float | None:
        """Return what one run is expected to take; None while nothing is known."""
        return self._expected.get(task)

    def learn(self, task: str, runtime: float) -> None:
        """Take one run into account.

        One long run makes the task long at once, and it takes dozens of short ones to make it
        short again: waiting behind a task thought short is the costlier mistake.
        """
        known = self._expected.get(task)
        faded = runtime if known is None else 0.9 * known + 0.1 * runtime
        self._expected[task] = max(runtime, faded)
