"""Records and groups as rows of Celery's two tables.

What must stay true: `result` holds the encoded value alone, in the serializer the reader is
configured for; what is encoded otherwise says so in a column of ours. Pickles that Celery wrote
are known by their first byte. `may_replace` is kept by the database, within the upsert.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

from ...domain.errors import CeleriacError
from ...domain.messaging.payload import Codec, Payload
from ...domain.tasks.result_record import Extended, GroupRecord, ResultRecord
from .flavour import Flavour
from .schema import Schema
from .transaction import Row, Transaction

PICKLE: Final = "application/x-python-serialize"
_PICKLED: Final = b"\x80"

_PLAIN: Final = (
    "task_id", "status", "result", "date_done", "traceback", "children", "group_id", "parent_id",
    "content_type",
)  # fmt: skip
_EXTENDED: Final = ("name", "args", "kwargs", "worker", "retries", "queue", "stamps")
COLUMNS: Final = ", ".join((*_PLAIN, *_EXTENDED))

READY: Final = "('SUCCESS', 'FAILURE', 'REVOKED')"


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the values around a result (children, groups, stamps) become bytes.

    `content_type` and `content_encoding` are those of `result_serializer`. Without a codec it is
    JSON whatever the serializer, which celeriac reads and Celery reads if it uses JSON.
    """

    content_type: str = "application/json"
    content_encoding: str = "utf-8"
    codec: Codec | None = None

    def write(self, value: Any) -> bytes:
        """Encode data of our own."""
        if self.codec is not None:
            return self.codec.encode(value).data
        return json.dumps(value, separators=(",", ":")).encode()

    def read(self, data: bytes) -> Any:
        """Decode what `write` or Celery wrote; None where it cannot be read."""
        with suppress(ValueError, CeleriacError):
            if self.codec is not None:
                return self.codec.decode(self.payload(data, None))
            return json.loads(data)
        return None

    def payload(self, data: bytes, marked: str | None) -> Payload:
        """Return stored bytes with the content type they are in."""
        if marked is not None:
            content_type, _, encoding = marked.partition(" ")
            return Payload(data, content_type, encoding)
        if data[:1] == _PICKLED and self.content_encoding != "binary":
            return Payload(data, PICKLE, "binary")
        return Payload(data, self.content_type, self.content_encoding)

    def mark(self, payload: Payload | None) -> str | None:
        """Return what to note beside a payload: nothing, where a reader would guess right."""
        if payload is None or (
            payload.content_type == self.content_type
            and payload.content_encoding == self.content_encoding
        ):
            return None
        return f"{payload.content_type} {payload.content_encoding}"


