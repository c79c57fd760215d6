"""Records and groups of the documents that stand in a key-value store, whoever wrote them.

What must stay true: what Celery wrote is read here, whatever keys it has besides; bytes that are
no document raise BackendGetMetaError, which names the key. The bytes of a result are handed on as
they are where the document is in Celery's order, as nearly all are.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isinf
from typing import Any, Final

from ..canvas.chords import ChordPart
from ..errors import BackendGetMetaError, CeleriacError
from ..messaging.payload import Payload
from ..tasks import states
from ..tasks.result_record import Extended, GroupRecord, ResultRecord
from .meta import COMPRESSED, FIELDS, HEAD, JSON, PART, PLAIN, RESULT, TAIL, WRAPPED, Encoding

PICKLE: Final = "application/x-python-serialize"
_PICKLED: Final = b"\x80"

#: What bytes that are no document raise, on the way to a record.
_NO_DOCUMENT: Final = (
    ValueError, TypeError, LookupError, AttributeError, RecursionError, CeleriacError,
)  # fmt: skip

_scan = json.JSONDecoder().raw_decode


def record_of(data: bytes, key: str, encoding: Encoding = PLAIN) -> ResultRecord:
    """Return the record in a document. Raises BackendGetMetaError, which names the key."""
    try:
        return _spliced(data) or _record(_read(data, encoding), encoding)
    except _NO_DOCUMENT as error:
        raise _unreadable(key, "the state of a task", error) from error


def group_of(
    data: bytes, key: str, group_id: str, saved: datetime, encoding: Encoding = PLAIN
) -> GroupRecord:
    """Return the group in a document; one that Celery wrote counts as saved at the time given."""
    try:
        document = _read(data, encoding)
        return GroupRecord(
            group_id, document["result"], _moment(document.get("date_done")) or saved
        )
    except _NO_DOCUMENT as error:
        raise _unreadable(key, "a saved group", error) from error


@dataclass(frozen=True, slots=True)
class Ends:
    """Before when results, and those in state FAILURE, must have been done to be old.

    None: they are never old.
    """

    results: datetime | None
    failures: datetime | None


def is_old(data: bytes, ends: Ends, encoding: Encoding = PLAIN) -> bool:
    """Tell whether a document is of a task or group that was done long enough ago."""
    try:
        document = _read(data, encoding)
        done = _moment(document.get("date_done"))
    except _NO_DOCUMENT:
        return False
    state = document.get("status", states.SUCCESS)
    end = ends.failures if state == states.FAILURE else ends.results
    if done is None or end is None:
        return False
    return state in states.READY_STATES and done < end


def chord_part_of(
    data: bytes,
    score: float | None,
    group_id: str,
    size: int | None,
    key: str,
    encoding: Encoding = PLAIN,
) -> ChordPart:
    """Return a part of a chord; `score` is its index. Raises BackendGetMetaError."""
    try:
        task_id, state, result = _spliced_part(data) or _part(_decoded(data, encoding), encoding)
    except _NO_DOCUMENT as error:
        raise _unreadable(key, "a part of a chord", error) from error
    index = None if score is None or isinf(score) else int(score)
    return ChordPart(group_id, task_id, index, size, state, result)


def _spliced_part(data: bytes) -> tuple[str, str, Payload | None] | None:
    """Read a part that is JSON, the bytes of its result as they are; None: another one."""
    if not data.startswith(PART.encode()):
        return None
    text = data.decode()
    task_id, end = _scan(text, len(PART))
    state, end = _scan(text, end + len(", "))
    begin = end + len(", ")
    result, end = _scan(text, begin)
    if text[end:] != "]" or not isinstance(task_id, str) or not isinstance(state, str):
        return None
    return task_id, state, _payload(result, text[begin:end])


def _part(said: Any, encoding: Encoding) -> tuple[str, str, Payload | None]:
    _, task_id, state, result = said
    return str(task_id), str(state), _again(result, encoding)


def _spliced(data: bytes) -> ResultRecord | None:
    """Read a document in Celery's order, the bytes of its result as they are; None: another one."""
    if not data.startswith(b'{"status": "'):
        return None
    text = data.decode()
    state, end = _scan(text, len(HEAD) - 1)
    if not text.startswith(RESULT, end):
        return None
    begin = end + len(RESULT)
    value, end = _scan(text, begin)
    if not text.startswith(TAIL, end):
        return None
    rest = json.loads("{" + text[end + 2 :])
    return _assembled(rest, state, _payload(value, text[begin:end]))


def _record(document: Mapping[str, Any], encoding: Encoding) -> ResultRecord:
    """Make a record of a document that was read as a whole."""
    result = _again(document.get("result"), encoding)
    return _assembled(document, document["status"], result, encoding)


def _assembled(
    document: Mapping[str, Any], state: str, result: Payload | None, encoding: Encoding = PLAIN
) -> ResultRecord:
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
        _extended(document, encoding),
    )


def _extended(document: Mapping[str, Any], encoding: Encoding) -> Extended | None:
    if not any(name in document for name in FIELDS):
        return None
    stamped = document.get("stamped_headers")
    names = () if stamped is None else tuple(stamped)
    return Extended(
        document.get("name"),
        _again(document.get("args"), encoding),
        _again(document.get("kwargs"), encoding),
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
    if encoding.codec is None or (isinstance(value, dict) and WRAPPED in value):
        return _payload(value, json.dumps(value))
    # What was decoded as a whole may hold dates and the like.
    return encoding.codec.encode(value)


def _payload(value: Any, text: str) -> Payload | None:
    if value is None:
        return None
    if isinstance(value, dict) and WRAPPED in value:
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
    if codec is None or (encoding.content_type == JSON and data[:1] in b"{["):
        return json.loads(data)
    content_type, content_encoding = encoding.content_type, encoding.content_encoding
    compression = None
    if data.startswith(COMPRESSED):
        named, _, data = data[len(COMPRESSED) :].partition(b"\x00")
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
