"""What beat remembers, on SQL: one row an entry, with the last tick that was claimed.

What must stay true: a tick is claimed by one conditional statement, so that of many beats exactly
one fires it, whoever of them believes to lead.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from ...domain.errors import ImproperlyConfigured
from ...ports.schedule_store import LastRun, ScheduleStore
from .engine import SqlStore
from .transaction import Transaction

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
#: Characters of an entry's name, as wide as the column.
_LONGEST: Final = 255

_LAST_RUNS: Final = "SELECT entry, due, sent_at, total, schedule, published FROM celeriac_tick"
_CLAIM: Final = (
    "UPDATE celeriac_tick SET due = ?, sent_at = ?, total = total + 1, schedule = ?, published = 0"
    " WHERE entry = ? AND due < ?"
)
_REMEMBER: Final = (
    "UPDATE celeriac_tick SET due = ?, sent_at = ?, schedule = ?, published = ?"
    " WHERE entry = ? AND due <= ?"
)
_COLUMNS: Final = ("entry", "due", "sent_at", "total", "schedule", "published")

_Row = tuple[str, int, int, int, str, int]


class SqlScheduleStore(ScheduleStore):
    """Remembers in a SqlStore."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self._closed = False
        store.retain()

    def open(self) -> None:
        """Connect and make the tables."""
        self.store.open()

    def close(self) -> None:
        """Let go of connections; nothing is held back."""
        if not self._closed:
            self._closed = True
            self.store.release()

    def last_runs(self) -> Sequence[LastRun]:
        """Return what is remembered."""
        rows = self.store.read(lambda t: t.rows(_LAST_RUNS))
        return [
            LastRun(str(entry), _moment(due), _moment(at), int(total), schedule or "", bool(out))
            for entry, due, at, total, schedule, out in rows
        ]

    def claim_tick(self, entry: str, due: datetime, now: datetime, schedule: str = "") -> bool:
        """Claim a tick. Raises ImproperlyConfigured for a name that the table cannot hold."""
        row = _row(LastRun(entry, due, now, total=1, schedule=schedule))
        return self.store.write(lambda t: self._claim(t, row))

    def remember(self, runs: Sequence[LastRun]) -> None:
        """Write runs over earlier ones, in one transaction; refuses names as `claim_tick` does."""
        rows = [_row(run) for run in runs]
        if rows:
            self.store.write(lambda t: self._remember(t, rows))

    def forget(self, entries: Sequence[str]) -> None:
        """Drop what is remembered."""
        if not entries:
            return
        flavour = self.store.flavour
        sql = f"DELETE FROM celeriac_tick WHERE {flavour.among('entry')}"  # noqa: S608
        self.store.write(lambda t: t.run(sql, (flavour.listed(list(entries)),)))

    def _claim(self, transaction: Transaction, row: _Row) -> bool:
        entry, due, sent_at, _, schedule, _ = row
        later = (due, sent_at, schedule, entry, due)
        if transaction.run(_CLAIM, later):
            return True
        if transaction.run(self._keep(), row):
            return True
        # Known after all; perhaps only since a moment, and by an earlier tick.
        return transaction.run(_CLAIM, later) > 0

    def _remember(self, transaction: Transaction, rows: Sequence[_Row]) -> None:
        for row in rows:
            entry, due, sent_at, _, schedule, published = row
            if not transaction.run(self._keep(), row):
                transaction.run(_REMEMBER, (due, sent_at, schedule, published, entry, due))

    def _keep(self) -> str:
        return self.store.flavour.keep("celeriac_tick", _COLUMNS, ["entry"])


def _row(run: LastRun) -> _Row:
    if len(run.entry) > _LONGEST:
        raise ImproperlyConfigured(
            f"the entry {run.entry[:40]!r}… of beat_schedule has a name of {len(run.entry)} "
            f"characters; expected at most {_LONGEST}: shorten it"
        )
    due, sent_at = _microseconds(run.due), _microseconds(run.sent_at)
    return run.entry, due, sent_at, run.total, run.schedule, int(run.published)


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _moment(microseconds: int) -> datetime:
    return _EPOCH + int(microseconds) * _MICROSECOND
