"""The children that are alive: asking for them, and not too eagerly when they die at birth."""

import logging
from collections.abc import Callable, Iterator
from math import inf
from typing import Final

from .nursery import Nursery
from .spoke import Spoke

logger = logging.getLogger("celeriac.pool")

# Pauses, in seconds, before the next child is tried after one died before it was ready: doubled
# each time, so that a runner that cannot start costs a fork now and then, not a storm.
FIRST_PAUSE: Final = 0.25
LONGEST_PAUSE: Final = 30.0


class Crew:
    """The spokes by id, and when the next may be born."""

    def __init__(self, wanted: int, make: Callable[[int], Spoke] = Spoke) -> None:
        self.wanted = wanted
        self._make = make
        self.spokes: dict[int, Spoke] = {}
        self.next_birth = 0.0
        self.closed = False
        self._failures = 0
        self._ids = 0

    def __iter__(self) -> Iterator[Spoke]:
        return iter(self.spokes.values())

    @property
    def missing(self) -> int:
        """How many children are yet to be made. One that leaves keeps its place until the end."""
        return 0 if self.closed else max(0, self.wanted - len(self.spokes))

    @property
    def unborn(self) -> int:
        """How many children are yet to be made or not ready yet."""
        return self.missing + sum(not spoke.ready and not spoke.leaving for spoke in self)

    @property
    def failing(self) -> bool:
        """Whether children die before they are ready."""
        return self._failures > 0

    def resize(self, by: int) -> None:
        """Want so many more or fewer, down to one."""
        self.wanted = max(1, self.wanted + by)
        if not self.failing:
            self.next_birth = 0.0

    def superfluous(self) -> list[Spoke]:
        """Return the children that are too many, the idlest first."""
        staying = sorted((spoke for spoke in self if not spoke.leaving), key=_load)
        return staying[: max(0, len(staying) - self.wanted)]

    def recruit(self, nursery: Nursery, now: float) -> Iterator[Spoke]:
        """Ask for the children that are missing, if it is time, and yield their spokes.

        Raises OSError when one cannot be asked for.
        """
        if now < self.next_birth:
            return
        self.next_birth = inf
        # While they die at birth, one is enough to find out.
        for _ in range(min(self.missing, 1) if self.failing else self.missing):
            yield self.conceive(nursery)

    def conceive(self, nursery: Nursery) -> Spoke:
        """Ask for a child, whether one is missing or not. Raises OSError."""
        self._ids += 1
        spoke = self._make(self._ids)
        spoke.nursery = nursery
        try:
            nursery.fork(spoke.id, spoke.childs_end, spoke.journal_fd)
        except OSError:
            spoke.close()
            raise
        finally:
            spoke.hand_over()
        self.spokes[spoke.id] = spoke
        return spoke

    def is_ready(self, spoke: Spoke) -> None:
        """Note that a child's runner has started."""
        spoke.ready = True
        if self._failures:
            self._failures = 0
            self.next_birth = 0.0

    def remove(self, spoke: Spoke, now: float, how: str) -> None:
        """Forget a child that is dead, and set the time for its replacement."""
        del self.spokes[spoke.id]
        spoke.close()
        if spoke.ready or spoke.doom is not None or spoke.leaving:
            self.next_birth = 0.0 if not self._failures else self.next_birth
            return
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**self._failures)
        self._failures += 1
        self.next_birth = now + pause
        logger.error("%s before it could run anything; the next is tried in %gs", how, pause)


def _load(spoke: Spoke) -> float:
    return spoke.load
