"""The started ledger on SQL: a row a task that was begun, owned under a lease.

What must stay true: each entry has one owner; whoever adopts one names the owner it saw, so that
two never adopt the same. What was noted by owners long dead, and never asked about, is deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

from ...domain.errors import BackendUnavailable
from ...ports.ledger import Found, Started, StartedLedger
from .engine import SqlStore
from .transaction import Transaction

T = TypeVar("T")

_COLUMNS: Final = ("entry", "owner", "task_id", "queue", "crashes", "has_message", "message")
_JOIN: Final = "INSERT INTO celeriac_bookkeeper (node, lease, expires) VALUES (?, ?, ?)"
_RENEW: Final = "UPDATE celeriac_bookkeeper SET expires = lease + ? WHERE id = ? AND expires > ?"
_IS_ALIVE: Final = "SELECT 1 FROM celeriac_bookkeeper WHERE id = ? AND expires > ?"
_LEAVE: Final = (
    "DELETE FROM celeriac_started WHERE owner = ?",
    "DELETE FROM celeriac_bookkeeper WHERE id = ?",
)
_LAPSED: Final = "SELECT id, node FROM celeriac_bookkeeper WHERE expires <= ? AND id <> ?"
_TAKE: Final = "UPDATE celeriac_started SET owner = ? WHERE entry = ? AND owner = ?"
_OLD: Final = "SELECT id FROM celeriac_bookkeeper WHERE expires <= ?"
#: Rows in one list of parameters: SQLite takes 999 of older builds.
_PAGE: Final = 500
#: Milliseconds after which what nobody asked about is deleted.
_KEPT: Final = 7 * 86_400_000


class SqlLedger(StartedLedger):
    """Keeps entries in a SqlStore."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store

    def join(self, node: str, lease: float) -> int:
        """Become an owner, and delete what was left long ago."""
        milliseconds = max(1, round(lease * 1000))

        def join(transaction: Transaction) -> int:
            now = self._now()
            for (number,) in transaction.rows(_OLD, (now - _KEPT,)):
                self._forget(transaction, number)
            row = (node, milliseconds, now + milliseconds)
            return self.store.flavour.insert_one(transaction, _JOIN, row)

        return self._write(join)

    def renew(self, owner: int) -> bool:
        """Prolong the lease, if it has not run out."""
        now = self._now()
        return self._write(lambda t: t.run(_RENEW, (now, owner, now))) == 1

    def leave(self, owner: int) -> None:
        """Forget an owner and its entries."""
        self._write(lambda t: self._forget(t, owner))

    def note(self, owner: int, entries: Sequence[Started]) -> bool:
        """Note entries; one that is there already is left as it is."""
        rows = [
            (one.key, owner, one.task_id[:255], one.queue, one.crashes, int(bool(one.raw)), one.raw)
            for one in entries
        ]

        def note(transaction: Transaction) -> bool:
            if not transaction.rows(_IS_ALIVE, (owner, self._now())):
                return False
            if rows:
                sql = self.store.flavour.keep("celeriac_started", _COLUMNS, ["entry"])
                transaction.many(sql, rows)
            return True

        return self._write(note)

    def strike(self, owner: int, keys: Sequence[str]) -> Sequence[bool]:
        """Remove entries."""
        if not keys:
            return []

        def strike(transaction: Transaction) -> set[str]:
            struck: set[str] = set()
            for page, marks in _pages(keys):
                sql = f"SELECT entry FROM celeriac_started WHERE owner = ? AND entry IN ({marks})"  # noqa: S608 - marks only
                rows = transaction.rows(sql + self.store.flavour.take, (owner, *page))
                struck.update(str(key) for (key,) in rows)
                sql = f"DELETE FROM celeriac_started WHERE owner = ? AND entry IN ({marks})"  # noqa: S608 - marks only
                transaction.run(sql, (owner, *page))
            return struck

        struck = self._write(strike)
        return [key in struck for key in keys]

    def adopt(self, owner: int, queues: Sequence[str], limit: int) -> Sequence[Found]:
        """Take over whole messages of lapsed owners."""
        names = list(dict.fromkeys(queues))
        # Reading first: there is seldom anybody dead, and all workers ask all the time.
        if not names or limit <= 0 or not self._read(lambda t: self._lapsed(t, owner)):
            return []

        def adopt(transaction: Transaction) -> list[Found]:
            if not transaction.rows(_IS_ALIVE, (owner, self._now())):
                return []
            found: list[Found] = []
            for number, node in self._lapsed(transaction, owner):
                marks = ", ".join("?" * len(names))
                sql = (
                    "SELECT entry, task_id, queue, crashes, message FROM celeriac_started"  # noqa: S608 - marks only
                    f" WHERE owner = ? AND has_message = 1 AND queue IN ({marks}) LIMIT ?"
                )
                rows = transaction.rows(sql, (number, *names, limit - len(found)))
                found += self._taken(transaction, owner, number, node, rows)
            return found

        return self._write(adopt)

    def inquire(self, owner: int, task_ids: Sequence[str], *, take: bool = True) -> Sequence[Found]:
        """Tell what others noted of these tasks, and take it over from the dead."""
        wanted = list(dict.fromkeys(task_id[:255] for task_id in task_ids if task_id))
        if not wanted:
            return []

        def inquire(transaction: Transaction) -> list[Found]:
            now, found = self._now(), []
            if not transaction.rows(_IS_ALIVE, (owner, now)):
                return []
            for page, marks in _pages(wanted):
                sql = (
                    "SELECT entry, task_id, queue, crashes, message, owner, node, expires"  # noqa: S608 - marks only
                    " FROM celeriac_started JOIN celeriac_bookkeeper ON owner = id"
                    f" WHERE owner <> ? AND task_id IN ({marks})"
                )
                for *row, holder, node, expires in transaction.rows(sql, (owner, *page)):
                    entry = _entry(row)
                    if expires > now or entry.raw or not take:
                        found.append(Found(entry, node, alive=expires > now))
                    else:
                        found += self._taken(transaction, owner, holder, node, [row])
            return found

        return self._write(inquire)

    # -- steps

    def _taken(
        self, transaction: Transaction, heir: int, dead: int, node: str, rows: Sequence[Any]
    ) -> Iterator[Found]:
        for row in rows:
            if transaction.run(_TAKE, (heir, row[0], dead)) == 1:
                yield Found(_entry(row), node, alive=False)

    def _lapsed(self, transaction: Transaction, owner: int) -> Sequence[tuple[Any, ...]]:
        return transaction.rows(_LAPSED, (self._now(), owner))

    def _forget(self, transaction: Transaction, owner: int) -> None:
        for sql in _LEAVE:
            transaction.run(sql, (owner,))

    def _now(self) -> int:
        return round(self.store.now() * 1000)

    def _write(self, work: Callable[[Transaction], T]) -> T:
        return self.store.write(work, unavailable=BackendUnavailable)

    def _read(self, work: Callable[[Transaction], T]) -> T:
        return self.store.read(work, unavailable=BackendUnavailable)


def _entry(row: Sequence[Any]) -> Started:
    key, task_id, queue, crashes, message = row
    return Started(str(key), str(task_id), str(queue), int(crashes), bytes(message or b""))


def _pages(values: Sequence[str]) -> Iterator[tuple[Sequence[str], str]]:
    for start in range(0, len(values), _PAGE):
        page = values[start : start + _PAGE]
        yield page, ", ".join("?" * len(page))
