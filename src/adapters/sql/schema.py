"""The tables, in one place, and how they come into being.

What must stay true: results have Celery's own layout (other columns are ours, nullable, and
ignored by Celery); many processes may start on an empty database at once; a store made by a newer
celeriac is refused, not guessed at. Times are unix milliseconds, but for Celery's `date_done`
and where a column says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    Sequence,
    SmallInteger,
    String,
    Table,
    text,
)
from sqlalchemy.schema import CreateIndex, CreateSequence, CreateTable, ExecutableDDLElement
from sqlalchemy.types import TypeEngine

from .types import Blob, LongText, Moment

VERSION: Final = 5
#: Tables that came to be otherwise in a version: what an older one made is made anew.
MADE_ANEW: Final[Mapping[str, int]] = {"celeriac_chord": 2, "celeriac_chord_part": 2}
#: Indexes of celeriac_message that came with a version: an older table is given them.
INDEXED_SINCE: Final[Mapping[str, int]] = {"celeriac_message_task": 5}

READY, CLAIMED, PARKED, DEAD = range(4)
#: Condition: it is in nobody's hands. An index stands on these very words.
WAITING: Final = f"state IN ({READY}, {PARKED})"

#: The fence of a message nobody holds. As wide as a real one, so that a claim overwrites the row
#: in place: SQLite rewrites a row whole, body and all, only when its size changes.
NOBODY: Final = -(1 << 40)
#: fence = owner's number << OWNER_SHIFT | the owner's count of claims.
OWNER_SHIFT: Final = 32

# MySQL would compare names and ids by a collation in which "A" is "a".
_BINARY: Final = {"mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
_NAME: Final = String(255)
# A task name, a queue or an id of Celery's tables.
_ID: Final = String(155)
_BLOB: Final = Blob()
_LONG: Final = LongText()
# SQLite counts by itself only what is exactly INTEGER PRIMARY KEY.
_SERIAL: Final[TypeEngine[int]] = BigInteger().with_variant(Integer(), "sqlite")
_MOMENT: Final = Moment()


@dataclass(frozen=True, slots=True)
class Names:
    """What Celery's two tables are called, and the schemas they are in."""

    task: str = "celery_taskmeta"
    group: str = "celery_tasksetmeta"
    task_schema: str | None = None
    group_schema: str | None = None

    @classmethod
    def of(cls, table_names: Mapping[str, str] | None, schemas: Mapping[str, str] | None) -> Names:
        """Read the settings `database_table_names` and `database_table_schemas`."""
        names, places = table_names or {}, schemas or {}
        return cls(
            names.get("task") or cls().task,
            names.get("group") or cls().group,
            places.get("task"),
            places.get("group"),
        )


class Schema:
    """All tables of one store. They are described when first asked for, which is to make them."""

    def __init__(self, names: Names, dialect: str) -> None:
        """Call Celery's tables by these names; be for this dialect, as SQLAlchemy calls it."""
        self.names, self.dialect = names, dialect
        self.task = _full(names.task_schema, names.task)
        self.group = _full(names.group_schema, names.group)

    @cached_property
    def metadata(self) -> MetaData:
        """The tables as SQLAlchemy has them."""
        metadata = MetaData()
        _messages(metadata, self.dialect)
        _results(metadata, self.names)
        _chords(metadata)
        _cluster(metadata)
        _ledger(metadata, self.dialect)
        for table in metadata.tables.values():
            table.dialect_kwargs.update(_for(self.dialect, **_BINARY))
        return metadata

    def table(self, name: str) -> Table:
        """Return one of our tables."""
        return self.metadata.tables[name]

    def indexes_since(self, version: int, *, partial: bool) -> Iterator[CreateIndex]:
        """What makes the indexes that a store of this version lacks; see `statements`."""
        message = self.table("celeriac_message")
        for index in _message_indexes(message, self.dialect, partial=partial):
            if version < INDEXED_SINCE.get(str(index.name), 0):
                yield CreateIndex(index)

    def statements(
        self, table: Table, *, sequences: bool, partial: bool
    ) -> Iterator[ExecutableDDLElement]:
        """What makes one table, its sequence and its indexes.

        `sequences` and `partial` tell whether the database has sequences and partial indexes.
        """
        default = table.c.id.default if "id" in table.c else None
        if sequences and isinstance(default, Sequence):
            yield CreateSequence(default, if_not_exists=True)
        yield CreateTable(table, if_not_exists=True)
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            yield CreateIndex(index)
        if table.name == "celeriac_message":
            indexes = _message_indexes(table, self.dialect, partial=partial)
            yield from map(CreateIndex, indexes)


