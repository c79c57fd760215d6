"""A message as kombu's JSON envelope, both ways.

Reading is total: whatever stands in a list, it becomes a delivery or an undecodable. What we have
to remember of a message that was given back (its crashes, that it was delivered before) stands as
a first key of the envelope, which Celery passes over; the scripts write it.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any, Final

from ...domain.errors import EncodeError
from ...domain.messaging.delivery import DeadMessage, Delivery, Token, Undecodable
from ...domain.messaging.message import TaskMessage
from ...domain.messaging.payload import Payload
from ...domain.messaging.protocol import headers_of, properties_of, read
from .moulds import Moulds

#: How the scripts begin the envelope of what was given back.
_MARKS: Final = re.compile(rb'\{"celeriac": \[(\d+), ([01])\], ')
#: How an envelope begins whose writer is celeriac or kombu.
_BODY_FIRST: Final = b'{"body": "'
#: Properties that belong to the envelope, not to the message.
_TRANSPORT: Final = ("delivery_info", "delivery_tag", "body_encoding")
# What reading arbitrary bytes as a message may raise.
_UNREADABLE: Final = (ValueError, TypeError, LookupError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class _Read:
    """What stands in an envelope."""

    message: TaskMessage
    crashes: int
    redelivered: bool


def raw_of(message: TaskMessage, tag: str) -> bytes:
    """Return the envelope of a message; each has a delivery tag of its own, 32 hex digits."""
    return _MOULDS.written(message, tag)


def _written(message: TaskMessage, tag: str) -> bytes:
    """Return the envelope of a message under a delivery tag."""
    properties = properties_of(message)
    properties["delivery_info"] = {
        "exchange": message.exchange,
        "routing_key": message.routing_key,
    }
    properties["body_encoding"] = "base64"
    properties["delivery_tag"] = tag
    envelope = {
        "body": b64encode(message.body).decode(),
        "content-encoding": message.content_encoding,
        "content-type": message.content_type,
        "headers": headers_of(message),
        "properties": properties,
    }
    try:
        return json.dumps(envelope).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise EncodeError(
            f"message {message.id} ({message.task}): its headers or properties cannot be written "
            f"as JSON ({error}); put plain data there"
        ) from error


#: One for all threads of a process: what it holds is only a shorter way to the same bytes.
_MOULDS: Final = Moulds(_written)


def delivery_of(
    raw: bytes, token: Token, queue: str, *, started: bool = False
) -> Delivery | Undecodable:
    """Return what a claim hands out for these bytes."""
    try:
        found = _read(raw, queue)
    except _UNREADABLE as error:
        return Undecodable(bare(raw), token, queue, f"its envelope is unreadable: {error}")
    return Delivery(found.message, token, queue, found.crashes, found.redelivered, started)


def message_of(raw: bytes, queue: str) -> TaskMessage | None:
    """Return the message in these bytes, None where they cannot be read."""
    try:
        return _read(raw, queue).message
    except _UNREADABLE:
        return None


def dead_of(tag: int, queue: str, packed: bytes) -> DeadMessage:
    """Return a dead letter as the scripts pack it."""
    reason, detail, died_at, _, raw = packed.split(b"\x00", 4)
    return DeadMessage(
        tag,
        queue,
        reason.decode(errors="replace"),
        detail.decode(errors="replace"),
        float(died_at) / 1000,
        message_of(raw, queue),
        bare(raw),
    )


def bare(raw: bytes) -> bytes:
    """Return an envelope without our marks."""
    marks = _MARKS.match(raw)
    return b"{" + raw[marks.end() :] if marks else raw


def _read(raw: bytes, queue: str) -> _Read:
    crashes, redelivered = 0, False
    if marks := _MARKS.match(raw):
        crashes, redelivered = int(marks[1]), marks[2] == b"1"
        raw = b"{" + raw[marks.end() :]
    envelope, cut_out = _opened(raw)
    if not isinstance(envelope, dict):
        raise TypeError(f"it is a {type(envelope).__name__}: expected a JSON object")
    # Senders of protocol 1 may leave the headers out.
    headers = {} if envelope.get("headers") is None else _mapping(envelope, "headers")
    properties = _mapping(envelope, "properties")
    came = properties.get("delivery_info") or {}
    message = read(
        headers,
        {name: value for name, value in properties.items() if name not in _TRANSPORT},
        Payload(
            _body(envelope.get("body"), properties.get("body_encoding"), cut_out),
            _text(envelope.get("content-type"), "application/json"),
            _text(envelope.get("content-encoding"), "utf-8"),
            headers.get("compression"),
        ),
        queue=queue,
        exchange=_text(came.get("exchange"), ""),
        routing_key=_text(came.get("routing_key"), queue),
    )
    return _Read(message, crashes, redelivered or headers.get("redelivered") is True)


def _opened(raw: bytes) -> tuple[Any, bytes | None]:
    """Return what stands in an envelope; its body apart, where that is in base 64.

    A body may be most of an envelope: cut out, it need not be a text before it is bytes.
    """
    if raw.startswith(_BODY_FIRST):
        end = raw.find(b'"', len(_BODY_FIRST))
        body = raw[len(_BODY_FIRST) : end]
        # Where there is no escape, the first quote is the one at its end.
        if end > 0 and b"\\" not in body:
            envelope = json.loads(_BODY_FIRST + raw[end:])
            if envelope["body"] == "" and _is_base64(envelope):
                return envelope, body
    return json.loads(raw), None


def _is_base64(envelope: dict[str, Any]) -> bool:
    properties = envelope.get("properties")
    return isinstance(properties, dict) and properties.get("body_encoding") == "base64"


def _mapping(envelope: dict[str, Any], name: str) -> dict[str, Any]:
    value = envelope.get(name)
    if not isinstance(value, dict):
        raise TypeError(f"{name} is {value!r:.50}: expected a JSON object")
    return value


def _body(value: Any, encoding: Any, cut_out: bytes | None) -> bytes:
    if cut_out is not None:
        return b64decode(cut_out, validate=True)
    if not isinstance(value, str):
        raise TypeError(f"body is {value!r:.50}: expected a text")
    return b64decode(value, validate=True) if encoding == "base64" else value.encode()


def _text(value: Any, default: str) -> str:
    if value is None:
        return default
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.50} stands where a text is expected")
    return value
