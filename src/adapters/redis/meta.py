"""Results and groups as the documents that Celery keeps in Redis.

What must stay true: what is written here Celery reads, and what Celery wrote is read here, whatever
keys it has besides. A result that is JSON already is put into the document as it is. What is no
JSON follows `result_serializer` where that is another one (the whole document is encoded with it);
else it stands in the JSON document as an object of ours that names its content type.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ...domain.errors import BackendGetMetaError, CeleriacError
from ...domain.messaging.payload import Codec, Payload
from ...domain.tasks import states
from ...domain.tasks.result_record import Extended, GroupRecord, ResultRecord

JSON: Final = "application/json"
PICKLE: Final = "application/x-python-serialize"
_PICKLED: Final = b"\x80"
#: What Celery puts before a document that `result_compression` made smaller.
_COMPRESSED: Final = b"\x00celery-compressed\x00"

_HEAD: Final = '{"status": "'
_RESULT: Final = ', "result": '
_TAIL: Final = ', "traceback": '
#: The key by which an object of ours is known.
_WRAPPED: Final = "__celeriac_payload__"
_FIELDS: Final = ("name", "args", "kwargs", "worker", "retries", "queue", "stamped_headers")
_KNOWN: Final = frozenset(_FIELDS) | {
    "status", "result", "traceback", "children", "date_done", "task_id", "group_id", "parent_id",
}  # fmt: skip

#: What bytes that are no document raise, on the way to a record.
_NO_DOCUMENT: Final = (
    ValueError, TypeError, LookupError, AttributeError, RecursionError, CeleriacError,
)  # fmt: skip

_scan = json.JSONDecoder().raw_decode


@dataclass(frozen=True, slots=True)
class Encoding:
    """What `result_serializer` says. Without a codec only JSON documents are written and read."""

    content_type: str = JSON
    content_encoding: str = "utf-8"
    codec: Codec | None = None


_PLAIN: Final = Encoding()


def meta_of(record: ResultRecord, encoding: Encoding = _PLAIN) -> bytes:
    """Return the document of a record."""
    result = record.result
    if encoding.codec is None or (
        encoding.content_type == JSON and (result is None or result.compression is None)
    ):
        return _json_document(record)
    return _encoded(_document(record, encoding.codec), result, encoding.codec)


def record_of(data: bytes, key: str, encoding: Encoding = _PLAIN) -> ResultRecord:
    """Return the record in a document. Raises BackendGetMetaError, which names the key."""
    try:
        return _spliced(data) or _record(_read(data, encoding), encoding)
    except _NO_DOCUMENT as error:
        raise _unreadable(key, "the state of a task", error) from error


def group_meta_of(group: GroupRecord, encoding: Encoding = _PLAIN) -> bytes:
    """Return the document of a group; Celery reads its result and leaves the rest alone."""
    document = {"result": group.result, "date_done": group.date_done.isoformat()}
    if encoding.codec is None or encoding.content_type == JSON:
        return _dump(document).encode()
    return encoding.codec.encode(document).data


def group_of(
    data: bytes, key: str, group_id: str, saved: datetime, encoding: Encoding = _PLAIN
) -> GroupRecord:
    """Return the group in a document; one that Celery wrote counts as saved at the time given."""
    try:
        document = _read(data, encoding)
        return GroupRecord(
            group_id, document["result"], _moment(document.get("date_done")) or saved
        )
    except _NO_DOCUMENT as error:
        raise _unreadable(key, "a saved group", error) from error


def done_before(data: bytes, before: datetime, encoding: Encoding = _PLAIN) -> bool:
    """Tell whether a document is of a task or group that was done before a time."""
    try:
        document = _read(data, encoding)
        done = _moment(document.get("date_done"))
    except _NO_DOCUMENT:
        return False
    is_ready = document.get("status", states.SUCCESS) in states.READY_STATES
    return is_ready and done is not None and done < before


# -- writing


def _json_document(record: ResultRecord) -> bytes:
    done = record.date_done
    head = f'{{"status": {_dump(record.state)}{_RESULT}'
    rest = {
        "children": list(record.children),
        "date_done": None if done is None else done.isoformat(),
        "task_id": record.task_id,
        **_optional(record),
    }
    traceback = "null" if record.traceback is None else _dump(record.traceback)
    more = "" if record.extended is None else _extended_text(record.extended)
    tail = f"{_TAIL}{traceback}, {_dump(rest)[1:-1]}{more}}}"
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
        _WRAPPED: 1,
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


def _encoded(document: Mapping[str, Any], result: Payload | None, codec: Codec) -> bytes:
    encoded = codec.encode(document, compression=None if result is None else result.compression)
    if encoded.compression is None:
        return encoded.data
    return b"".join((_COMPRESSED, encoded.compression.encode(), b"\x00", encoded.data))


def _dump(value: Any) -> str:
    return json.dumps(value)


# -- reading


def _spliced(data: bytes) -> ResultRecord | None:
    """Read a document in Celery's order, the bytes of its result as they are; None: another one."""
    if not data.startswith(b'{"status": "'):
        return None
    text = data.decode()
    state, end = _scan(text, len(_HEAD) - 1)
    if not text.startswith(_RESULT, end):
        return None
    begin = end + len(_RESULT)
    value, end = _scan(text, begin)
    if not text.startswith(_TAIL, end):
        return None
    rest = json.loads("{" + text[end + 2 :])
    return _assembled(rest, state, _payload(value, text[begin:end]))


