"""The result backend on SQL, in Celery's own tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from time import monotonic
from typing import Final, TypeVar

from ...domain.canvas.chords import ChordCount, ChordGrowth, ChordOpening, ChordPart
from ...domain.errors import BackendUnavailable, ResultTooLarge
from ...domain.messaging.payload import Codec
from ...domain.tasks import states
from ...domain.tasks.result_record import GroupRecord, ResultRecord
from ...ports.results import ResultBackend, ResultCapabilities
from . import chords
from .engine import SqlStore, Work
from .envelope import milliseconds
from .records import Encoding, RecordTable
from .transaction import Transaction

T = TypeVar("T")

#: Ids in one statement: databases limit the size of a statement, not the number of statements.
_AT_ONCE: Final = 1000
#: Ids of old records that are held in memory at a time.
_LOOKED_AT: Final = 100_000
#: Seconds for a statement over all that is old.
_LONG: Final = 60.0
#: The ready states, by what `result_failure_expires` says of them.
_FAILED: Final = (states.FAILURE,)
_OTHERS: Final = tuple(sorted(states.READY_STATES - {states.FAILURE}))


class SqlResults(ResultBackend):
    """Results in a SqlStore.

    `content_type` and `content_encoding` are those of `result_serializer`; `codec` encodes
    children, groups and stamps with it. A result beyond `max_bytes` is refused.
    """

    def __init__(
        self,
        store: SqlStore,
        *,
        content_type: str = "application/json",
        content_encoding: str = "utf-8",
        codec: Codec | None = None,
        max_bytes: int | None = None,
    ) -> None:
        self.sql = store
        self._max_bytes = max_bytes
        self._encoding = Encoding(content_type, content_encoding, codec)
        self._closed = False
        self._table: RecordTable | None = None
        store.retain()

    @property
    def capabilities(self) -> ResultCapabilities:
        """Everything but expiring by itself."""
        return ResultCapabilities(max_bytes=self._max_bytes)

    @property
    def url(self) -> str:
        """Where the store is; the password is masked."""
        return self.sql.url

    @property
    def table(self) -> RecordTable:
        """The statements, which depend on what the server can do: known once it is connected."""
        if self._table is None:
            self.sql.open(BackendUnavailable)
            self._table = RecordTable(self.sql.schema, self.sql.flavour, self._encoding)
        return self._table

    def open(self) -> None:
        """Connect and make the tables."""
        self.sql.open(BackendUnavailable)

    def close(self) -> None:
        """Let go of connections; idempotent."""
        if not self._closed:
            self._closed = True
            self.sql.release()

    # -- records

    def store(self, records: Sequence[ResultRecord]) -> None:
        """Write records. Raises ResultTooLarge, and then nothing of the batch is written."""
        if records:
            for record in records:
                self.check(record)
            table = self.table
            self._write(lambda t: table.store(t, records))

    def check(self, record: ResultRecord) -> None:
        """Raise ResultTooLarge for a result beyond `max_bytes`."""
        limit = self._max_bytes
        if limit is not None and record.result is not None and len(record.result.data) > limit:
            raise ResultTooLarge(record.task_id, len(record.result.data), limit)

    def fetch(self, task_ids: Sequence[str]) -> Sequence[ResultRecord | None]:
        """Return the records of these ids."""
        table = self.table
        found: dict[str, ResultRecord] = {}
        for some in _batches(task_ids):
            found |= self._read(lambda t, some=some: table.fetch(t, some))  # type: ignore[misc]
        return [found.get(task_id) for task_id in task_ids]

    def watch(self, task_ids: Sequence[str], wait: float) -> Sequence[ResultRecord]:
        """Return those ready, waiting for the first."""
        if not task_ids:
            return []
        end = monotonic() + wait
        names = list(dict.fromkeys(task_ids))
        while True:
            wakeups = self.sql.wakeups
            mark = wakeups.mark()
            ready = self._ready(names)
            left = end - monotonic()
            if ready or left <= 0:
                return ready
            wakeups.wait("result", mark, left)

    def forget(self, task_ids: Sequence[str]) -> None:
        """Delete records."""
        table = self.table
        for some in _batches(task_ids):
            self._write(lambda t, some=some: table.forget(t, some))  # type: ignore[misc]

    # -- groups and chords

    def save_groups(self, groups: Sequence[GroupRecord]) -> None:
        """Keep groups."""
        if groups:
            table = self.table
            self._write(lambda t: table.save_groups(t, groups))

    def fetch_groups(self, group_ids: Sequence[str]) -> Sequence[GroupRecord | None]:
        """Return saved groups."""
        if not group_ids:
            return []
        table = self.table
        found = self._read(lambda t: table.fetch_groups(t, group_ids))
        return [found.get(group_id) for group_id in group_ids]

    def forget_groups(self, group_ids: Sequence[str]) -> None:
        """Delete groups and the counts of their chords."""
        if not group_ids:
            return
        table = self.table

        def forget(transaction: Transaction) -> None:
            table.forget_groups(transaction, group_ids)
            chords.forget(transaction, self.sql.flavour, group_ids)

        self._write(forget)

    def open_chords(self, openings: Sequence[ChordOpening]) -> None:
        """Tell how many parts chords will have."""
        if openings:
            sizes = chords.sizes_of(openings, ())
            self._write(lambda t: self._locked(t, sizes))

    def grow_chords(self, growths: Sequence[ChordGrowth]) -> None:
        """Let chords wait for more parts."""
        if growths:
            sizes: chords.Sizes = dict.fromkeys(one.group_id for one in growths)
            self._write(lambda t: self._locked(t, sizes, growths))

    def count_parts(self, parts: Sequence[ChordPart]) -> Sequence[ChordCount]:
        """Count parts."""
        if not parts:
            return []

        def count(transaction: Transaction) -> list[ChordCount]:
            locked = self._locked(transaction, chords.sizes_of((), parts))
            return chords.count(transaction, self.sql.flavour, locked, parts)

        return self._write(count)

    def fetch_parts(self, group_id: str) -> Sequence[ChordPart]:
        """Return the counted parts of a chord."""
        return self._read(lambda t: chords.fetch_parts(t, group_id))

    def close_chords(self, group_ids: Sequence[str]) -> None:
        """Note that bodies are published, and drop the parts."""
        if not group_ids:
            return

        def close(transaction: Transaction) -> None:
            self._locked(transaction, dict.fromkeys(group_ids))
            chords.close(transaction, self.sql.flavour, group_ids)

        self._write(close)

    # -- retention

    def expire(self, before: datetime | None, failed_before: datetime | None) -> int:
        """Delete what is old."""
        gone = 0 if before is None else self._expire_until(before, alike=before == failed_before)
        if before != failed_before:
            gone += self._expire_some(_OTHERS, before) + self._expire_some(_FAILED, failed_before)
        return gone

    def _expire_until(self, before: datetime, *, alike: bool) -> int:
        """Delete chords and groups, and all records if they are kept alike."""
        table = self.table

        def expire(transaction: Transaction) -> int:
            chords.expire(transaction, self.sql.flavour, milliseconds(before))
            records = table.expire(transaction, before) if alike else 0
            return records + table.expire_groups(transaction, before)

        return self.sql.write(expire, deadline=_LONG, unavailable=BackendUnavailable)

    def _expire_some(self, among: tuple[str, ...], before: datetime | None) -> int:
        """Delete records in these states.

        They are looked for by the index of `date_done`, along which others stand that are kept for
        longer, maybe most of the table: by reading, so that no writer waits for that.
        """
        if before is None:
            return 0
        table, gone = self.table, 0
        while True:
            old = self.sql.read(
                lambda t: table.old(t, before, among, _LOOKED_AT),
                deadline=_LONG,
                unavailable=BackendUnavailable,
            )
            deleted = 0
            for some in _batches(old):
                deleted += self._write(
                    lambda t, some=some: table.forget_old(t, some, before, among)  # type: ignore[misc]
                )
            gone += deleted
            if len(old) < _LOOKED_AT or not deleted:
                return gone

    # -- steps

    def _locked(
        self,
        transaction: Transaction,
        sizes: chords.Sizes,
        grows: Sequence[ChordGrowth] = (),
    ) -> dict[str, chords.Chord]:
        return chords.lock(transaction, self.sql.flavour, sizes, self.sql.now_ms(), grows)

    def _ready(self, names: list[str]) -> list[ResultRecord]:
        table = self.table
        ready: list[ResultRecord] = []
        for some in _batches(names):
            ready += self._read(lambda t, some=some: table.ready(t, some))  # type: ignore[misc]
        return ready

    def _write(self, work: Work[T]) -> T:
        return self.sql.write(work, unavailable=BackendUnavailable)

    def _read(self, work: Work[T]) -> T:
        return self.sql.read(work, unavailable=BackendUnavailable)


def _batches(task_ids: Sequence[str]) -> Iterator[list[str]]:
    remaining = iter(dict.fromkeys(task_ids))
    while some := list(islice(remaining, _AT_ONCE)):
        yield some
