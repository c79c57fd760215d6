"""Schemas and databases of a test's own on a server, and those that tests leave to each other.

Making the tables costs more than most tests: a room with its tables is emptied and lent again.
"""

from __future__ import annotations

import secrets
from typing import ClassVar

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

#: The table that tells which tables there are: it stays as it is.
VERSION = "celeriac_schema"


class Room:
    """Somewhere to make tables that nobody else knows."""

    #: Statements, where {0} is the room's name and {1} a table's.
    made: ClassVar[tuple[str, ...]]
    dropped: ClassVar[str]
    tables: ClassVar[str]
    emptied: ClassVar[str] = "DELETE FROM {0}.{1}"
    #: Nobody may make emptying wait for long: a test that left a transaction open loses its room.
    hurried: ClassVar[str]

    def __init__(self, url):
        self.name = f"test_{secrets.token_hex(6)}"
        self._admin = create_engine(url)
        self._run(*self.made)
        self.url = self.within(make_url(url)).render_as_string(hide_password=False)

    def within(self, url):
        """Return the URL of the room on the server at `url`."""
        raise NotImplementedError

    def empty(self):
        """Remove all rows; tell whether that could be done."""
        try:
            with self._admin.begin() as connection:
                connection.execute(text(self.hurried))
                found = connection.execute(text(self.tables.format(self.name))).scalars()
                for table in sorted(set(found) - {VERSION}):
                    connection.execute(text(self.emptied.format(self.name, table)))
        except SQLAlchemyError:
            return False
        return True

    def drop(self):
        """Remove the room and all in it."""
        self._run(self.dropped)
        self._admin.dispose()

    def _run(self, *statements):
        with self._admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for statement in statements:
                connection.execute(text(statement.format(self.name)))


class Rooms:
    """Lends rooms; those that came back are emptied and lent before new ones are made."""

    def __init__(self):
        self._spare = {}

    def lend(self, kind, url):
        """Give an empty room on the server at `url`, which may have its tables already."""
        spare = self._spare.get(kind)
        return spare.pop() if spare else kind(url)

    def take_back(self, room):
        """Empty a room for the next test."""
        if room.empty():
            self._spare.setdefault(type(room), []).append(room)
        else:
            room.drop()

    def close(self):
        """Remove all of them."""
        for room in [room for spare in self._spare.values() for room in spare]:
            room.drop()
        self._spare.clear()
