"""One transaction of the store: constant statements, whole batches, what to announce afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

Row = tuple[Any, ...]


class Transaction:
    """Runs statements on a connection somebody else begins, commits and gives back.

    Statements mark parameters by `?` on every database and contain no other `?` and no `%`.
    """

    __slots__ = ("_adapt", "cursor", "topics")

    def __init__(self, connection: Any, placeholder: str) -> None:
        self.cursor = connection.cursor()
        self.topics: set[str] = set()
        self._adapt = _verbatim if placeholder == "?" else _formatted

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Execute; return how many rows were touched."""
        self._execute(self._adapt(sql), parameters)
        return int(self.cursor.rowcount)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> Sequence[Row]:
        """Execute; return all rows."""
        self._execute(self._adapt(sql), parameters)
        return self.cursor.fetchall()  # type: ignore[no-any-return]

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """Execute for each tuple of parameters; return how many rows were touched in all."""
        self.cursor.executemany(self._adapt(sql), rows)
        return int(self.cursor.rowcount)

    def announce(self, topic: str) -> None:
        """Wake those who wait for this topic, when the transaction is committed."""
        self.topics.add(topic)

    def _execute(self, sql: str, parameters: Sequence[Any]) -> None:
        self.cursor.execute(sql, parameters)


def _verbatim(sql: str) -> str:
    return sql


@lru_cache(maxsize=512)
def _formatted(sql: str) -> str:
    return sql.replace("?", "%s")
