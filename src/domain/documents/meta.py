"""Results and groups as the documents that Celery keeps in key-value stores.

What must stay true: what is written here Celery reads; `meta_reading` is the other way round. A
result that is JSON already is put into the document as it is. What is no JSON follows
`result_serializer` where that is another one (the whole document is encoded with it); else it
stands in the JSON document as an object of ours that names its content type.
"""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass
from typing import Any, Final

from ..canvas.chords import ChordPart
from ..messaging.payload import Codec, Payload
from ..tasks.result_record import Extended, GroupRecord, ResultRecord

JSON: Final = "application/json"
#: What Celery puts before a document that `result_compression` made smaller.
COMPRESSED: Final = b"\x00celery-compressed\x00"

HEAD: Final = '{"status": "'
RESULT: Final = ', "result": '
TAIL: Final = ', "traceback": '
#: How a part of a chord begins.
PART: Final = "[1, "
#: The key by which an object of ours is known.
WRAPPED: Final = "__celeriac_payload__"
FIELDS: Final = ("name", "args", "kwargs", "worker", "retries", "queue", "stamped_headers")
_KNOWN: Final = frozenset(FIELDS) | {
    "status", "result", "traceback", "children", "date_done", "task_id", "group_id", "parent_id",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Encoding:
    """What `result_serializer` says. Without a codec only JSON documents are written and read.

    `compression` is that of `result_compression`, for the documents of results.
    """

    content_type: str = JSON
    content_encoding: str = "utf-8"
    codec: Codec | None = None
    compression: str | None = None


PLAIN: Final = Encoding()


def meta_of(record: ResultRecord, encoding: Encoding = PLAIN) -> bytes:
    """Return the document of a record."""
    codec, compression = encoding.codec, encoding.compression
    if compression is None and record.result is not None:
        compression = record.result.compression
    if codec is None or (encoding.content_type == JSON and compression is None):
        return _json_document(record)
    return _encoded(_document(record, codec), compression, codec)


def group_meta_of(group: GroupRecord, encoding: Encoding = PLAIN) -> bytes:
    """Return the document of a group; Celery reads its result and leaves the rest alone."""
    document = {"result": group.result, "date_done": group.date_done.isoformat()}
    if encoding.codec is None or encoding.content_type == JSON:
        return _dump(document).encode()
    return encoding.codec.encode(document).data


def chord_member_of(part: ChordPart, encoding: Encoding = PLAIN) -> bytes:
    """Return a part of a chord as Celery keeps it beside the others."""
    result, codec = part.result, encoding.codec
    if codec is None or (
        encoding.content_type == JSON and (result is None or result.compression is None)
    ):
        head = f"{PART}{_dump(part.task_id)}, {_dump(part.state)}, "
        return b"".join((head.encode(), _spliceable(result), b"]"))
    member = [1, part.task_id, part.state, _value(result, codec)]
    return _encoded(member, None if result is None else result.compression, codec)


def _json_document(record: ResultRecord) -> bytes:
    done = record.date_done
    head = f'{{"status": {_dump(record.state)}{RESULT}'
    rest = {
        "children": list(record.children),
        "date_done": None if done is None else done.isoformat(),
        "task_id": record.task_id,
        **_optional(record),
    }
    traceback = "null" if record.traceback is None else _dump(record.traceback)
    more = "" if record.extended is None else _extended_text(record.extended)
    tail = f"{TAIL}{traceback}, {_dump(rest)[1:-1]}{more}}}"
    return b"".join((head.encode(), _spliceable(record.result), tail.encode()))


def _optional(record: ResultRecord) -> dict[str, Any]:
    named = {"group_id": record.group_id, "parent_id": record.parent_id}
    return {name: value for name, value in named.items() if value is not None}


def _extended_text(extended: Extended) -> str:
    args, kwargs = (_spliceable(one).decode() for one in (extended.args, extended.kwargs))
    after = {
        "worker": extended.worker,
        "retries": extended.retries,
        "queue": extended.queue,
        **_stamped(extended),
    }
    name = _dump(extended.name)
    return f', "name": {name}, "args": {args}, "kwargs": {kwargs}, {_dump(after)[1:-1]}'


def _stamped(extended: Extended) -> dict[str, Any]:
    stamped: dict[str, Any] = {}
    if extended.stamped_headers is not None:
        stamped["stamped_headers"] = list(extended.stamped_headers)
    stamps = extended.stamps or {}
    return stamped | {name: value for name, value in stamps.items() if name not in _KNOWN}


def _spliceable(payload: Payload | None) -> bytes:
    """Return a payload as JSON: itself if it is, else an object of ours around it."""
    if payload is None:
        return b"null"
    if payload.content_type == JSON and payload.compression is None and payload.data:
        return payload.data
    wrapped = {
        WRAPPED: 1,
        "content_type": payload.content_type,
        "content_encoding": payload.content_encoding,
        "compression": payload.compression,
        "data": b64encode(payload.data).decode(),
    }
    return _dump(wrapped).encode()


def _document(record: ResultRecord, codec: Codec) -> dict[str, Any]:
    """Return the document as data, for serializers that take it whole."""
    done, extended = record.date_done, record.extended
    document = {
        "status": record.state,
        "result": _value(record.result, codec),
        "traceback": record.traceback,
        "children": list(record.children),
        "date_done": None if done is None else done.isoformat(),
        "task_id": record.task_id,
        **_optional(record),
    }
    if extended is None:
        return document
    return document | {
        "name": extended.name,
        "args": _value(extended.args, codec),
        "kwargs": _value(extended.kwargs, codec),
        "worker": extended.worker,
        "retries": extended.retries,
        "queue": extended.queue,
        **_stamped(extended),
    }


def _value(payload: Payload | None, codec: Codec) -> Any:
    return None if payload is None else codec.decode(payload)


def _encoded(document: Any, compression: str | None, codec: Codec) -> bytes:
    encoded = codec.encode(document, compression=compression)
    if encoded.compression is None:
        return encoded.data
    return b"".join((COMPRESSED, encoded.compression.encode(), b"\x00", encoded.data))


def _dump(value: Any) -> str:
    return json.dumps(value)
