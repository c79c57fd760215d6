"""Making the schema: looked at by reading first, made by one process at a time.

Reading first matters: a caller may hold a transaction of its own on the same file, which a write
of ours would wait for in vain.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Table
from sqlalchemy.engine import Engine
from sqlalchemy.schema import CreateColumn

from ...domain.errors import ImproperlyConfigured
from .flavour import Flavour
from .schema import MADE_ANEW, VERSION, Schema
from .transaction import Transaction

_LOOK: Final = "SELECT version FROM celeriac_schema"


def is_current(transaction: Transaction, schema: Schema) -> bool:
    """Tell whether all is there. Raises ImproperlyConfigured when it is newer than this code."""
    task, group = schema.task, schema.group
    try:
        versions = transaction.rows(_LOOK)
        transaction.rows(f"SELECT content_type FROM {task} WHERE 1 = 0")  # noqa: S608 - names of ours
        transaction.rows(f"SELECT id FROM {group} WHERE 1 = 0")  # noqa: S608 - names of ours
    except Exception as error:
        if _is_missing(error):
            return False
        raise
    found = max((row[0] for row in versions), default=0)
    if found > VERSION:
        raise ImproperlyConfigured(
            f"the tables were made by a newer celeriac (schema version {found}, this one knows "
            f"{VERSION}); upgrade celeriac here"
        )
    return bool(found == VERSION)


def set_up(transaction: Transaction, schema: Schema, flavour: Flavour, engine: Engine) -> None:
    """Make what is missing."""
    with flavour.schema_lock(transaction):
        found = _version(transaction, flavour)
        _drop_outgrown(transaction, found)
        _add_indexes(transaction, schema, flavour, engine, found)
        for table in schema.metadata.sorted_tables:
            _complete(transaction, schema, table, flavour, engine)
        sql = flavour.keep("celeriac_schema", ["version"], ["version"])
        transaction.run(sql, (VERSION,))


def _version(transaction: Transaction, flavour: Flavour) -> int:
    """Return the version of what is there; the present one where nothing is."""
    if not flavour.columns(transaction, None, "celeriac_schema"):
        return VERSION
    return max((row[0] for row in transaction.rows(_LOOK)), default=VERSION)


def _drop_outgrown(transaction: Transaction, found: int) -> None:
    for table, version in MADE_ANEW.items():
        if found < version:
            transaction.run(f"DROP TABLE IF EXISTS {table}")


def _add_indexes(
    transaction: Transaction, schema: Schema, flavour: Flavour, engine: Engine, found: int
) -> None:
    missing = list(schema.indexes_since(found, partial=flavour.has_partial_indexes))
    # Where each step commits itself, an attempt that failed may have come as far as this.
    there = flavour.indexes(transaction, "celeriac_message") if missing else set()
    for step in missing:
        if there and str(step.element.name) not in there:
            transaction.run(_text(step, engine))


def _complete(
    transaction: Transaction, schema: Schema, table: Table, flavour: Flavour, engine: Engine
) -> None:
    there = flavour.columns(transaction, table.schema, table.name)
    if there:
        _add_columns(transaction, table, there, engine)
        return
    steps = schema.statements(
        table, sequences=flavour.has_sequences, partial=flavour.has_partial_indexes
    )
    for step in steps:
        transaction.run(_text(step, engine))


def _add_columns(transaction: Transaction, table: Table, there: set[str], engine: Engine) -> None:
    # A table that Celery made lacks what only its newer releases, or we, use.
    for column in table.columns:
        if column.name not in there:
            transaction.run(f"ALTER TABLE {table} ADD COLUMN {_text(CreateColumn(column), engine)}")


def _text(step: Any, engine: Engine) -> str:
    return str(step.compile(dialect=engine.dialect)).strip()


def _is_missing(error: Exception) -> bool:
    code = getattr(error, "sqlstate", None) or (error.args[0] if error.args else None)
    text = str(error)
    return (
        code in ("42P01", "42703", "3F000", "42S02", "42S22", 1146, 1054)
        or "no such table" in text
        or "no such column" in text
    )