class RecordTable:
    """Statements on Celery's two tables, for one flavour of database."""

    def __init__(self, schema: Schema, flavour: Flavour, encoding: Encoding) -> None:
        self._flavour = flavour
        self._encoding = encoding
        self.task, self.group = schema.task, schema.group
        sequence = f"{schema.names.task_schema}." if schema.names.task_schema else ""
        self._task_id = flavour.next_id(f"{sequence}task_id_sequence")
        sequence = f"{schema.names.group_schema}." if schema.names.group_schema else ""
        self._group_id = flavour.next_id(f"{sequence}taskset_id_sequence")
        self._store_plain = self._upsert(_PLAIN)
        self._store_extended = self._upsert((*_PLAIN, *_EXTENDED))

    # -- records

    def store(self, transaction: Transaction, records: Sequence[ResultRecord]) -> None:
        """Write records where they may replace what is there."""
        # In one order, so that two batches never wait for each other; the later of two still wins.
        records = sorted(records, key=attrgetter("task_id"))
        if any(record.extended is not None for record in records):
            rows = [self._row(record) + self._more(record.extended) for record in records]
            self._flavour.bulk(transaction, self._store_extended, rows)
        else:
            rows = [self._row(record) for record in records]
            self._flavour.bulk(transaction, self._store_plain, rows)
        transaction.announce("result")

    def fetch(self, transaction: Transaction, task_ids: Sequence[str]) -> dict[str, ResultRecord]:
        """Return what is kept of these tasks."""
        return self._found(transaction, task_ids, "")

    def ready(self, transaction: Transaction, task_ids: Sequence[str]) -> list[ResultRecord]:
        """Return those of the tasks that have come to their end."""
        return list(self._found(transaction, task_ids, f" AND status IN {READY}").values())

    def forget(self, transaction: Transaction, task_ids: Sequence[str]) -> None:
        """Delete records."""
        where = self._flavour.among("task_id")
        sql = f"DELETE FROM {self.task} WHERE {where}"  # noqa: S608 - names of ours
        transaction.run(sql, (self._flavour.listed(list(task_ids)),))

    # -- groups

    def save_groups(self, transaction: Transaction, groups: Sequence[GroupRecord]) -> None:
        """Keep groups, replacing those of the same id."""
        columns = ["taskset_id", "result", "date_done"]
        sql = self._counted(
            self._flavour.upsert(self.group, columns, ["taskset_id"]), self._group_id
        )
        transaction.many(
            sql,
            [
                (
                    group.group_id,
                    self._encoding.write(group.result),
                    self._flavour.moment(group.date_done),
                )
                for group in groups
            ],
        )

    def fetch_groups(
        self, transaction: Transaction, group_ids: Sequence[str]
    ) -> dict[str, GroupRecord]:
        """Return saved groups."""
        rows = transaction.rows(
            f"SELECT taskset_id, result, date_done FROM {self.group}"  # noqa: S608 - names of ours
            f" WHERE {self._flavour.among('taskset_id')}",
            (self._flavour.listed(list(group_ids)),),
        )
        found = {}
        for group_id, result, done in rows:
            moment = self._flavour.read_moment(done)
            if moment is not None:
                value = None if result is None else self._encoding.read(result)
                found[group_id] = GroupRecord(group_id, value, moment)
        return found

    def forget_groups(self, transaction: Transaction, group_ids: Sequence[str]) -> None:
        """Delete saved groups."""
        where = self._flavour.among("taskset_id")
        sql = f"DELETE FROM {self.group} WHERE {where}"  # noqa: S608 - names of ours
        transaction.run(sql, (self._flavour.listed(list(group_ids)),))

    # -- retention

    def expire(self, transaction: Transaction, before: datetime) -> int:
        """Delete ready records done before a time, failures too; return how many."""
        return transaction.run(
            f"DELETE FROM {self.task} WHERE date_done < ? AND status IN {READY}",  # noqa: S608
            (self._flavour.moment(before),),
        )

    def old(
        self, transaction: Transaction, before: datetime, among: tuple[str, ...], limit: int
    ) -> list[str]:
        """Return the ids of some records in these states that were done before a time."""
        rows = transaction.rows(
            f"SELECT task_id FROM {self.task}"  # noqa: S608 - names of ours
            f" WHERE date_done < ? AND {_stated(among)} LIMIT {limit}",
            (self._flavour.moment(before),),
        )
        return [task_id for (task_id,) in rows]

    def forget_old(
        self,
        transaction: Transaction,
        task_ids: Sequence[str],
        before: datetime,
        among: tuple[str, ...],
    ) -> int:
        """Delete those of the records that still are in these states since before a time."""
        return transaction.run(
            f"DELETE FROM {self.task} WHERE {self._flavour.among('task_id')}"  # noqa: S608
            f" AND date_done < ? AND {_stated(among)}",
            (self._flavour.listed(list(task_ids)), self._flavour.moment(before)),
        )

    def expire_groups(self, transaction: Transaction, before: datetime) -> int:
        """Delete groups done before a time; return how many."""
        moment = (self._flavour.moment(before),)
        return transaction.run(f"DELETE FROM {self.group} WHERE date_done < ?", moment)  # noqa: S608

    # -- rows

    def _row(self, record: ResultRecord) -> Row:
        result = record.result
        return (
            record.task_id,
            record.state,
            None if result is None else result.data,
            None if record.date_done is None else self._flavour.moment(record.date_done),
            None if record.traceback is None else plain(record.traceback),
            self._encoding.write(record.children) if record.children else None,
            record.group_id,
            record.parent_id,
            self._encoding.mark(result),
        )

    def _more(self, extended: Extended | None) -> Row:
        if extended is None:
            return (None,) * len(_EXTENDED)
        stamps: bytes | None = None
        if extended.stamped_headers is not None or extended.stamps is not None:
            said = {
                "stamped_headers": _list(extended.stamped_headers),
                "stamps": None if extended.stamps is None else dict(extended.stamps),
            }
            stamps = self._encoding.write(said)
        return (
            extended.name,
            None if extended.args is None else extended.args.data,
            None if extended.kwargs is None else extended.kwargs.data,
            extended.worker,
            extended.retries,
            extended.queue,
            stamps,
        )

    def _found(
        self, transaction: Transaction, task_ids: Sequence[str], condition: str
    ) -> dict[str, ResultRecord]:
        rows = transaction.rows(
            f"SELECT {COLUMNS} FROM {self.task}"  # noqa: S608 - names of ours
            f" WHERE {self._flavour.among('task_id')}{condition}",
            (self._flavour.listed(list(task_ids)),),
        )
        return {row[0]: self._record(row) for row in rows}

    def _record(self, row: Row) -> ResultRecord:
        task_id, status, result, done, traceback, children, group, parent, marked = row[:9]
        said = None if children is None else self._encoding.read(children)
        return ResultRecord(
            task_id,
            status,
            None if result is None else self._encoding.payload(bytes(result), marked),
            traceback,
            tuple(said) if isinstance(said, list | tuple) else (),
            None if done is None else self._flavour.read_moment(done),
            group,
            parent,
            self._extended(row[9:]) if any(value is not None for value in row[9:]) else None,
        )

    def _extended(self, row: Row) -> Extended:
        name, args, kwargs, worker, retries, queue, stamps = row
        said = None if stamps is None else self._encoding.read(stamps)
        said = said if isinstance(said, Mapping) else {}
        headers = said.get("stamped_headers")
        return Extended(
            name,
            None if args is None else self._encoding.payload(bytes(args), None),
            None if kwargs is None else self._encoding.payload(bytes(kwargs), None),
            worker,
            retries,
            queue,
            tuple(headers) if isinstance(headers, list | tuple) else None,
            said.get("stamps"),
        )

    def _upsert(self, columns: Sequence[str]) -> str:
        cleared = [name for name in _EXTENDED if name not in columns]
        sql = self._flavour.replace_record(self.task, columns, cleared)
        return self._counted(sql, self._task_id)

    def _counted(self, sql: str, next_id: str | None) -> str:
        """Number the row from Celery's sequence where it has one: it expects to be the only one."""
        if next_id is None:
            return sql
        head, _, tail = sql.partition("(")
        columns, _, rest = tail.partition(" VALUES (")
        return f"{head}(id, {columns} VALUES ({next_id}, {rest}"


def _stated(among: tuple[str, ...]) -> str:
    return "status IN ({})".format(", ".join(f"'{state}'" for state in among))


def plain(text: str) -> str:
    """Return a text that every database takes."""
    if "\0" in text or not text.isascii():
        return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
    return text


def _list(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else list(values)
