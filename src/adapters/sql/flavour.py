"""What differs from database to database, as one interface; everything else is written once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from sqlalchemy.engine import URL, Engine

from .errors import Trouble
from .transaction import Transaction
from .wakeup import Wakeups


class Connections(ABC):
    """Keeps the driver's connections of one engine."""

    @abstractmethod
    def writer(self, end: float) -> Any:
        """Context manager: a connection to write with, had before `end` (monotonic seconds)."""

    @abstractmethod
    def reader(self, end: float) -> Any:
        """Context manager: a connection to read with, outside of any transaction."""

    @abstractmethod
    def renew(self) -> None:
        """Forget idle connections: one of them was found dead."""

    @abstractmethod
    def close(self) -> None:
        """Close what is idle; idempotent."""


class Flavour(ABC):
    """One kind of database."""

    name: ClassVar[str]
    placeholder: ClassVar[str] = "%s"
    has_sequences: bool = False
    has_partial_indexes: ClassVar[bool] = True
    #: Text after a SELECT that takes rows for this transaction and leaves those of others.
    take_free: ClassVar[str] = " FOR UPDATE SKIP LOCKED"
    take: ClassVar[str] = " FOR UPDATE"
    #: Asks the server for unix seconds; None where the store has no clock of its own.
    server_time: ClassVar[str | None] = None

    def __init__(self, url: URL) -> None:
        self.url = url

    @abstractmethod
    def engine(self, options: Mapping[str, Any]) -> Engine:
        """Make the engine; options are those of `create_engine`."""

    @abstractmethod
    def connections(self, engine: Engine) -> Connections:
        """Keep connections as this database likes it."""

    @abstractmethod
    def wakeups(self, connections: Connections, engine: Engine) -> Wakeups:
        """Make what waits for changes."""

    @abstractmethod
    def begin(self, connection: Any, end: float) -> None:
        """Begin a transaction that will write."""

    @abstractmethod
    def trouble(self, error: BaseException) -> Trouble:
        """Say what a driver's error means."""

    def hint(self, trouble: Trouble) -> str:
        """Say what a person can do about it."""
        return ""

    def notify(self, transaction: Transaction) -> None:  # noqa: B027 - most have nothing to do
        """Before the commit: tell other processes about the topics (where the database can)."""

    @contextmanager
    def schema_lock(self, transaction: Transaction) -> Iterator[None]:
        """Let only one process at a time make the schema."""
        yield

    @abstractmethod
    def columns(self, transaction: Transaction, schema: str | None, table: str) -> set[str]:
        """Return the names of a table's columns; empty when there is no such table."""

    # -- pieces of SQL

    @abstractmethod
    def among(self, column: str, kind: str = "text") -> str:
        """Condition: the column is one of a list (`text` or `bigint`), bound as `listed(…)`."""

    @abstractmethod
    def listed(self, values: Sequence[Any]) -> Any:
        """Return the parameter for `among`; the list is not empty."""

    def incoming(self, column: str) -> str:
        """The value an upsert wanted to insert."""
        return f"excluded.{column}"

    def keep(self, table: str, columns: Sequence[str], key: Sequence[str]) -> str:
        """Insert rows, leaving those whose key is there already."""
        return f"{insertion(table, columns)} ON CONFLICT ({', '.join(key)}) DO NOTHING"

    def upsert(
        self, table: str, columns: Sequence[str], key: Sequence[str], where: str = ""
    ) -> str:
        """Insert rows, replacing those whose key is there already (where the condition holds)."""
        changes = ", ".join(
            f"{name} = {self.incoming(name)}" for name in columns if name not in key
        )
        condition = f" WHERE {where}" if where else ""
        target = f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}{condition}"
        return f"{insertion(table, columns)} {target}"

    def next_id(self, sequence: str) -> str | None:
        """Expression for the next number of a sequence; None where the column counts by itself."""
        return None


def insertion(table: str, columns: Sequence[str]) -> str:
    """INSERT of one row."""
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - names of ours


FlavourMaker = Callable[[URL], Flavour]
