"""PostgreSQL by psycopg 3: SKIP LOCKED, RETURNING, LISTEN and NOTIFY."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, ClassVar, Final

from sqlalchemy.engine import URL, Engine

from .envelope import WRITTEN
from .errors import Trouble
from .flavour import Change, Connections, KeyedTable
from .pooled import PooledConnections
from .schema import NOBODY
from .server import ServerFlavour
from .transaction import Row, Transaction
from .wakeup import Listener, ToldWakeups, Wakeups

# Any number will do, as long as nobody else locks by it: "celeriac" in a telephone's letters.
_SCHEMA_LOCK: Final = 23537422
_CHANNEL: Final = "celeriac_"
_TYPES: Final = ("text", "smallint", "smallint", "text", "bigint", "text", "bytea")

_CONFLICT: Final = ("40P01", "40001")
_FULL: Final = ("53100",)
_READ_ONLY: Final = ("25006", "42501")
_NO_TABLE: Final = ("42P01", "42703", "3F000")
_LATE: Final = ("57014", "55P03")


class PostgresqlFlavour(ServerFlavour):
    """PostgreSQL 11 or newer."""

    name: ClassVar[str] = "postgresql"
    has_sequences: bool = True
    server_time: ClassVar[str | None] = "SELECT extract(epoch FROM clock_timestamp())"
    arguments: ClassVar[Mapping[str, Any]] = {
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "application_name": "celeriac",
    }
    schema_or_own: ClassVar[str] = "coalesce(?::text, current_schema())"
    indexes_of: ClassVar[str] = (
        "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND tablename = ?"
    )

    def __init__(self, url: URL) -> None:
        super().__init__(url)
        self._listens = url.get_driver_name() == "psycopg"

    def prepare(self, connection: Any, _record: Any) -> None:
        """Put it into autocommit."""
        connection.autocommit = True

    def connections(self, engine: Engine) -> Connections:
        """Pool them."""
        return PooledConnections(
            engine, number=lambda connection: connection.fileno(), sound=_is_sound
        )

    def wakeups(self, connections: Connections, engine: Engine) -> Wakeups:
        """Listen."""
        return ToldWakeups(_Notifications(engine))

    def begin(self, connection: Any, end: float) -> Transaction:
        """Begin with the first statement."""
        return _LateTransaction(connection, self.placeholder)

    def commit(self, connection: Any, transaction: Transaction) -> None:
        """NOTIFY is part of the transaction, and goes to the server with the COMMIT."""
        with connection.pipeline():
            for topic in sorted(transaction.topics):
                connection.execute("SELECT pg_notify(%s, '')", (_CHANNEL + topic,))
            connection.execute("COMMIT")

    def trouble(self, error: BaseException) -> Trouble:
        """Read the SQLSTATE; without one, the connection was never made or is gone."""
        state = getattr(error, "sqlstate", None)
        match state:
            case None if "timeout" in str(error) or "timed out" in str(error):
                return Trouble.LATE
            case None if type(error).__name__ == "DataError":
                return Trouble.REFUSED
            case None:
                return Trouble.LOST if _is_operational(error) else Trouble.OTHER
            case _ if state in _CONFLICT:
                return Trouble.CONFLICT
            case _ if state in _FULL:
                return Trouble.FULL
            case _ if state in _READ_ONLY:
                return Trouble.READ_ONLY
            case _ if state in _NO_TABLE:
                return Trouble.NO_TABLE
            case _ if state in _LATE:
                return Trouble.LATE
            case _ if state[:2] in ("08", "57"):
                return Trouble.LOST
            case _ if state[:2] in ("22", "54"):
                return Trouble.REFUSED
            case _:
                return Trouble.OTHER

    @contextmanager
    def schema_lock(self, transaction: Transaction) -> Iterator[None]:
        """Lock until the commit."""
        transaction.run("SELECT pg_advisory_xact_lock(?)", (_SCHEMA_LOCK,))
        yield

    def change_free(self, transaction: Transaction, change: Change) -> Sequence[Row]:
        """Lock what is free first, and once: a subquery may be run more often than it stands."""
        sql = (
            f"WITH chosen AS MATERIALIZED ({change.choose} FOR UPDATE SKIP LOCKED)"  # noqa: S608
            f" UPDATE celeriac_message SET {change.sets} WHERE id IN (SELECT id FROM chosen)"
            f" RETURNING {change.columns}"
        )
        return transaction.rows(sql, (*change.chosen, *change.values))

    def insert_messages(
        self, transaction: Transaction, sql: str, rows: Sequence[Sequence[Any]]
    ) -> None:
        """Insert them by one statement of arrays, whatever their number."""
        if len(rows) == 1:
            transaction.run(sql, rows[0])
        else:
            transaction.run(_INSERT_MANY, [list(column) for column in zip(*rows, strict=True)])

    def insert_missing(
        self, transaction: Transaction, table: KeyedTable, rows: Sequence[Row]
    ) -> set[Row]:
        """Insert by one statement of arrays, which answers by the keys it inserted."""
        arrays = ", ".join(f"?::{kind}[]" for kind in table.columns.values())
        keys = ", ".join(table.key)
        found = transaction.rows(
            f"INSERT INTO {table.name} ({', '.join(table.columns)}) SELECT * FROM unnest({arrays})"  # noqa: S608
            f" ON CONFLICT ({keys}) DO NOTHING RETURNING {keys}",
            [list(column) for column in zip(*rows, strict=True)],
        )
        return set(found)

    def among(self, column: str, kind: str = "text") -> str:
        """An array."""
        return f"{column} = ANY(?::{kind}[])"

    def next_id(self, sequence: str) -> str | None:
        """Celery numbers its rows from this sequence, also in tables it made itself."""
        return f"nextval('{sequence}')"


class _LateTransaction(Transaction):
    """Sends BEGIN in one packet with its first statement: a round trip less for each."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Any, placeholder: str) -> None:
        super().__init__(connection, placeholder)
        self._connection = connection

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """See Transaction.many; here the driver makes packets of its own."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.execute("BEGIN")
        return super().many(sql, rows)

    def _execute(self, sql: str, parameters: Sequence[Any]) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            self.cursor.execute(sql, parameters)
        else:
            with connection.pipeline():
                connection.execute("BEGIN")
                self.cursor.execute(sql, parameters)


class _Notifications(Listener):
    """LISTEN on a connection that does nothing else."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._hear, self._say = os.pipe()
        os.set_blocking(self._hear, False)

    def listen(
        self,
        topics: Iterable[str],
        told: Callable[[Iterable[str] | None], None],
        stopped: Callable[[], bool],
    ) -> None:
        """See Listener.listen."""
        # The line is cut whenever the server is away: the caller tries again.
        with suppress(Exception):
            borrowed = self._engine.raw_connection()
            connection: Any = borrowed.dbapi_connection
            borrowed.detach()
            try:
                for topic in sorted(topics):
                    connection.execute(f'LISTEN "{_CHANNEL}{topic}"')
                told(None)
                while not stopped():
                    self._hear_once(connection, told)
            finally:
                connection.close()

    def interrupt(self) -> None:
        """Write to the pipe that `listen` watches too."""
        with suppress(OSError):
            os.write(self._say, b"!")

    def close(self) -> None:
        """Close the pipe."""
        for end in (self._hear, self._say):
            with suppress(OSError):
                os.close(end)

    def _hear_once(self, connection: Any, told: Callable[[Iterable[str] | None], None]) -> None:
        ready, _, _ = select.select([connection.fileno(), self._hear], [], [], 30.0)
        if self._hear in ready:
            with suppress(BlockingIOError):
                os.read(self._hear, 4096)
        if connection.fileno() in ready:
            heard = connection.notifies(timeout=0)
            topics = {notice.channel.removeprefix(_CHANNEL) for notice in heard}
            if topics:
                told(topics)
            elif connection.closed:
                raise ConnectionError("the server closed the connection")


_INSERT_MANY: Final = (
    f"INSERT INTO celeriac_message ({', '.join(WRITTEN)}, fence, claims, started, crashes)"  # noqa: S608
    f" SELECT {', '.join(WRITTEN)}, {NOBODY}, 0, 0, 0 FROM unnest("
    + ", ".join(f"?::{kind}[]" for kind in _TYPES)
    + f") WITH ORDINALITY AS sent({', '.join(WRITTEN)}, turn) ORDER BY turn"
)


def _is_sound(connection: Any) -> bool:
    # 0 is psycopg's IDLE: alive, and outside of any transaction.
    return not connection.closed and int(connection.info.transaction_status) == 0


def _is_operational(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return True
    return any(
        kind.__name__ in ("OperationalError", "InterfaceError") for kind in type(error).__mro__
    )
