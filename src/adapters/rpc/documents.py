"""Records as the documents that Celery sends back, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ...domain.errors import CeleriacError
from ...domain.messaging.payload import Codec, Payload
from ...domain.tasks.result_record import Extended, ResultRecord

_EXTENDED: Final = ("name", "args", "kwargs", "worker", "retries", "queue", "stamped_headers")
_KNOWN: Final = frozenset(_EXTENDED) | {
    "status", "result", "traceback", "children", "date_done", "task_id", "group_id", "parent_id",
}  # fmt: skip
# What reading an arbitrary document may raise.
_NO_DOCUMENT: Final = (
    ValueError, TypeError, LookupError, AttributeError, RecursionError, CeleriacError,
)  # fmt: skip


def document_of(record: ResultRecord, codec: Codec) -> Payload:
    """Return the document of a record. Raises EncodeError."""
    document: dict[str, Any] = {
        "status": record.state,
        "result": _value(record.result, codec),
        "traceback": record.traceback,
        "children": list(record.children),
        "date_done": None if record.date_done is None else record.date_done.isoformat(),
    }
    of = {"group_id": record.group_id, "parent_id": record.parent_id}
    document |= {name: value for name, value in of.items() if value is not None}
    if record.extended is not None:
        document |= _extended_part(record.extended, codec)
    document["task_id"] = record.task_id
    return codec.encode(document)


def record_of(document: Payload, codec: Codec) -> ResultRecord | None:
    """Return the record in a document; None for what cannot be read, or is not accepted."""
    try:
        found = codec.decode(document)
        return _record(found, codec)
    except _NO_DOCUMENT:
        return None


def _record(found: Mapping[str, Any], codec: Codec) -> ResultRecord:
    state, task_id = found["status"], found["task_id"]
    if not isinstance(state, str) or not isinstance(task_id, str):
        raise TypeError("its status or task_id is no text")
    done = found.get("date_done")
    moment = datetime.fromisoformat(done) if isinstance(done, str) else done
    if moment is not None and moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return ResultRecord(
        task_id,
        state,
        _payload(found.get("result"), codec),
        found.get("traceback"),
        tuple(found.get("children") or ()),
        moment,
        found.get("group_id"),
        found.get("parent_id"),
        _extended(found, codec),
    )


def _extended_part(extended: Extended, codec: Codec) -> dict[str, Any]:
    part: dict[str, Any] = {
        "name": extended.name,
        "args": _value(extended.args, codec),
        "kwargs": _value(extended.kwargs, codec),
        "worker": extended.worker,
        "retries": extended.retries,
        "queue": extended.queue,
    }
    if extended.stamped_headers is not None:
        part["stamped_headers"] = list(extended.stamped_headers)
        stamps = extended.stamps or {}
        part |= {name: value for name, value in stamps.items() if name not in _KNOWN}
    return part


def _extended(found: Mapping[str, Any], codec: Codec) -> Extended | None:
    if not any(name in found for name in _EXTENDED):
        return None
    stamped = found.get("stamped_headers")
    return Extended(
        found.get("name"),
        _payload(found.get("args"), codec),
        _payload(found.get("kwargs"), codec),
        found.get("worker"),
        found.get("retries"),
        found.get("queue"),
        None if stamped is None else tuple(stamped),
        {name: found[name] for name in stamped or () if name in found} or None,
    )


def _value(payload: Payload | None, codec: Codec) -> Any:
    return None if payload is None else codec.decode(payload)


def _payload(value: Any, codec: Codec) -> Payload | None:
    return None if value is None else codec.encode(value)
