"""SQLite: one file, or memory. One writer connection a process, any number of readers.

What must stay true: threads of this process never meet SQLite's busy handler, since a lock of
ours stands before the one writer; other processes are waited for in short sleeps up to the
deadline. With the default `synchronous=normal` what was accepted survives the death of every
process, but the last moments may be missing after a loss of power; `?synchronous=full` in the URL
makes every commit wait for the disk.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import Any, ClassVar, Final

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, Engine
from sqlalchemy.pool import NullPool

from ...domain.errors import ImproperlyConfigured
from .errors import Trouble
from .flavour import Connections, Flavour
from .sqlite_connections import FileWakeups, InMemory, OneWriter
from .transaction import Transaction
from .wakeup import PolledWakeups, Wakeups

_SYNCHRONOUS: Final = ("off", "normal", "full", "extra")
# Pages until a checkpoint: rows of a queue live shortly, and most are gone again by then.
_CHECKPOINT_PAGES: Final = 4000
# Milliseconds a reader waits for another process, which it rarely has to in WAL.
_PATIENCE: Final = 5000
_BUSY: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
# Ends a moment's text before the offset that UTC has.
_WITHOUT_ZONE: Final = -len("+00:00")


class SqliteFlavour(Flavour):
    """SQLite 3.35 or newer, by Python's own driver."""

    name: ClassVar[str] = "sqlite"
    placeholder: ClassVar[str] = "?"
    take_free: ClassVar[str] = ""
    take: ClassVar[str] = ""

    def __init__(self, url: URL) -> None:
        level = url.query.get("synchronous", "normal")
        if level not in _SYNCHRONOUS:
            known = ", ".join(_SYNCHRONOUS)
            raise ImproperlyConfigured(f"synchronous={level!r} in the URL: expected one of {known}")
        super().__init__(url.difference_update_query(["synchronous"]))
        self._synchronous = level
        self.path = url.database or ""
        self.in_memory = self.private = self.path in ("", ":memory:")

    def engine(self, options: Mapping[str, Any]) -> Engine:
        """Make an engine that opens a connection when asked, and pools none: we do."""
        wanted = {k: v for k, v in options.items() if not k.startswith(("pool_", "max_overflow"))}
        arguments = {"check_same_thread": False, "timeout": 5.0, "cached_statements": 256}
        arguments |= wanted.pop("connect_args", {})
        wanted.pop("poolclass", None)
        engine = create_engine(self.url, poolclass=NullPool, connect_args=arguments, **wanted)
        event.listen(engine, "connect", self._prepare)
        return engine

    def connections(self, engine: Engine) -> Connections:
        """Keep one writer and a few readers."""
        return InMemory(engine) if self.in_memory else OneWriter(engine)

    def wakeups(self, connections: Connections, engine: Engine) -> Wakeups:
        """Watch the number that SQLite changes with each commit of another connection."""
        if self.in_memory:
            return PolledWakeups(None, fast=0.05, slow=0.05)
        return FileWakeups(engine)

    def begin(self, connection: Any, end: float) -> Transaction:
        """Take the write lock, waiting for other processes in short sleeps."""
        pause = 0.0002
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if _code(error) & 0xFF not in _BUSY or monotonic() + pause > end:
                    raise
            else:
                return Transaction(connection, self.placeholder)
            sleep(pause)
            pause = min(pause * 1.5, 0.005)

    def trouble(self, error: BaseException) -> Trouble:
        """Read SQLite's result code."""
        code = _code(error)
        text = str(error)
        match code & 0xFF:
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                return Trouble.LATE
            case sqlite3.SQLITE_FULL:
                return Trouble.FULL
            case sqlite3.SQLITE_IOERR if code == sqlite3.SQLITE_IOERR_WRITE or self._no_room():
                return Trouble.FULL
            case sqlite3.SQLITE_READONLY:
                return Trouble.READ_ONLY
            case sqlite3.SQLITE_CANTOPEN if self._forbidden():
                return Trouble.READ_ONLY
            case sqlite3.SQLITE_TOOBIG:
                return Trouble.REFUSED
            case _ if "string or blob too big" in text:
                return Trouble.REFUSED
            case _ if "no such table" in text or "no such column" in text:
                return Trouble.NO_TABLE
            case _ if isinstance(error, sqlite3.ProgrammingError) and "closed" in text:
                return Trouble.LOST
            case _:
                return Trouble.OTHER

    def hint(self, trouble: Trouble) -> str:
        """Look at the path: most of what goes wrong is there."""
        folder = os.path.dirname(os.path.abspath(self.path))
        match trouble:
            case Trouble.READ_ONLY:
                return f"let this user write {self.path} and the folder {folder}, or name another"
            case Trouble.FULL:
                return f"free some space on the disk of {folder}, or move the file"
            case Trouble.OTHER if os.path.isdir(self.path):
                return f"{self.path} is a folder: name a file in it"
            case Trouble.OTHER if not self.in_memory and not os.path.isdir(folder):
                return f"the folder {folder} does not exist: create it"
            case Trouble.OTHER if self._is_foreign():
                return f"{self.path} is no SQLite database: move it away, or name another file"
            case Trouble.OTHER:
                return f"if {self.path} is damaged, restore it from a backup or move it away"
            case _:
                return ""

    def columns(self, transaction: Transaction, schema: str | None, table: str) -> set[str]:
        """Ask by PRAGMA."""
        prefix = f'"{schema}".' if schema else ""
        return {row[1] for row in transaction.rows(f'PRAGMA {prefix}table_info("{table}")')}

    def indexes(self, transaction: Transaction, table: str) -> set[str]:
        """Ask by PRAGMA."""
        return {row[1] for row in transaction.rows(f'PRAGMA index_list("{table}")')}

    def moment(self, moment: datetime) -> Any:
        """Return the text that SQLAlchemy, and so Celery, writes and reads."""
        if moment.tzinfo is not UTC:
            moment = moment.astimezone(UTC)
        return moment.isoformat(" ", "microseconds")[:_WITHOUT_ZONE]

    def read_moment(self, value: Any) -> datetime | None:
        """Read such a text."""
        try:
            return datetime.fromisoformat(value).replace(tzinfo=UTC)
        except (TypeError, ValueError):
            return None

    def among(self, column: str, kind: str = "text") -> str:
        """A JSON array: one constant statement for lists of any length."""
        return f"{column} IN (SELECT value FROM json_each(?))"  # noqa: S608 - names of ours

    def listed(self, values: Sequence[Any]) -> Any:
        """Return the JSON array."""
        return json.dumps(values)

    def _prepare(self, connection: Any, _record: Any) -> None:
        # Transactions are begun by us, and not guessed at by the driver.
        connection.isolation_level = None
        if not self.in_memory:
            _use_write_ahead_log(connection)
        connection.execute(f"PRAGMA synchronous={self._synchronous}")
        connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
        connection.execute("PRAGMA journal_size_limit=67108864")
        connection.execute("PRAGMA cache_size=-16000")
        connection.execute("PRAGMA temp_store=memory")

    def _forbidden(self) -> bool:
        folder = os.path.dirname(os.path.abspath(self.path))
        if os.path.isfile(self.path):
            return not os.access(self.path, os.W_OK) or not os.access(folder, os.W_OK)
        return (
            os.path.isdir(folder)
            and not os.path.isdir(self.path)
            and not os.access(folder, os.W_OK)
        )

    def _no_room(self) -> bool:
        with suppress(OSError):
            disk = os.statvfs(os.path.dirname(os.path.abspath(self.path)))
            return disk.f_bavail * disk.f_frsize < 1 << 20
        return False

    def _is_foreign(self) -> bool:
        with suppress(OSError), open(self.path, "rb") as file:
            return file.read(16) not in (b"", b"SQLite format 3\0")
        return False


def _use_write_ahead_log(connection: Any) -> None:
    """Switch the file to WAL, once and for all.

    Only this step needs the file alone. Who holds it for long is not waited for: the store works
    without, if slower, and the next connection tries again.
    """
    end = monotonic() + 1.0
    connection.execute("PRAGMA busy_timeout=20")
    while True:
        # To ask is to read, and may be held up as well by another that makes the switch.
        try:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                connection.execute("PRAGMA journal_mode=wal").fetchone()
        except sqlite3.OperationalError as error:
            if _code(error) & 0xFF == sqlite3.SQLITE_READONLY:
                break
            if _code(error) & 0xFF not in _BUSY:
                raise
            if monotonic() > end:
                break
        else:
            break
        sleep(0.005)
    connection.execute(f"PRAGMA busy_timeout={_PATIENCE}")


def _code(error: BaseException) -> int:
    return int(getattr(error, "sqlite_errorcode", 0) or 0)