def _record(document: Mapping[str, Any], encoding: Encoding) -> ResultRecord:
    """Make a record of a document that was read as a whole."""
    return _assembled(document, document["status"], _again(document.get("result"), encoding))


def _assembled(document: Mapping[str, Any], state: str, result: Payload | None) -> ResultRecord:
    if not isinstance(state, str):
        raise TypeError(f"its status is {state!r}; expected a text")
    return ResultRecord(
        str(document["task_id"]),
        state,
        result,
        document.get("traceback"),
        tuple(document.get("children") or ()),
        _moment(document.get("date_done")),
        document.get("group_id"),
        document.get("parent_id"),
        _extended(document),
    )


def _extended(document: Mapping[str, Any]) -> Extended | None:
    if not any(name in document for name in _FIELDS):
        return None
    stamped = document.get("stamped_headers")
    names = () if stamped is None else tuple(stamped)
    return Extended(
        document.get("name"),
        _again(document.get("args"), _PLAIN),
        _again(document.get("kwargs"), _PLAIN),
        document.get("worker"),
        document.get("retries"),
        document.get("queue"),
        None if stamped is None else names,
        {name: document[name] for name in names if name in document} or None,
    )


def _again(value: Any, encoding: Encoding) -> Payload | None:
    """Encode a part of a document anew, as whoever asks for the record expects it."""
    if value is None:
        return None
    if encoding.codec is not None and encoding.content_type != JSON:
        return encoding.codec.encode(value)
    return _payload(value, json.dumps(value, ensure_ascii=False))


def _payload(value: Any, text: str) -> Payload | None:
    if value is None:
        return None
    if isinstance(value, dict) and _WRAPPED in value:
        return Payload(
            b64decode(value["data"]),
            value["content_type"],
            value["content_encoding"],
            value["compression"],
        )
    return Payload(text.encode())


def _read(data: bytes, encoding: Encoding) -> Mapping[str, Any]:
    """Return the document in these bytes. Raises what json and codecs do."""
    document = _decoded(data, encoding)
    if not isinstance(document, Mapping):
        raise TypeError(f"it is a {type(document).__name__}; expected a mapping")
    return document


def _decoded(data: bytes, encoding: Encoding) -> Any:
    codec = encoding.codec
    if codec is None or (encoding.content_type == JSON and data[:1] == b"{"):
        return json.loads(data)
    content_type, content_encoding = encoding.content_type, encoding.content_encoding
    compression = None
    if data.startswith(_COMPRESSED):
        named, _, data = data[len(_COMPRESSED) :].partition(b"\x00")
        compression = named.decode()
    elif data[:1] == _PICKLED and content_encoding != "binary":
        # Whether pickles are accepted is for the codec to say.
        content_type, content_encoding = PICKLE, "binary"
    return codec.decode(Payload(data, content_type, content_encoding, compression))


def _moment(said: Any) -> datetime | None:
    if said is None:
        return None
    moment = said if isinstance(said, datetime) else datetime.fromisoformat(said)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _unreadable(key: str, what: str, error: Exception) -> BackendGetMetaError:
    task_id = key.rpartition("celery-task-meta-")[2]
    return BackendGetMetaError(
        f"the value of {key!r} in the result backend is not {what} that can be read "
        f"({error}): delete that key, or check result_serializer and result_accept_content",
        task_id=task_id,
    )
