"""What stands in the table: Celery's items of tasks and groups, and ours of chords.

Celery's ids are what Python shows of the key as bytes, `b'celery-task-meta-…'`; attributes it
does not know it leaves alone. Ours have names that none of Celery's has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ....domain.canvas.chords import ChordPart
from ....domain.documents.meta import Encoding, chord_member_of, group_meta_of, meta_of
from ....domain.tasks.result_record import GroupRecord, ResultRecord
from .address import Address
from .store import Item

#: What a prefix of Celery's keys ends with; `_` is put after another one.
_PREFIX_ENDS: Final = (":", "_", "-", ".")
#: Bytes of an item beside its document: the id, the names, the numbers.
AROUND: Final = 1024


@dataclass(frozen=True, slots=True)
class Names:
    """Ids of items. `prefix` is `global_keyprefix`."""

    prefix: str = ""

    @classmethod
    def after(cls, prefix: str) -> Names:
        """Return the names with a prefix as users write it."""
        return cls(f"{prefix}_" if prefix and not prefix.endswith(_PREFIX_ENDS) else prefix)

    def task(self, task_id: str) -> str:
        """Of a task's document."""
        return repr(f"{self.prefix}celery-task-meta-{task_id}".encode())

    def group(self, group_id: str) -> str:
        """Of a saved group."""
        return repr(f"{self.prefix}celery-taskset-meta-{group_id}".encode())

    @property
    def beginnings(self) -> tuple[str, str, str]:
        """How the ids of tasks, groups and chords begin."""
        return self.task("")[:-1], self.group("")[:-1], self.chord("")

    def chord(self, group_id: str) -> str:
        """Of how far a chord has come."""
        return f"{self.prefix}celeriac-chord:{group_id}"

    def roll(self, group_id: str, number: int) -> str:
        """Of a list of what belongs to a chord; each is written once."""
        return f"{self.prefix}celeriac-roll:{number}:{group_id}"

    def part(self, group_id: str, task_id: str) -> str:
        """Of a part that was counted."""
        return f"{self._parts}{len(group_id)}:{group_id}:{task_id}"

    def growth(self, group_id: str, key: str) -> str:
        """Of a growth that was counted."""
        return f"{self.prefix}celeriac-growth:{len(group_id)}:{group_id}:{key}"

    def is_part(self, name: str) -> bool:
        """Tell whether an id is that of a part."""
        return name.startswith(self._parts)

    @property
    def _parts(self) -> str:
        return f"{self.prefix}celeriac-part:"


@dataclass(frozen=True, slots=True)
class Press:
    """Makes items. `kept` and `chords_kept` are for how many seconds; None: TimeToLive is not used.

    `state` and `done` (unix seconds) stand beside documents of ours, so that DynamoDB can tell
    what may be replaced, and what is old.
    """

    names: Names
    encoding: Encoding
    kept: int | None = None
    chords_kept: int | None = None

    @classmethod
    def of(cls, address: Address, names: Names, encoding: Encoding, chords: int | None) -> Press:
        """Return what makes items for a table; `chords` are kept for so many seconds at least."""
        if not address.expires or address.ttl is None:
            return cls(names, encoding)
        return cls(names, encoding, address.ttl, max(address.ttl, chords or 0))

    def record(self, record: ResultRecord, now: float) -> Item:
        """Return the item of a record."""
        item = {
            "id": {"S": self.names.task(record.task_id)},
            "result": {"B": meta_of(record, self.encoding)},
            "state": {"S": record.state},
            **_times(now, self.kept),
        }
        if record.ready and record.date_done is not None:
            item["done"] = number(record.date_done.timestamp())
        return item

    def group(self, group: GroupRecord, now: float) -> Item:
        """Return the item of a group."""
        return {
            "id": {"S": self.names.group(group.group_id)},
            "result": {"B": group_meta_of(group, self.encoding)},
            "done": number(group.date_done.timestamp()),
            **_times(now, self.kept),
        }

    def part(self, part: ChordPart, now: float) -> Item:
        """Return the item of a part."""
        item = {
            "id": {"S": self.names.part(part.group_id, part.task_id)},
            "result": {"B": chord_member_of(part, self.encoding)},
            **self.chord_times(now),
        }
        if part.index is not None:
            item["index"] = number(part.index)
        return item

    def chord_times(self, now: float) -> Item:
        """Return when something of a chord was written, and when it may go."""
        return _times(now, self.chords_kept)


def number(value: float) -> Item:
    """Return a number as DynamoDB takes it."""
    return {"N": repr(value)}


def size_of(item: Item) -> int:
    """Return about how many bytes an item takes."""
    return len(item.get("result", {}).get("B", b"")) + len(item["id"]["S"].encode()) + AROUND


def whole(item: Item, name: str) -> int | None:
    """Return a whole number out of an item."""
    found: Any = item.get(name)
    return None if found is None else int(found["N"])


def _times(now: float, kept: int | None) -> Item:
    times = {"timestamp": number(now)}
    if kept is not None:
        times["ttl"] = number(int(now) + kept)
    return times
