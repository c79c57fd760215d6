"""The started ledger in memory. Leases go by the store's monotonic clock."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...ports.clock import Clock
from ...ports.ledger import Found, Started, StartedLedger
from .store import MemoryStore


@dataclass(slots=True)
class Bookkeeper:
    """One owner of entries. Times are monotonic seconds."""

    node: str
    lease: float
    until: float
    entries: dict[str, Started] = field(default_factory=dict)


class MemoryLedger(StartedLedger):
    """Keeps entries in a MemoryStore: the one given, or one of its own on the clock given."""

    def __init__(self, store: MemoryStore | None = None, clock: Clock | None = None) -> None:
        self.memory = store or MemoryStore(clock)

    def join(self, node: str, lease: float) -> int:
        """Become an owner."""
        with self.memory.changed:
            number = self.memory.bookkeepers_ever = self.memory.bookkeepers_ever + 1
            self.memory.bookkeepers[number] = Bookkeeper(node, lease, self._at() + lease)
            return number

    def renew(self, owner: int) -> bool:
        """Prolong the lease, if it has not run out."""
        with self.memory.changed:
            one = self._present(owner)
            if one is None:
                return False
            one.until = self._at() + one.lease
            return True

    def leave(self, owner: int) -> None:
        """Forget an owner and its entries."""
        with self.memory.changed:
            self.memory.bookkeepers.pop(owner, None)

    def note(self, owner: int, entries: Sequence[Started]) -> bool:
        """Note entries."""
        with self.memory.changed:
            one = self._present(owner)
            if one is None:
                return False
            one.entries.update({entry.key: entry for entry in entries})
            return True

    def strike(self, owner: int, keys: Sequence[str]) -> Sequence[bool]:
        """Remove entries."""
        with self.memory.changed:
            one = self.memory.bookkeepers.get(owner)
            if one is None:
                return [False] * len(keys)
            return [one.entries.pop(key, None) is not None for key in keys]

    def adopt(self, owner: int, queues: Sequence[str], limit: int) -> Sequence[Found]:
        """Take over whole messages of lapsed owners."""
        with self.memory.changed:
            heir = self._present(owner)
            if heir is None:
                return []
            found = [
                (dead, entry)
                for dead in self._others(owner)
                if dead.until <= self._at()
                for entry in dead.entries.values()
                if entry.raw and entry.queue in queues
            ]
            return [_inherit(heir, dead, entry) for dead, entry in found[: max(limit, 0)]]

    def inquire(self, owner: int, task_ids: Sequence[str], *, take: bool = True) -> Sequence[Found]:
        """Tell what others noted of these tasks, and take it over from the dead."""
        with self.memory.changed:
            heir = self._present(owner)
            if heir is None:
                return []
            wanted = frozenset(task_ids) - {""}
            found = [
                (other, entry)
                for other in self._others(owner)
                for entry in other.entries.values()
                if entry.task_id in wanted
            ]
            return [
                _inherit(heir, other, entry)
                if take and not entry.raw and other.until <= self._at()
                else Found(entry, other.node, alive=other.until > self._at())
                for other, entry in found
            ]

    def _present(self, owner: int) -> Bookkeeper | None:
        one = self.memory.bookkeepers.get(owner)
        return one if one is not None and one.until > self._at() else None

    def _others(self, owner: int) -> list[Bookkeeper]:
        return [one for number, one in self.memory.bookkeepers.items() if number != owner]

    def _at(self) -> float:
        return self.memory.clock.monotonic()


def _inherit(heir: Bookkeeper, dead: Bookkeeper, entry: Started) -> Found:
    del dead.entries[entry.key]
    heir.entries[entry.key] = entry
    return Found(entry, dead.node, alive=False)
