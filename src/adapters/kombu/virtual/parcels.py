"""What a transport carries: letters that go, parcels that came, and the envelope both are in.

The envelope is kombu's. Reading is total: whatever a queue holds, it becomes a delivery or an
undecodable. What we have to remember of a message (its crashes, until when it waits, why it died)
stands under one key of the envelope, which Celery passes over.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from ....domain.errors import EncodeError
from ....domain.messaging.delivery import Delivery, Token, Undecodable
from ....domain.messaging.message import TaskMessage
from ....domain.messaging.payload import Payload
from ....domain.messaging.protocol import headers_of, instant, properties_of, read

#: Our key of an envelope: a mapping with `crashes`, `redelivered`, `until`, `reason` …
MARK: Final = "celeriac"
#: Our mark on what is no envelope: its bytes in base64.
_RAW: Final = "raw"
#: Properties that belong to the envelope, not to the message.
_TRANSPORT: Final = ("delivery_info", "delivery_tag", "body_encoding")
# What reading arbitrary bytes as a message may raise.
_UNREADABLE: Final = (ValueError, TypeError, LookupError, AttributeError, RecursionError)

Envelope = Mapping[str, Any]


@dataclass(slots=True)
class Parcel:
    """One message as it came. `handle` is what its transport wants to be told of its end.

    `place` says where in its queue it stood, for transports that can put it back there.
    """

    queue: str
    envelope: Envelope
    handle: Any = None
    place: str = ""
    redelivered: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """An envelope for a queue, to be there in `wait` seconds. `again`: it had come out of there."""

    queue: str
    envelope: Envelope
    wait: float = 0.0
    place: str = ""
    again: bool = False
    #: Until when, in unix seconds, of the broker's own clock.
    until: float | None = None


def envelope_of(message: TaskMessage) -> Envelope:
    """Return the envelope of a message; each has a delivery tag of its own.

    Raises EncodeError for headers JSON cannot carry.
    """
    properties = properties_of(message)
    properties["delivery_info"] = {
        "exchange": message.exchange,
        "routing_key": message.routing_key or message.queue,
    }
    properties["body_encoding"] = "base64"
    properties["delivery_tag"] = str(uuid4())
    envelope = {
        "body": b64encode(message.body).decode(),
        "content-encoding": message.content_encoding,
        "content-type": message.content_type,
        "headers": headers_of(message),
        "properties": properties,
    }
    try:
        json.dumps(envelope)
    except (TypeError, ValueError, RecursionError) as error:
        raise EncodeError(
            f"message {message.id} ({message.task}): its headers or properties cannot be written "
            f"as JSON ({error}); put plain data there"
        ) from error
    return envelope


def unpacked(raw: bytes) -> Envelope:
    """Return the envelope in these bytes, or one around them if they are none."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {MARK: {_RAW: b64encode(raw).decode()}}


def packed(envelope: Envelope) -> bytes:
    """Return an envelope as bytes; what was none, as it came."""
    raw = mark(envelope).get(_RAW)
    if isinstance(raw, str):
        return b64decode(raw)
    return json.dumps(marked(envelope)).encode()


def packed_whole(envelope: Envelope) -> bytes:
    """Return an envelope as bytes, with all we remember of it."""
    kept = mark(envelope)
    if set(kept) == {_RAW}:
        return packed(envelope)
    return json.dumps(envelope).encode()


def mark(envelope: Envelope) -> Mapping[str, Any]:
    """Return what we remember of a message."""
    found = envelope.get(MARK)
    return found if isinstance(found, dict) else {}


def marked(envelope: Envelope, **marks: Any) -> Envelope:
    """Return a copy with these marks (None takes one away), without any if none are named."""
    kept = {**mark(envelope), **marks} if marks else {}
    kept = {name: value for name, value in kept.items() if value is not None}
    bare = {name: value for name, value in envelope.items() if name != MARK}
    return {**bare, MARK: kept} if kept else bare


def crashes_of(envelope: Envelope) -> int:
    """Return how often a process died of a message."""
    crashes = mark(envelope).get("crashes")
    return crashes if isinstance(crashes, int) and crashes > 0 else 0


def due_at(envelope: Envelope) -> datetime | None:
    """Return until when a message waits; None: it need not, or nobody can tell."""
    until = mark(envelope).get("until")
    if isinstance(until, int | float):
        return datetime.fromtimestamp(until, UTC)
    try:
        return instant(envelope["headers"].get("eta"), "eta")
    except _UNREADABLE:
        return None


def delivery_of(
    envelope: Envelope, token: Token, queue: str, *, redelivered: bool
) -> Delivery | Undecodable:
    """Return what a claim hands out."""
    try:
        message = _message(envelope, queue)
    except _UNREADABLE as error:
        return Undecodable(packed(envelope), token, queue, f"its envelope is unreadable: {error}")
    again = redelivered or mark(envelope).get("redelivered") is True
    again = again or envelope["headers"].get("redelivered") is True
    return Delivery(message, token, queue, crashes_of(envelope), again)


def message_of(envelope: Envelope, queue: str) -> TaskMessage | None:
    """Return the message in an envelope, None where it cannot be read."""
    try:
        return _message(envelope, queue)
    except _UNREADABLE:
        return None


def payload_in(envelope: Envelope) -> Payload | None:
    """Return the body of an envelope that is no task's, None where it cannot be read."""
    try:
        headers, properties = envelope.get("headers") or {}, _mapping(envelope, "properties")
        return Payload(
            _body(envelope.get("body"), properties.get("body_encoding")),
            _text(envelope.get("content-type"), "application/json"),
            _text(envelope.get("content-encoding"), "utf-8"),
            headers.get("compression"),
        )
    except _UNREADABLE:
        return None


def _message(envelope: Envelope, queue: str) -> TaskMessage:
    if _RAW in mark(envelope):
        raise ValueError("it is no JSON object")
    # Senders of protocol 1 may leave the headers out.
    headers = {} if envelope.get("headers") is None else _mapping(envelope, "headers")
    properties = dict(_mapping(envelope, "properties"))
    came = properties.get("delivery_info") or {}
    body = _body(envelope.get("body"), properties.get("body_encoding"))
    for name in _TRANSPORT:
        properties.pop(name, None)
    return read(
        headers,
        properties,
        Payload(
            body,
            _text(envelope.get("content-type"), "application/json"),
            _text(envelope.get("content-encoding"), "utf-8"),
            headers.get("compression"),
        ),
        queue=queue,
        exchange=_text(came.get("exchange"), ""),
        routing_key=_text(came.get("routing_key"), queue),
    )


def _mapping(envelope: Envelope, name: str) -> dict[str, Any]:
    value = envelope.get(name)
    if not isinstance(value, dict):
        raise TypeError(f"{name} is {value!r:.50}: expected a JSON object")
    return value


def _body(value: Any, encoding: Any) -> bytes:
    if not isinstance(value, str):
        raise TypeError(f"body is {value!r:.50}: expected a text")
    return b64decode(value, validate=True) if encoding == "base64" else value.encode()


def _text(value: Any, default: str) -> str:
    if value is None:
        return default
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.50} stands where a text is expected")
    return value
