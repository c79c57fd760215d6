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


class Autoscaler:
    """How many slots there should be: as many as are wanted, between two bounds.

    Quick to add, slow to take away. Times are monotonic seconds.
    """

    __slots__ = ("_grown_at", "keepalive", "least", "most")

    def __init__(self, most: int, least: int, keepalive: float = 30.0) -> None:
        """Keep between these bounds, and every slot for `keepalive` seconds after the last growth.

        Raises ValueError for bounds that leave no room.
        """
        self.keepalive = keepalive
        self.most = self.least = 1
        self._grown_at = float("-inf")
        self.set_bounds(most, least)

    def set_bounds(self, most: int | None = None, least: int | None = None) -> None:
        """Change one bound or both; the other gives way. Raises ValueError."""
        if most is not None and most < 1:
            raise ValueError(f"autoscale max={most}: expected a number of slots, at least 1")
        if least is not None and least < 0:
            raise ValueError(f"autoscale min={least}: expected a number of slots, not below 0")
        if most is None:
            self.least = self.least if least is None else max(1, least)
            self.most = max(self.most, self.least)
        else:
            self.most = most
            self.least = min(most, max(1, self.least if least is None else least))

    def change(self, slots: int, wanted: int, tick: float) -> int:
        """Return by how many slots to grow, or, below 0, to shrink."""
        goal = max(self.least, min(wanted, self.most))
        if goal > slots:
            self._grown_at = tick
            return goal - slots
        if goal < slots and (slots > self.most or tick - self._grown_at >= self.keepalive):
            return goal - slots
        return 0


def wanted_slots(held: int, allowed: int) -> int:
    """Return how many slots would be busy: one for each delivery, and for what is still outside.

    Whether there is something outside shows only in that this worker may take no more.
    """
    return held + 1 if held >= allowed else held


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
