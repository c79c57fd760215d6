"""What is said on the bus as kombu's JSON envelope, both ways."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any, Final
from uuid import uuid4

from ...domain.cluster.speech import BusMessage
from ...domain.errors import EncodeError

# What reading arbitrary bytes as a message may raise.
_UNREADABLE: Final = (ValueError, TypeError, LookupError, AttributeError, RecursionError)


def raw_of(message: BusMessage) -> bytes:
    """Return the envelope of a message. Raises EncodeError for what JSON cannot say."""
    try:
        body = json.dumps(message.body).encode()
        return json.dumps(_envelope(message, body)).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise EncodeError(
            f"a message on {message.channel!r} cannot be written as JSON ({error}); "
            "put plain data there"
        ) from error


def said_in(raw: bytes) -> BusMessage | None:
    """Return the message in an envelope; None for what cannot be read, or is not JSON."""
    try:
        envelope = json.loads(raw)
        properties = envelope["properties"]
        came = properties["delivery_info"]
        if envelope.get("content-type") != "application/json":
            return None
        text = envelope["body"]
        body = b64decode(text) if properties.get("body_encoding") == "base64" else text
        headers = envelope.get("headers") or {}
        if not isinstance(headers, dict):
            return None
        return BusMessage(
            str(came["exchange"]), json.loads(body), str(came.get("routing_key") or ""), headers
        )
    except _UNREADABLE:
        return None


def _envelope(message: BusMessage, body: bytes) -> dict[str, Any]:
    return {
        "body": b64encode(body).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": dict(message.headers),
        "properties": {
            "delivery_mode": 1,
            "delivery_info": {"exchange": message.channel, "routing_key": message.key},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid4()),
        },
    }
