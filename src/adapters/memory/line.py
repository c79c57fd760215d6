"""One queue in memory: what waits in it, in the order in which it will be claimed.

Every waiting entry has exactly one place in one of the two heaps.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from heapq import heapify, heappop, heappush

from ...domain.messaging.delivery import Delivery, Token, Undecodable
from ...domain.messaging.message import TaskMessage


@dataclass(slots=True, eq=False)
class Entry:
    """A message in the store. `content` is bytes where the message cannot be read.

    `tag` finds it and is never used again; `order` is its place among those of its priority.
    """

    tag: int
    order: int
    queue: str
    content: TaskMessage | bytes
    priority: int
    due: datetime | None = None
    crashes: int = 0
    redelivered: bool = False
    started: bool = False
    fence: int = 0
    #: The number of the link that it is of, while its owner goes on with a chain.
    link: int = 0

    @property
    def message(self) -> TaskMessage | None:
        """The message, where it can be read."""
        return self.content if isinstance(self.content, TaskMessage) else None

    @property
    def raw(self) -> bytes:
        """The bytes that cannot be read, or the body: in memory a message has no envelope."""
        return self.content.body if isinstance(self.content, TaskMessage) else self.content

    def delivery(self) -> Delivery | Undecodable:
        """Return the entry as its owner gets it in hand."""
        token = Token(self.tag, self.fence)
        match self.content:
            case TaskMessage() as message:
                return Delivery(message, token, self.queue, self.crashes, self.redelivered)
            case raw:
                reason = f"these {len(raw)} bytes are no task message"
                return Undecodable(raw, token, self.queue, reason)


class Line:
    """What waits in a queue: ready, or parked until its time has come."""

    def __init__(self) -> None:
        self.paused = False
        self.waiting: dict[int, Entry] = {}
        self._ready: list[tuple[int, int, int]] = []
        self._parked: list[tuple[datetime, int]] = []

    def put(self, entry: Entry) -> None:
        """Let an entry wait: until it is due, then until it is taken."""
        self.waiting[entry.tag] = entry
        if entry.due:
            heappush(self._parked, (entry.due, entry.tag))
        else:
            self._make_ready(entry)

    def take(self, now: datetime) -> Entry | None:
        """Remove and return the next one that is due."""
        self._wake_parked(now)
        while self._ready:
            *_, tag = heappop(self._ready)
            if entry := self.waiting.pop(tag, None):
                return entry
        return None

    def next_due(self) -> datetime | None:
        """Return when the next parked entry comes due."""
        while self._parked and self._parked[0][1] not in self.waiting:
            heappop(self._parked)
        return self._parked[0][0] if self._parked else None

    def ready(self, now: datetime) -> list[Entry]:
        """Return what could be taken, in that order."""
        self._wake_parked(now)
        return [self.waiting[tag] for *_, tag in sorted(self._ready) if tag in self.waiting]

    def seize(self, task_ids: Collection[str], now: datetime) -> list[Entry]:
        """Remove and return the entries of these tasks: ready ones, then those parked."""
        self._wake_parked(now)
        wanted = {
            tag
            for tag, entry in self.waiting.items()
            if entry.message and entry.message.id in task_ids
        }
        if not wanted:
            return []
        tags = [tag for *_, tag in sorted(self._ready)] + [tag for _, tag in sorted(self._parked)]
        found = [self.waiting.pop(tag) for tag in tags if tag in wanted]
        # They may come back under the same tag: no old place may be found before the new one.
        self._ready = [place for place in self._ready if place[-1] not in wanted]
        self._parked = [place for place in self._parked if place[-1] not in wanted]
        heapify(self._ready)
        heapify(self._parked)
        return found

    def clear(self) -> int:
        """Delete everything; return how much that was."""
        deleted = len(self.waiting)
        self.waiting.clear()
        self._ready.clear()
        self._parked.clear()
        return deleted

    def _wake_parked(self, now: datetime) -> None:
        while self._parked and self._parked[0][0] <= now:
            _, tag = heappop(self._parked)
            if entry := self.waiting.get(tag):
                entry.due = None
                self._make_ready(entry)

    def _make_ready(self, entry: Entry) -> None:
        heappush(self._ready, (-entry.priority, entry.order, entry.tag))
