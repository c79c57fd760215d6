"""MariaDB and MySQL by PyMySQL: SKIP LOCKED, no RETURNING, no notifications.

READ COMMITTED, since the default level locks gaps between rows that claims and publishers meet in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, ClassVar, Final

from sqlalchemy import event
from sqlalchemy.engine import Engine

from ...domain.errors import ImproperlyConfigured
from .errors import Trouble, ValueRefused
from .flavour import Change, Connections, KeyedTable, insertion
from .pooled import PooledConnections
from .server import ServerFlavour
from .transaction import Row, Transaction
from .wakeup import PolledWakeups, Wakeups

_LOCK: Final = "celeriac_schema"
# Bytes of one statement, far below the smallest usual max_allowed_packet (16 MiB).
_STATEMENT: Final = 4 << 20
_ROWS: Final = 500
# What surrounds the values of one row, generously.
_ENVELOPE: Final = 4096

_CONFLICT: Final = (1213, 1020)
_LOST: Final = (2002, 2003, 2006, 2013, 2014, 2055, 1040, 1053, 1077, 1079, 1927, 4031, 0)
_LATE: Final = (1205, 3024, 1969, 1317)
_FULL: Final = (1021, 1114)
_READ_ONLY: Final = (1290, 1792, 1836, 1142)
_NO_TABLE: Final = (1146, 1054)
_REFUSED: Final = (1153, 1406, 1366, 1264, 1292)


class MysqlFlavour(ServerFlavour):
    """MariaDB 10.6 or newer, MySQL 8.0 or newer."""

    name: ClassVar[str] = "mysql"
    has_partial_indexes: ClassVar[bool] = False
    server_time: ClassVar[str | None] = "SELECT UNIX_TIMESTAMP(NOW(6))"
    arguments: ClassVar[Mapping[str, Any]] = {"charset": "utf8mb4", "autocommit": True}
    schema_or_own: ClassVar[str] = "coalesce(?, database())"
    indexes_of: ClassVar[str] = (
        "SELECT index_name FROM information_schema.statistics"
        " WHERE table_schema = database() AND table_name = ?"
    )

    _packet: int = 1 << 24

    def prepare(self, connection: Any, _record: Any) -> None:
        """Look at the version, set what the session needs, ask for the longest packet."""
        version = connection.get_server_info()
        self.has_sequences = "mariadb" in version.lower()
        _check_version(version)
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
            cursor.execute("SET SESSION innodb_lock_wait_timeout = 5")
            cursor.execute("SELECT @@max_allowed_packet")
            self._packet = int(cursor.fetchone()[0])
        # From here on the watchman limits what is waited for; the handshake was limited before.
        connection._read_timeout = None

    def connections(self, engine: Engine) -> Connections:
        """Pool them."""
        pooled = PooledConnections(
            engine,
            # PyMySQL has no public way to its socket.
            number=lambda connection: connection._sock.fileno(),
            sound=_is_sound,
        )
        # After the pool's own listener: that says how long connecting may take.
        event.listen(engine, "do_connect", _limit_handshake)
        return pooled

    def wakeups(self, connections: Connections, engine: Engine) -> Wakeups:
        """Let waiters look for themselves: the question they ask is the cheapest there is."""
        return PolledWakeups(None, fast=0.002, slow=0.1)

    def begin(self, connection: Any, end: float) -> Transaction:
        """Begin."""
        transaction = Transaction(connection, self.placeholder)
        transaction.cursor.execute("START TRANSACTION")
        return transaction

    def trouble(self, error: BaseException) -> Trouble:
        """Read the server's or the client's error number."""
        code = error.args[0] if error.args and isinstance(error.args[0], int) else None
        for codes, trouble in _TROUBLES:
            if code in codes:
                return trouble
        if isinstance(error, OSError) or (code is None and "closed" in str(error)):
            return Trouble.LOST
        return Trouble.OTHER

    def hint(self, trouble: Trouble) -> str:
        """Name the server's setting."""
        if trouble is Trouble.REFUSED:
            return "a value is longer than the server takes: see its max_allowed_packet"
        return ""

    @contextmanager
    def schema_lock(self, transaction: Transaction) -> Iterator[None]:
        """Lock by name: here each CREATE commits what was begun."""
        ((got,),) = transaction.rows("SELECT GET_LOCK(?, 30)", (_LOCK,))
        if got != 1:
            raise TimeoutError("another process is making the tables and does not come to an end")
        try:
            yield
        finally:
            transaction.rows("SELECT RELEASE_LOCK(?)", (_LOCK,))

    def change_free(self, transaction: Transaction, change: Change) -> Sequence[Row]:
        """Lock, change, read: an UPDATE returns nothing here."""
        free = transaction.rows(f"{change.choose} FOR UPDATE SKIP LOCKED", change.chosen)
        ids = [row[0] for row in free]
        if not ids:
            return ()
        transaction.run(
            f"UPDATE celeriac_message SET {change.sets} WHERE id IN ?",  # noqa: S608 - text of ours
            (*change.values, ids),
        )
        return transaction.rows(
            f"SELECT {change.columns} FROM celeriac_message WHERE id IN ?",  # noqa: S608 - text of ours
            (ids,),
        )

    def insert_one(self, transaction: Transaction, sql: str, row: Sequence[Any]) -> int:
        """Ask for the number the connection remembers."""
        transaction.run(sql, row)
        return int(transaction.cursor.lastrowid)

    def insert_messages(
        self, transaction: Transaction, sql: str, rows: Sequence[Sequence[Any]]
    ) -> None:
        """Insert many rows a statement."""
        self.bulk(transaction, sql, rows)

    def bulk(self, transaction: Transaction, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Insert many rows a statement, each statement of a size that servers take."""
        for row in rows:
            self._check_size(transaction, row)
        for some in _pieces(rows):
            values = [value for row in some for value in row]
            transaction.run(_for_many(sql, len(some)), values)

    def insert_missing(
        self, transaction: Transaction, table: KeyedTable, rows: Sequence[Row]
    ) -> set[Row]:
        """Look first, since an INSERT tells of no row what became of it: the caller has a lock."""
        names, width = ", ".join(table.key), len(table.key)
        sql = f"SELECT {names} FROM {table.name} WHERE ({names}) IN ?"  # noqa: S608 - names of ours
        known: set[Row] = set()
        for begin in range(0, len(rows), _ROWS):
            some = [row[:width] for row in rows[begin : begin + _ROWS]]
            known.update(transaction.rows(sql, (some,)))
        missing = [row for row in rows if row[:width] not in known]
        if missing:
            self.bulk(transaction, insertion(table.name, list(table.columns)), missing)
        return {row[:width] for row in missing}

    def among(self, column: str, kind: str = "text") -> str:
        """A list, which PyMySQL writes with its parentheses."""
        return f"{column} IN ?"

    def incoming(self, column: str) -> str:
        """The value an upsert wanted to insert."""
        return f"VALUES({column})"

    def keep(self, table: str, columns: Sequence[str], key: Sequence[str]) -> str:
        """Leave what is there, and do not count it."""
        return insertion(table, columns).replace("INSERT", "INSERT IGNORE", 1)

    def upsert(
        self, table: str, columns: Sequence[str], key: Sequence[str], where: str = ""
    ) -> str:
        """Replace what is there. A condition may not name columns that change."""
        changes = [
            f"{name} = IF({where}, VALUES({name}), {name})" if where else f"{name} = VALUES({name})"
            for name in columns
            if name not in key
        ]
        return f"{insertion(table, columns)} ON DUPLICATE KEY UPDATE {', '.join(changes)}"

    def touch(self, table: str, columns: Sequence[str], key: Sequence[str], changes: str) -> str:
        """Insert a row, or make changes to it."""
        return f"{insertion(table, columns)} ON DUPLICATE KEY UPDATE {changes}"

    def replace_record(self, table: str, columns: Sequence[str], cleared: Sequence[str]) -> str:
        """Upsert of a result. The state goes last: the condition of the others reads it."""
        allowed = (
            "status NOT IN ('SUCCESS', 'FAILURE', 'REVOKED') OR (status <> 'SUCCESS'"
            " AND VALUES(status) IN ('SUCCESS', 'FAILURE', 'REVOKED'))"
        )
        changed = [name for name in columns if name not in ("task_id", "status")]
        changes = [f"{name} = IF({allowed}, VALUES({name}), {name})" for name in changed]
        changes += [f"{name} = IF({allowed}, NULL, {name})" for name in cleared]
        changes.append(f"status = IF({allowed}, VALUES(status), status)")
        return f"{insertion(table, columns)} ON DUPLICATE KEY UPDATE {', '.join(changes)}"

    def next_id(self, sequence: str) -> str | None:
        """MariaDB has sequences, and there Celery numbers its rows from this one."""
        return f"nextval({sequence})" if self.has_sequences else None

    def _check_size(self, transaction: Transaction, row: Sequence[Any]) -> None:
        # A larger packet is answered by cutting the connection, which looks like a lost server.
        large = [value for value in row if isinstance(value, bytes | str)]
        if sum(map(len, large)) * 2 + _ENVELOPE < self._packet:
            return
        written = sum(len(transaction.cursor.mogrify("%s", (value,))) for value in large)
        if written + _ENVELOPE >= self._packet:
            raise ValueRefused(
                f"{written} bytes are more than one statement may have on this server "
                f"(max_allowed_packet={self._packet}); store the data elsewhere and pass on where "
                "it is, or raise max_allowed_packet"
            )


_TROUBLES: Final = (
    (_CONFLICT, Trouble.CONFLICT),
    (_LOST, Trouble.LOST),
    (_LATE, Trouble.LATE),
    (_FULL, Trouble.FULL),
    (_READ_ONLY, Trouble.READ_ONLY),
    (_NO_TABLE, Trouble.NO_TABLE),
    (_REFUSED, Trouble.REFUSED),
)


def _limit_handshake(_dialect: Any, _record: Any, _args: Any, options: Any) -> None:
    options.setdefault("read_timeout", options.get("connect_timeout", 5))


def _check_version(version: str) -> None:
    bare = version.removeprefix("5.5.5-")
    numbers = tuple(int(part) for part in bare.split("-")[0].split(".")[:2] if part.isdecimal())
    least, kind = ((10, 6), "MariaDB 10.6") if "mariadb" in version.lower() else ((8, 0), "MySQL 8")
    if numbers < least:
        raise ImproperlyConfigured(
            f"this server is {version}, which cannot pass over locked rows (SKIP LOCKED); "
            f"{kind} or newer can"
        )


def _is_sound(connection: Any) -> bool:
    # Bit 0 of the last packet's status: a transaction is open.
    return bool(connection.open) and not connection.server_status & 1


def _pieces(rows: Sequence[Sequence[Any]]) -> Iterator[Sequence[Sequence[Any]]]:
    first, size = 0, 0
    for position, row in enumerate(rows):
        width = sum(len(value) for value in row if isinstance(value, bytes | str)) + 64
        if position > first and (size + width > _STATEMENT or position - first >= _ROWS):
            yield rows[first:position]
            first, size = position, 0
        size += width
    if first < len(rows):
        yield rows[first:]


@lru_cache(maxsize=1024)
def _for_many(sql: str, number: int) -> str:
    head, _, rest = sql.partition(" VALUES (")
    values, tail = _closed(rest)
    return f"{head} VALUES {', '.join([f'({values})'] * number)}{tail}"


def _closed(text: str) -> tuple[str, str]:
    """Split after the parenthesis that closes what was opened just before the text."""
    depth = 1
    for position, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return text[:position], text[position + 1 :]
    raise ValueError(f"no closing parenthesis in {text!r}")
