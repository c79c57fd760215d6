"""What several in-memory adapters share, as several processes share a database.

One lock guards everything, so that whatever is done while holding it is one atomic step.
"""

from collections.abc import Callable
from math import inf
from threading import Condition
from typing import TYPE_CHECKING, Final, TypeVar

from ...ports.clock import Clock
from .agreements import AgreementTable
from .clock import RealClock, VirtualClock
from .messages import MessageTable
from .records import RecordTable

if TYPE_CHECKING:
    from .bus import MemorySubscription
    from .ledger import Bookkeeper

T = TypeVar("T")

#: Seconds; a condition cannot be waited for without end in one go.
_LONGEST_NAP: Final = 3600.0


def _never() -> bool:
    return False


def _whenever() -> float:
    return inf


class MemoryStore:
    """Holds what its adapters keep. Without a clock it lives in the host's time."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or RealClock()
        #: Held while looking or changing; notified after each change.
        self.changed = Condition()
        self.messages = MessageTable()
        self.results = RecordTable()
        self.agreements = AgreementTable()
        self.bookkeepers: dict[int, Bookkeeper] = {}
        self.bookkeepers_ever = 0
        self.subscriptions: list[MemorySubscription] = []

    def wait_for(
        self,
        look: Callable[[], T],
        wait: float,
        *,
        interrupted: Callable[[], bool] = _never,
        nap: Callable[[], float] = _whenever,
    ) -> T:
        """Look again after each change until there is something to see; the lock must be held.

        `nap` tells how many seconds until there may be something to see without any change.
        On a virtual clock nothing comes of waiting, so there is one look only.
        """
        ends = self.clock.monotonic() + wait
        while not (seen := look()) and not interrupted():
            left = ends - self.clock.monotonic()
            if left <= 0 or isinstance(self.clock, VirtualClock):
                break
            self.changed.wait(max(min(left, nap(), _LONGEST_NAP), 0.0))
        return seen

    def corrupt(self, task_id: str, raw: bytes) -> int:
        """Make the waiting messages of a task unreadable, as a broken disk or sender would.

        Returns how many there were. For tests that want to see what becomes of them.
        """
        with self.changed:
            found = [
                entry
                for line in self.messages.lines.values()
                for entry in line.waiting.values()
                if entry.message and entry.message.id == task_id
            ]
            for entry in found:
                entry.content = raw
            return len(found)
