"""The result backend in memory."""

from collections.abc import Sequence
from datetime import datetime

from ...domain.canvas.chords import ChordCount, ChordGrowth, ChordOpening, ChordPart
from ...domain.errors import ResultTooLarge
from ...domain.tasks.result_record import GroupRecord, ResultRecord
from ...ports.clock import Clock
from ...ports.results import ResultBackend, ResultCapabilities
from .store import MemoryStore


class MemoryResults(ResultBackend):
    """Keeps results in a MemoryStore: the one given, or one of its own on the clock given.

    With `max_bytes` a larger result is refused, as a real store would. On a virtual clock `watch`
    never blocks.
    """

    def __init__(
        self,
        store: MemoryStore | None = None,
        clock: Clock | None = None,
        max_bytes: int | None = None,
    ) -> None:
        self.memory = store or MemoryStore(clock)
        self._max_bytes = max_bytes

    @property
    def capabilities(self) -> ResultCapabilities:
        """Everything, but gone with the process."""
        return ResultCapabilities(persistent=False, max_bytes=self._max_bytes)

    @property
    def url(self) -> str:
        """`memory://`."""
        return "memory://"

    def open(self) -> None:
        """Do nothing: there is nothing to connect to."""

    def close(self) -> None:
        """Do nothing: results stay."""

    def store(self, records: Sequence[ResultRecord]) -> None:
        """Write records. Raises ResultTooLarge, and then nothing of the batch is written."""
        for record in records:
            self.check(record)
        with self.memory.changed:
            for record in records:
                self.memory.results.store(record)
            self.memory.changed.notify_all()

    def check(self, record: ResultRecord) -> None:
        """Raise ResultTooLarge for a result beyond `max_bytes`."""
        size = len(record.result.data) if record.result else 0
        if self._max_bytes is not None and size > self._max_bytes:
            raise ResultTooLarge(record.task_id, size, self._max_bytes)

    def fetch(self, task_ids: Sequence[str]) -> Sequence[ResultRecord | None]:
        """Return the records of these ids."""
        with self.memory.changed:
            return [self.memory.results.records.get(task_id) for task_id in task_ids]

    def watch(self, task_ids: Sequence[str], wait: float) -> Sequence[ResultRecord]:
        """Return those ready, waiting for the first unless the clock is virtual."""
        with self.memory.changed:
            return self.memory.wait_for(lambda: self.memory.results.ready(task_ids), wait)

    def forget(self, task_ids: Sequence[str]) -> None:
        """Delete records."""
        with self.memory.changed:
            for task_id in task_ids:
                self.memory.results.records.pop(task_id, None)

    def save_groups(self, groups: Sequence[GroupRecord]) -> None:
        """Keep groups."""
        with self.memory.changed:
            self.memory.results.groups.update({group.group_id: group for group in groups})

    def fetch_groups(self, group_ids: Sequence[str]) -> Sequence[GroupRecord | None]:
        """Return saved groups."""
        with self.memory.changed:
            return [self.memory.results.groups.get(group_id) for group_id in group_ids]

    def forget_groups(self, group_ids: Sequence[str]) -> None:
        """Delete groups and the counts of their chords."""
        with self.memory.changed:
            for group_id in group_ids:
                self.memory.results.groups.pop(group_id, None)
                self.memory.results.chords.pop(group_id, None)

    def open_chords(self, openings: Sequence[ChordOpening]) -> None:
        """Tell how many parts chords will have."""
        with self.memory.changed:
            now = self.memory.clock.now()
            for opening in openings:
                chord = self.memory.results.chord(opening.group_id, now)
                chord.size = opening.size if chord.size is None else chord.size

    def grow_chords(self, growths: Sequence[ChordGrowth]) -> None:
        """Let chords wait for more parts."""
        with self.memory.changed:
            now = self.memory.clock.now()
            for growth in growths:
                chord = self.memory.results.chord(growth.group_id, now)
                chord.grown.setdefault(growth.key, growth.by)

    def count_parts(self, parts: Sequence[ChordPart]) -> Sequence[ChordCount]:
        """Count parts."""
        with self.memory.changed:
            now = self.memory.clock.now()
            return [self.memory.results.count(part, now) for part in parts]

    def fetch_parts(self, group_id: str) -> Sequence[ChordPart]:
        """Return the counted parts of a chord."""
        with self.memory.changed:
            return self.memory.results.parts(group_id)

    def close_chords(self, group_ids: Sequence[str]) -> None:
        """Note that bodies are published, and drop the parts."""
        with self.memory.changed:
            now = self.memory.clock.now()
            for group_id in group_ids:
                chord = self.memory.results.chord(group_id, now)
                chord.closed = True
                chord.parts.clear()

    def expire(self, before: datetime | None, failed_before: datetime | None) -> int:
        """Delete what is old."""
        with self.memory.changed:
            return self.memory.results.expire(before, failed_before)
