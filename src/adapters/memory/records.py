"""Results in memory: records by task id, groups, and the parts of chords.

Plain tables without lock or clock: the store's lock is held by whoever calls.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ...domain.canvas.chords import ChordCount, ChordPart
from ...domain.tasks import states
from ...domain.tasks.result_record import GroupRecord, ResultRecord


@dataclass(slots=True)
class Chord:
    """What was counted of one chord, by task id; `touched` is when a part last came.

    `size` is what its opening or a part said, `grown` what was added to that later, by key.
    """

    touched: datetime
    parts: dict[str, ChordPart] = field(default_factory=dict)
    size: int | None = None
    grown: dict[str, int] = field(default_factory=dict)
    counted: int = 0
    closed: bool = False

    def count(self, part: ChordPart, now: datetime) -> ChordCount:
        """Count a part unless it was counted already, or the chord is closed."""
        self.touched = now
        if self.size is None:
            self.size = part.size
        if not self.closed and part.task_id not in self.parts:
            self.parts[part.task_id] = part
            self.counted += 1
        size = None if self.size is None else self.size + sum(self.grown.values())
        due = size is not None and self.counted >= size and not self.closed
        return ChordCount(part.group_id, self.counted, size, due)


class RecordTable:
    """All results of a store."""

    def __init__(self) -> None:
        self.records: dict[str, ResultRecord] = {}
        self.groups: dict[str, GroupRecord] = {}
        self.chords: dict[str, Chord] = {}

    def store(self, record: ResultRecord) -> None:
        """Write a record where it may replace what is there."""
        stored = self.records.get(record.task_id)
        if states.may_replace(stored.state if stored else None, record.state):
            self.records[record.task_id] = record

    def ready(self, task_ids: Sequence[str]) -> list[ResultRecord]:
        """Return the records of those tasks that have come to their end."""
        found = (self.records.get(task_id) for task_id in dict.fromkeys(task_ids))
        return [record for record in found if record and record.ready]

    def count(self, part: ChordPart, now: datetime) -> ChordCount:
        """Count a part of a chord."""
        return self.chord(part.group_id, now).count(part, now)

    def chord(self, group_id: str, now: datetime) -> Chord:
        """Return what is counted of a chord, from now on if nothing was."""
        return self.chords.setdefault(group_id, Chord(now))

    def parts(self, group_id: str) -> list[ChordPart]:
        """Return the parts of a chord by index; those without one come last."""
        chord = self.chords.get(group_id)
        parts = chord.parts.values() if chord else ()
        return sorted(parts, key=lambda part: (part.index is None, part.index or 0))

    def expire(self, before: datetime | None, failed_before: datetime | None) -> int:
        """Delete what is old; unfinished chords go with it, uncounted."""
        done = [
            task_id
            for task_id, record in self.records.items()
            if record.ready
            and _is_before(
                record.date_done, failed_before if record.state == states.FAILURE else before
            )
        ]
        for task_id in done:
            del self.records[task_id]
        return len(done) + (0 if before is None else self._expire_groups(before))

    def _expire_groups(self, before: datetime) -> int:
        groups = [key for key, group in self.groups.items() if group.date_done < before]
        for group_id in groups:
            del self.groups[group_id]
        self.chords = {
            group_id: chord
            for group_id, chord in self.chords.items()
            if group_id not in groups and chord.touched >= before
        }
        return len(groups)


def _is_before(done: datetime | None, end: datetime | None) -> bool:
    return done is not None and end is not None and done < end
