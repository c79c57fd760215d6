"""A message as columns: what every message has, and a JSON text of what differs from the default.

Reading is total: whatever stands in a row, it becomes a delivery or an undecodable.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from math import ceil
from typing import Any, Final

from ...domain.errors import EncodeError
from ...domain.messaging.delivery import DeadMessage, Delivery, Token, Undecodable
from ...domain.messaging.message import EMPTY, TaskMessage
from .schema import NOBODY, PARKED, READY

#: A message's columns as `row_of` gives them.
WRITTEN: Final = ("queue", "state", "place", "task_id", "due", "head", "body")
#: What `delivery_of` wants to read.
READ: Final = "id, queue, task_id, place, claims, crashes, head, body"

INSERT: Final = (
    f"INSERT INTO celeriac_message ({', '.join(WRITTEN)}, fence, claims, started, crashes)"  # noqa: S608
    f" VALUES (?, ?, ?, ?, ?, ?, ?, {NOBODY}, 0, 0, 0)"
)

_JSON, _UTF8 = "application/json", "utf-8"


def row_of(message: TaskMessage, queue: str, now_ms: int) -> tuple[Any, ...]:
    """Return the columns WRITTEN of a message on its way to a queue."""
    due = None
    if message.eta is not None:
        moment = milliseconds(message.eta)
        due = moment if moment > now_ms else None
    state = READY if due is None else PARKED
    return (queue, state, -message.priority, message.id, due, head_of(message, queue), message.body)


def milliseconds(moment: datetime) -> int:
    """Return unix milliseconds, rounded up: nothing is due before its time."""
    return ceil(moment.timestamp() * 1000)


def head_of(message: TaskMessage, queue: str) -> str:
    """Return the rest of a message, without what the columns or the defaults say."""
    head: dict[str, Any] = {"task": message.task}
    if message.headers:
        head["headers"] = dict(message.headers)
    if message.properties:
        head["properties"] = dict(message.properties)
    if message.routing_key != queue:
        head["routing_key"] = message.routing_key
    if message.queue != queue:
        head["queue"] = message.queue
    if message.exchange:
        head["exchange"] = message.exchange
    if message.content_type != _JSON:
        head["content_type"] = message.content_type
    if message.content_encoding != _UTF8:
        head["content_encoding"] = message.content_encoding
    if message.eta is not None:
        head["eta"] = message.eta.isoformat()
    if message.expires is not None:
        head["expires"] = message.expires.isoformat()
    try:
        return _encode(head)
    except (TypeError, ValueError) as error:
        raise EncodeError(
            f"message {message.id} ({message.task}): its headers or properties cannot be written "
            f"as JSON ({error}); put plain data there"
        ) from error


def delivery_of(row: Sequence[Any], fence: int) -> Delivery | Undecodable:
    """Return what a claim hands out for a row of columns READ."""
    tag, queue, task_id, place, claims, crashes, head, body = row
    token = Token(tag, fence)
    try:
        message = _message(queue, task_id, place, head, body)
    except _UNREADABLE as error:
        return Undecodable(raw_of(head, body), token, queue, f"its envelope is unreadable: {error}")
    return Delivery(message, token, queue, crashes, claims > 1)


def message_of(row: Sequence[Any]) -> TaskMessage | None:
    """Return the message of a row of columns READ, None where it cannot be read."""
    _, queue, task_id, place, _, _, head, body = row
    try:
        return _message(queue, task_id, place, head, body)
    except _UNREADABLE:
        return None


def dead_of(row: Sequence[Any]) -> DeadMessage:
    """Return a dead letter from columns READ and reason, detail, died_at."""
    *waiting, reason, detail, died_at = row
    message = message_of(waiting)
    tag, queue, *_, head, body = waiting
    raw = raw_of(head, body) if message is None else message.body
    return DeadMessage(tag, queue, reason, detail or "", died_at / 1000, message, raw)


def raw_of(head: Any, body: Any) -> bytes:
    """Return what there is of a message that cannot be read."""
    return b"\n".join(part for part in (_bytes(head), _bytes(body)) if part)


# What reading arbitrary values as a message may raise.
_UNREADABLE: Final = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


def _message(queue: str, task_id: str, place: int, head: Any, body: Any) -> TaskMessage:
    try:
        said, end = _scan(head, 0)
    except StopIteration as nothing:
        raise ValueError("there is no JSON value") from nothing
    if end != len(head):
        raise ValueError("there is more than one JSON value")
    task = said["task"]
    if not isinstance(task, str) or not isinstance(body, bytes):
        raise TypeError("the task's name is no text, or the body no bytes")
    if len(said) == 1:
        return TaskMessage(task_id, task, body, _JSON, _UTF8, queue, "", queue, -place)
    get = said.get
    return TaskMessage(
        task_id,
        task,
        body,
        get("content_type", _JSON),
        get("content_encoding", _UTF8),
        get("queue", queue),
        get("exchange", ""),
        get("routing_key", queue),
        -place,
        _moment(get("eta")) if "eta" in said else None,
        _moment(get("expires")) if "expires" in said else None,
        _mapping(get("headers", EMPTY)),
        _mapping(get("properties", EMPTY)),
    )


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def _mapping(value: Any) -> Any:
    if value is not EMPTY and not isinstance(value, dict):
        raise TypeError("headers and properties must be JSON objects")
    return value


def _bytes(value: Any) -> bytes:
    match value:
        case bytes():
            return value
        case str():
            return value.encode("utf-8", "surrogatepass")
        case None:
            return b""
        case other:
            return str(other).encode()


# ASCII only: no database minds its content, NUL and lone surrogates included.
_encode = json.JSONEncoder(separators=(",", ":")).encode
# The decoder without its frame: there is one for each message that is claimed.
_scan: Any = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
