"""What databases behind a server share: pooled connections in autocommit, and a catalogue."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine

from .flavour import Flavour
from .transaction import Transaction

_POOL: Final = {"pool_size": 5, "max_overflow": 15, "pool_timeout": 5.0, "pool_recycle": 3600}


class ServerFlavour(Flavour):
    """A database that many processes reach over a network."""

    #: What the driver is told where `connect_args` says nothing else.
    arguments: ClassVar[Mapping[str, Any]]
    #: The schema that is bound, or the connection's own where that is NULL.
    schema_or_own: ClassVar[str]
    #: Asks for the names of the indexes of one of our tables.
    indexes_of: ClassVar[str]

    def engine(self, options: Mapping[str, Any]) -> Engine:
        """Make an engine whose connections are in autocommit: we begin and commit by statement."""
        # A dead connection is found by using it, and replaced: no question before each use.
        given = {key: value for key, value in options.items() if key != "pool_pre_ping"}
        arguments = {**self.arguments, **given.pop("connect_args", {})}
        merged = _POOL | given | {"pool_reset_on_return": None, "connect_args": arguments}
        engine = create_engine(self.url, **merged)
        event.listen(engine, "connect", self.prepare)
        return engine

    @abstractmethod
    def prepare(self, connection: Any, _record: Any) -> None:
        """Make a new connection as we want it."""

    def columns(self, transaction: Transaction, schema: str | None, table: str) -> set[str]:
        """Ask the catalogue."""
        rows = transaction.rows(
            "SELECT column_name FROM information_schema.columns"  # noqa: S608 - text of ours
            f" WHERE table_schema = {self.schema_or_own} AND table_name = ?",
            (schema, table),
        )
        return {row[0] for row in rows}

    def indexes(self, transaction: Transaction, table: str) -> set[str]:
        """Ask the catalogue."""
        return {row[0] for row in transaction.rows(self.indexes_of, (table,))}

    def listed(self, values: Sequence[Any]) -> Any:
        """Return the list, which drivers of servers bind as it is."""
        return list(values)
