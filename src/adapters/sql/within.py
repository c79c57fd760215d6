"""Publishing in a transaction of the caller's: the messages are there if and when it commits.

The caller's connection may use any driver of the same database, so what is said on it is said
through SQLAlchemy, and nothing is committed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.engine import Connection

from ...domain.errors import NotSupported
from ...domain.messaging.message import TaskMessage
from ...domain.messaging.queues import Binding, Exchange
from .engine import SqlStore
from .envelope import WRITTEN, row_of
from .routes import route
from .schema import NOBODY
from .schema_setup import is_current, set_up
from .transaction import Transaction
from .urls import masked


def publish_within(store: SqlStore, messages: Sequence[TaskMessage], within: object) -> None:
    """Insert messages on the caller's connection. Raises NotSupported where it cannot serve."""
    connection = _connection(within, store)
    if store.dialect == "sqlite":
        _open_by(connection, store)
    else:
        store.open()
    bindings = _bindings(connection, store) if any(one.exchange for one in messages) else ()
    now = store.now_ms()
    rows = [
        _named(row_of(message, queue, now))
        for message in messages
        for queue in route(message, bindings)
    ]
    connection.execute(insert(store.schema.table("celeriac_message")), rows)
    if store.dialect == "postgresql":
        # Heard by listeners at the commit, and only then.
        connection.execute(text("SELECT pg_notify('celeriac_message', '')"))


def _open_by(connection: Connection, store: SqlStore) -> None:
    # The caller's transaction may keep the whole file locked, so that a connection of ours would
    # wait for it in vain: what is missing is made on the caller's.
    if not store.is_open:
        theirs = Transaction(connection.connection.dbapi_connection, "?")
        if not is_current(theirs, store.schema):
            set_up(theirs, store.schema, store.flavour, store.engine())


def _bindings(connection: Connection, store: SqlStore) -> list[Binding]:
    c = store.schema.table("celeriac_binding").c
    rows = connection.execute(select(c.exchange, c.kind, c.routing_key, c.queue))
    return [Binding(Exchange(name, kind), key, queue) for name, kind, key, queue in rows]


def _named(row: tuple[Any, ...]) -> dict[str, Any]:
    fixed = {"fence": NOBODY, "claims": 0, "started": 0, "crashes": 0}
    return dict(zip(WRITTEN, row, strict=True)) | fixed


def _connection(within: object, store: SqlStore) -> Connection:
    # The synchronous face of SQLAlchemy's asynchronous sessions and connections.
    plain = getattr(within, "sync_session", None) or getattr(within, "sync_connection", within)
    # A session is known by its method: its class would cost every process the import of the ORM.
    of_session = getattr(plain, "connection", None)
    connection = of_session() if callable(of_session) else plain
    if not isinstance(connection, Connection):
        given = type(within).__name__
        raise NotSupported(f"connection= must be a SQLAlchemy connection or session, not {given}")
    theirs = "mysql" if connection.dialect.name == "mariadb" else connection.dialect.name
    if theirs != store.dialect or not _same_database(connection, store):
        given = masked(connection.engine.url)
        raise NotSupported(
            f"the transaction given is on {given}, but the broker is {store.url}: "
            "only a transaction on the broker's own database can carry its messages"
        )
    return connection


def _same_database(connection: Connection, store: SqlStore) -> bool:
    """Tell whether both lead to the same database, as far as their URLs say.

    The same server may have many names, so that only the database's is compared.
    """
    theirs, ours = connection.engine.url.database, store.flavour.url.database
    if not theirs or not ours:
        return True
    return _file(theirs) == _file(ours) if store.dialect == "sqlite" else theirs == ours


def _file(database: str) -> str:
    return os.path.realpath(database.removeprefix("file:").partition("?")[0])
