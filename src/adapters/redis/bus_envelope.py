"""What is said on the bus as kombu's JSON envelope, both ways."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any, Final
from uuid import uuid4

from ...domain.cluster.speech import BusMessage
from ...domain.errors import DecodeError, EncodeError, SecurityError, SerializerNotInstalled
from ...domain.messaging.payload import Payload
from ...ports.bus import Bodies

# What reading arbitrary bytes as a message may raise.
_UNREADABLE: Final = (
    *(ValueError, TypeError, LookupError, AttributeError, RecursionError),
    *(DecodeError, SerializerNotInstalled, SecurityError),
)


def raw_of(message: BusMessage, bodies: Bodies | None = None) -> bytes:
    """Return the envelope of a message. Raises EncodeError for what cannot be written."""
    try:
        payload = bodies.encode(message) if bodies else Payload(json.dumps(message.body).encode())
        return json.dumps(_envelope(message, payload)).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise EncodeError(
            f"a message on {message.channel!r} cannot be written as JSON ({error}); "
            "put plain data there"
        ) from error


def said_in(raw: bytes, bodies: Bodies | None = None) -> BusMessage | None:
    """Return the message in an envelope; None for what cannot be read, or is not accepted."""
    try:
        envelope = json.loads(raw)
        came = envelope["properties"]["delivery_info"]
        headers = envelope.get("headers") or {}
        payload = _payload(envelope, headers)
        if bodies is None and payload.content_type != "application/json":
            return None
        body = bodies.decode(payload) if bodies else json.loads(payload.data)
        return BusMessage(
            str(came["exchange"]), body, str(came.get("routing_key") or ""), dict(headers)
        )
    except _UNREADABLE:
        return None


def _payload(envelope: dict[str, Any], headers: dict[str, Any]) -> Payload:
    text = envelope["body"]
    packed = envelope["properties"].get("body_encoding") == "base64"
    return Payload(
        b64decode(text) if packed else text.encode(),
        envelope["content-type"],
        envelope.get("content-encoding") or "utf-8",
        headers.get("compression"),
    )


def _envelope(message: BusMessage, payload: Payload) -> dict[str, Any]:
    return {
        "body": b64encode(payload.data).decode(),
        "content-encoding": payload.content_encoding,
        "content-type": payload.content_type,
        "headers": dict(message.headers),
        "properties": {
            "delivery_mode": 1,
            "delivery_info": {"exchange": message.channel, "routing_key": message.key},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid4()),
        },
    }
