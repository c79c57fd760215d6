"""What differs from database to database, as one interface; everything else is written once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy.engine import URL, Engine

from .errors import Trouble
from .transaction import Row, Transaction
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


@dataclass(frozen=True, slots=True)
class Change:
    """A change of messages: of those whose ids `choose` selects, wanted back as `columns`."""

    choose: str
    chosen: Sequence[Any]
    sets: str
    values: Sequence[Any]
    columns: str


@dataclass(frozen=True, slots=True)
class KeyedTable:
    """A table: its columns with their kinds (`text`, `integer`, `bytea`), the key's first."""

    name: str
    columns: Mapping[str, str]
    key: Sequence[str]


class Flavour(ABC):
    """One kind of database."""

    name: ClassVar[str]
    placeholder: ClassVar[str] = "%s"
    has_sequences: bool = False
    has_partial_indexes: ClassVar[bool] = True
    #: Whether another store on the same URL would be another database.
    private: bool = False
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
    def begin(self, connection: Any, end: float) -> Transaction:
        """Begin a transaction that will write."""

    def commit(self, connection: Any, transaction: Transaction) -> None:
        """Commit; where the database can, tell other processes about the topics with it."""
        transaction.cursor.execute("COMMIT")

    @abstractmethod
    def trouble(self, error: BaseException) -> Trouble:
        """Say what a driver's error means."""

    def hint(self, trouble: Trouble) -> str:
        """Say what a person can do about it."""
        return ""

    @contextmanager
    def schema_lock(self, transaction: Transaction) -> Iterator[None]:
        """Let only one process at a time make the schema."""
        yield

    @abstractmethod
    def columns(self, transaction: Transaction, schema: str | None, table: str) -> set[str]:
        """Return the names of a table's columns; empty when there is no such table."""

    @abstractmethod
    def indexes(self, transaction: Transaction, table: str) -> set[str]:
        """Return the names of the indexes of one of our tables."""

    # -- statements

    def change_free(self, transaction: Transaction, change: Change) -> Sequence[Row]:
        """Change the chosen messages, but for those that others hold locked.

        Returns the columns as they are after the change, in no order.
        """
        sql = (
            f"UPDATE celeriac_message SET {change.sets} WHERE id IN ({change.choose})"  # noqa: S608
            f" RETURNING {change.columns}"
        )
        return transaction.rows(sql, (*change.values, *change.chosen))

    def insert_one(self, transaction: Transaction, sql: str, row: Sequence[Any]) -> int:
        """Insert a row; return the id it was given."""
        ((number,),) = transaction.rows(f"{sql} RETURNING id", row)
        return int(number)

    def insert_messages(
        self, transaction: Transaction, sql: str, rows: Sequence[Sequence[Any]]
    ) -> None:
        """Insert many messages; their ids grow in this order."""
        transaction.many(sql, rows)

    def bulk(self, transaction: Transaction, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run an INSERT for many rows, as this driver does it best."""
        transaction.many(sql, rows)

    def insert_missing(
        self, transaction: Transaction, table: KeyedTable, rows: Sequence[Row]
    ) -> set[Row]:
        """Insert the rows whose key is not there yet; return the keys of those that were not."""
        sql = self.keep(table.name, list(table.columns), table.key)
        return {row[: len(table.key)] for row in rows if transaction.run(sql, row) > 0}

    # -- values

    def moment(self, moment: datetime) -> Any:
        """Return a time as the parameter for a DateTime column of Celery's: naive, in UTC."""
        return moment.astimezone(UTC).replace(tzinfo=None)

    def read_moment(self, value: Any) -> datetime | None:
        """Return the aware time of such a column."""
        return value.replace(tzinfo=UTC) if isinstance(value, datetime) else None

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

    def touch(self, table: str, columns: Sequence[str], key: Sequence[str], changes: str) -> str:
        """Insert a row or, where its key is there, make these changes: either way lock it."""
        target = f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"
        return f"{insertion(table, columns)} {target}"

    def replace_record(self, table: str, columns: Sequence[str], cleared: Sequence[str]) -> str:
        """Upsert of a result, keeping `may_replace`: SUCCESS is final, ready yields to ready."""
        changes = [f"{name} = {self.incoming(name)}" for name in columns if name != "task_id"]
        changes += [f"{name} = NULL" for name in cleared]
        bare = table.rpartition(".")[2]
        return (
            f"{insertion(table, columns)} ON CONFLICT (task_id) DO UPDATE SET {', '.join(changes)}"
            f" WHERE {bare}.status NOT IN ('SUCCESS', 'FAILURE', 'REVOKED')"
            f" OR ({bare}.status <> 'SUCCESS'"
            " AND excluded.status IN ('SUCCESS', 'FAILURE', 'REVOKED'))"
        )

    def next_id(self, sequence: str) -> str | None:
        """Expression for the next number of a sequence; None where the column counts by itself."""
        return None


def insertion(table: str, columns: Sequence[str]) -> str:
    """INSERT of one row."""
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - names of ours


FlavourMaker = Callable[[URL], Flavour]
