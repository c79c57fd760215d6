"""SQLite's connections: one that writes, a few that read, one that watches.

What must stay true: threads of this process take turns before they come to SQLite, whose own way
of waiting is to sleep.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, Final

from sqlalchemy.engine import Engine

from .flavour import Connections
from .wakeup import PolledWakeups

_KEPT_READERS: Final = 4


class OneWriter(Connections):
    """The writer is behind a lock of ours; readers are kept in a small stack."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn = threading.Lock()
        self._writer: Any = None
        self._readers: deque[Any] = deque()

    @contextmanager
    def writer(self, end: float) -> Iterator[Any]:
        """Wait for one's turn, then use the writer."""
        if not self._turn.acquire(timeout=max(0.0, end - monotonic())):
            raise sqlite3.OperationalError("database is locked by other threads of this process")
        try:
            if self._writer is None:
                self._writer = self._engine.raw_connection()
                # Waiting for other processes is done in `begin`.
                self._writer.dbapi_connection.execute("PRAGMA busy_timeout=0")
            yield self._writer.dbapi_connection
        finally:
            self._turn.release()

    @contextmanager
    def reader(self, end: float) -> Iterator[Any]:
        """Use an idle reader, or one more."""
        try:
            reader = self._readers.pop()
        except IndexError:
            reader = self._engine.raw_connection()
        try:
            yield reader.dbapi_connection
        finally:
            if len(self._readers) < _KEPT_READERS:
                self._readers.append(reader)
            else:
                reader.close()

    def renew(self) -> None:
        """Open anew at the next use."""
        self.close()

    def close(self) -> None:
        """Close the writer last, so that it may fold the log back into the file."""
        while self._readers:
            with suppress(IndexError):
                self._readers.pop().close()
        with self._turn:
            writer, self._writer = self._writer, None
            if writer is not None:
                writer.close()


class InMemory(Connections):
    """A database in memory is one connection; whoever reads or writes takes turns on it."""

    def __init__(self, engine: Engine) -> None:
        self._turn = threading.RLock()
        self._only: Any = engine.raw_connection()

    @contextmanager
    def writer(self, end: float) -> Iterator[Any]:
        """Wait for one's turn."""
        if not self._turn.acquire(timeout=max(0.0, end - monotonic())):
            raise sqlite3.OperationalError("database is locked by other threads of this process")
        try:
            yield self._only.dbapi_connection
        finally:
            self._turn.release()

    reader = writer

    def renew(self) -> None:
        """Nothing to renew: another connection would be another database."""

    def close(self) -> None:
        """Let the database go."""
        with self._turn:
            self._only.close()


class FileWakeups(PolledWakeups):
    """Asks for `PRAGMA data_version` on a connection that does nothing else."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(self._version, fast=0.001, slow=0.05)
        self._engine = engine
        self._connection: Any = None

    def close(self) -> None:
        """Close the connection; the next wait opens another."""
        with self._changed:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _version(self) -> object:
        if self._connection is None:
            self._connection = self._engine.raw_connection()
        return self._connection.dbapi_connection.execute("PRAGMA data_version").fetchone()
