"""What a worker has in hand: each delivery in one place, from its claim to its settlement."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ..messaging.delivery import Delivery
from ..messaging.message import TaskMessage
from ..tasks.options import TaskOptions

#: `active` is at the pool, `reserved` waits for a slot, `scheduled` for its rate limit.
Where = Literal["active", "reserved", "scheduled"]


@dataclass(frozen=True, slots=True)
class InHand:
    """One delivery, as remote control shows it. `began` and `pid` are known of long tasks."""

    where: Where
    delivery: Delivery
    options: TaskOptions | None
    began: datetime | None = None
    pid: int | None = None


@dataclass(slots=True)
class Held:
    """A delivery in this worker's hands; with a number it is at the pool or being buried."""

    delivery: Delivery
    options: TaskOptions | None
    #: When it was claimed, in monotonic seconds; None of what was adopted, or is not to be run.
    since: float | None = None
    number: int = 0
    revoked: bool = False
    cancelled: bool = False
    began: datetime | None = None
    pid: int | None = None


class Hands:
    """Where each delivery is: waiting for a slot or for its limit, at the pool, being buried."""

    def __init__(self) -> None:
        """Begin with empty hands."""
        self.waiting: deque[Held] = deque()
        #: With the time (monotonic seconds) at which its rate limit lets it go.
        self.limited: deque[tuple[float, Held]] = deque()
        self.at_pool: dict[int, Held] = {}
        #: Those of which a report is made that no process makes.
        self.graves: dict[int, Held] = {}
        self._next_number = 1

    def __len__(self) -> int:
        """Return how many deliveries are in hand."""
        return len(self.waiting) + len(self.limited) + len(self.at_pool) + len(self.graves)

    def submit(self, held: Held, relays: int = 0) -> int:
        """Put a delivery at the pool; return its new number, behind which so many stay free."""
        number = held.number = self.new_number(1 + relays)
        self.at_pool[number] = held
        return number

    def relay(self, held: Held, link: Held) -> None:
        """Put a link at the pool that has begun where another has ended."""
        link.number = held.number + 1
        self.at_pool[link.number] = link

    def bury(self, held: Held) -> int:
        """Put a delivery where its report is waited for; return its number."""
        number = held.number = held.number or self.new_number()
        self.graves[number] = held
        return number

    def not_begun(self) -> list[Held]:
        """Return what is claimed and has not been handed over."""
        return [*self.waiting, *(held for _, held in self.limited)]

    def find(self, number: int) -> Held | None:
        """Return what is at the pool or being buried under this number."""
        return self.at_pool.get(number) or self.graves.get(number)

    def withdraw(self, is_meant: Callable[[TaskMessage], bool]) -> list[Held]:
        """Take away what is meant and has not been handed over."""
        found = [held for held in self.not_begun() if is_meant(held.delivery.message)]
        if found:
            self.waiting = deque(held for held in self.waiting if held not in found)
            self.limited = deque(pair for pair in self.limited if pair[1] not in found)
        return found

    def give_up_waiting(self) -> list[Held]:
        """Take away all that has not been handed over."""
        found = self.not_begun()
        self.waiting.clear()
        self.limited.clear()
        return found

    def clear(self) -> None:
        """Forget everything."""
        for place in (self.waiting, self.limited, self.at_pool, self.graves):
            place.clear()

    def of_queues(self) -> Mapping[str, int]:
        """Count what is in hand of each queue."""
        return Counter(held.delivery.queue for held in self._all())

    def shown(self) -> list[InHand]:
        """Return all but what is being buried."""
        limited = (held for _, held in self.limited)
        return [
            *(
                InHand("active", h.delivery, h.options, h.began, h.pid)
                for h in self.at_pool.values()
            ),
            *(InHand("reserved", h.delivery, h.options) for h in self.waiting),
            *(InHand("scheduled", h.delivery, h.options) for h in limited),
        ]

    def running_tasks(self) -> set[str]:
        """Return the names of the tasks at the pool."""
        return {held.delivery.message.task for held in self.at_pool.values()}

    def jobs(self) -> Sequence[tuple[int, Delivery]]:
        """Return what is at the pool by number."""
        return [(number, held.delivery) for number, held in self.at_pool.items()]

    def new_number(self, taken: int = 1) -> int:
        """Return the first of so many numbers that nothing else will have."""
        number = self._next_number
        self._next_number += taken
        return number

    def _all(self) -> Iterator[Held]:
        yield from self.not_begun()
        yield from self.at_pool.values()
        yield from self.graves.values()