def _messages(metadata: MetaData, dialect: str) -> None:
    Table(
        "celeriac_message",
        metadata,
        Column("id", _SERIAL, primary_key=True, autoincrement=True),
        Column("queue", _NAME, nullable=False),
        Column("state", SmallInteger, nullable=False),
        # Minus the priority: ascending order is the order of claims.
        Column("place", SmallInteger, nullable=False),
        Column("task_id", _NAME, nullable=False),
        Column("fence", BigInteger, nullable=False),
        Column("claims", Integer, nullable=False),
        Column("started", SmallInteger, nullable=False),
        Column("crashes", SmallInteger, nullable=False),
        Column("due", BigInteger),
        Column("head", _LONG, nullable=False),
        Column("body", _BLOB, nullable=False),
        Column("reason", String(64)),
        Column("detail", _LONG),
        Column("died_at", BigInteger),
        # Rows live shortly and are updated twice: leave them room, and sweep up often.
        **_for(
            dialect,
            postgresql_with={
                "fillfactor": 80,
                "autovacuum_vacuum_scale_factor": 0.01,
                "autovacuum_vacuum_threshold": 1000,
            },
        ),
    )
    Table(
        "celeriac_owner",
        metadata,
        Column("id", _SERIAL, primary_key=True, autoincrement=True),
        Column("node", _NAME, nullable=False),
        Column("lease", BigInteger, nullable=False),
        Column("expires", BigInteger, nullable=False),
        Column("lost", SmallInteger, nullable=False),
        # A number once given must never come again: it is what makes fences unique.
        **_for(dialect, sqlite_autoincrement=True),
    )
    Table(
        "celeriac_queue",
        metadata,
        Column("name", _NAME, primary_key=True),
        Column("paused", SmallInteger, nullable=False),
    )
    Table(
        "celeriac_binding",
        metadata,
        Column("exchange", _NAME, primary_key=True),
        Column("routing_key", _NAME, primary_key=True),
        Column("queue", _NAME, primary_key=True),
        Column("kind", String(16), nullable=False),
    )


def _results(metadata: MetaData, names: Names) -> None:
    Table(
        names.task,
        metadata,
        Column(
            "id",
            _SERIAL,
            Sequence("task_id_sequence", schema=names.task_schema),
            primary_key=True,
            autoincrement=True,
        ),
        Column("task_id", _ID, unique=True),
        Column("status", String(50)),
        Column("result", _BLOB),
        Column("date_done", _MOMENT, index=True),
        Column("traceback", _LONG),
        Column("children", _BLOB),
        Column("name", _ID),
        Column("args", _BLOB),
        Column("kwargs", _BLOB),
        Column("worker", _ID),
        Column("retries", Integer),
        Column("queue", _ID),
        Column("stamps", _BLOB),
        # Ours from here on.
        Column("group_id", _ID),
        Column("parent_id", _ID),
        Column("content_type", String(255)),
        schema=names.task_schema,
    )
    Table(
        names.group,
        metadata,
        Column(
            "id",
            _SERIAL,
            Sequence("taskset_id_sequence", schema=names.group_schema),
            primary_key=True,
            autoincrement=True,
        ),
        Column("taskset_id", _ID, unique=True),
        Column("result", _BLOB),
        Column("date_done", _MOMENT, index=True),
        schema=names.group_schema,
    )


def _chords(metadata: MetaData) -> None:
    Table(
        "celeriac_chord",
        metadata,
        Column("group_id", _ID, primary_key=True),
        # NULL: nobody has told yet.
        Column("size", Integer),
        Column("grown", Integer, nullable=False),
        Column("counted", Integer, nullable=False),
        # Its completion is published, and then its body is.
        Column("fired", SmallInteger, nullable=False),
        Column("closed", SmallInteger, nullable=False),
        # When it was last touched.
        Column("created", BigInteger, nullable=False),
    )
    Table(
        # What was added to a chord while it ran, by the id of what was added.
        "celeriac_chord_growth",
        metadata,
        Column("group_id", _ID, primary_key=True),
        Column("task_id", _ID, primary_key=True),
    )
    Table(
        "celeriac_chord_part",
        metadata,
        Column("group_id", _ID, primary_key=True),
        Column("task_id", _ID, primary_key=True),
        Column("position", Integer),
        Column("size", Integer),
        Column("status", String(50), nullable=False),
        Column("result", _BLOB),
        Column("content_type", String(255)),
        Column("content_encoding", String(64)),
    )


def _cluster(metadata: MetaData) -> None:
    """Tables of the bus, the coordinator and the schedule store."""
    Table("celeriac_schema", metadata, Column("version", Integer, primary_key=True))
    # One row a number that must grow in the order of commits; see bus_log.
    Table(
        "celeriac_counter",
        metadata,
        Column("name", _NAME, primary_key=True),
        Column("reached", BigInteger, nullable=False),
    )
    Table(
        "celeriac_bus",
        metadata,
        Column("id", _SERIAL, primary_key=True, autoincrement=False),
        Column("channel", _NAME, nullable=False),
        Column("body", _LONG, nullable=False),
        Column("said_at", BigInteger, nullable=False),
    )
    Table(
        "celeriac_lease",
        metadata,
        Column("name", _NAME, primary_key=True),
        Column("holder", _NAME, nullable=False),
        Column("fence", BigInteger, nullable=False),
        Column("expires", BigInteger, nullable=False),
    )
    Table(
        "celeriac_slot",
        metadata,
        Column("name", _NAME, primary_key=True),
        # The row without a holder is the door: whoever counts the slots of a name holds it locked.
        Column("holder", _NAME, primary_key=True),
        Column("expires", BigInteger, nullable=False),
    )
    Table(
        "celeriac_bucket",
        metadata,
        Column("name", _NAME, primary_key=True),
        Column("tokens", Double, nullable=False),
        # Microseconds: a fast bucket gains much in a millisecond.
        Column("filled_at", BigInteger, nullable=False),
    )
    Table(
        "celeriac_tick",
        metadata,
        Column("entry", _NAME, primary_key=True),
        # Microseconds, as exact as the datetimes they are made of.
        Column("due", BigInteger, nullable=False),
        Column("sent_at", BigInteger, nullable=False),
        Column("total", BigInteger, nullable=False),
        Column("schedule", _NAME),
        Column("published", SmallInteger),
    )


def _ledger(metadata: MetaData, dialect: str) -> None:
    """Tables of what was started, for brokers that do not keep it themselves."""
    Table(
        "celeriac_bookkeeper",
        metadata,
        Column("id", _SERIAL, primary_key=True, autoincrement=True),
        Column("node", _NAME, nullable=False),
        Column("lease", BigInteger, nullable=False),
        Column("expires", BigInteger, nullable=False),
        # As of owners: entries are named after their first one.
        **_for(dialect, sqlite_autoincrement=True),
    )
    Table(
        "celeriac_started",
        metadata,
        Column("entry", _NAME, primary_key=True),
        Column("owner", BigInteger, nullable=False, index=True),
        Column("task_id", _NAME, nullable=False, index=True),
        Column("queue", _NAME, nullable=False),
        Column("crashes", SmallInteger, nullable=False),
        Column("has_message", SmallInteger, nullable=False),
        Column("message", _BLOB, nullable=False),
    )


def _message_indexes(message: Table, dialect: str, *, partial: bool) -> list[Index]:
    """One index a state, and one of all that waits by its task: each is small, whatever others are.

    MySQL has no partial indexes; there the state is the first column, or the second.
    """
    c = message.c
    wanted: dict[str, tuple[str, tuple[Any, ...], tuple[Any, ...]]] = {
        "ready": (_is(READY), (c.queue, c.place, c.id), (c.queue, c.state, c.place, c.id)),
        "claimed": (_is(CLAIMED), (c.fence,), (c.state, c.fence)),
        "parked": (_is(PARKED), (c.due, c.queue), (c.state, c.due, c.queue)),
        "dead": (_is(DEAD), (c.queue, c.died_at), (c.state, c.queue, c.died_at)),
        "task": (WAITING, (c.task_id,), (c.task_id, c.state)),
    }
    made = []
    for name, (condition, some, full) in wanted.items():
        # A partial index is chosen only for a constant that stands in the index and in the query.
        where = text(condition)
        options = _for(dialect, sqlite_where=where, postgresql_where=where) if partial else {}
        # Kept out of the table's own indexes: which ones it has depends on the database.
        index = Index(f"celeriac_message_{name}", *(some if partial else full), **options)
        message.indexes.discard(index)
        made.append(index)
    return made


def _is(state: int) -> str:
    return f"state = {state}"


def _for(dialect: str, **options: Any) -> dict[str, Any]:
    """Return the options of this dialect.

    Those of others would do no harm, but to check them SQLAlchemy imports the whole dialect, which
    is 2 MiB or more in each process that has a store.
    """
    return {name: value for name, value in options.items() if name.startswith(f"{dialect}_")}


def _full(schema: str | None, name: str) -> str:
    return f"{schema}.{name}" if schema else name
