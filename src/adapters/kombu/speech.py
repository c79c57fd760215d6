"""What is said on the bus as AMQP messages, in the serializers of the site, both ways."""

from __future__ import annotations

import json
from typing import Final

from ...domain.cluster.speech import BusMessage
from ...domain.errors import DecodeError, EncodeError, SecurityError, SerializerNotInstalled
from ...domain.messaging.payload import Payload
from ...ports.bus import Bodies
from .packet import Packet, payload_of
from .tables import HEADERS

# What reading an arbitrary message may raise.
_UNREADABLE: Final = (
    *(ValueError, TypeError, LookupError, AttributeError, RecursionError),
    *(DecodeError, SerializerNotInstalled, SecurityError),
)


def packet_saying(message: BusMessage, bodies: Bodies | None, *, lasting: bool) -> Packet:
    """Return what is published; `lasting`: it may be written to disk. Raises EncodeError."""
    try:
        payload = bodies.encode(message) if bodies else Payload(json.dumps(message.body).encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise EncodeError(
            f"a message on {message.channel!r} cannot be written as JSON ({error}); "
            "put plain data there"
        ) from error
    properties = {
        "content_type": payload.content_type,
        "content_encoding": payload.content_encoding,
        HEADERS: dict(message.headers),
        "delivery_mode": 2 if lasting else 1,
        "priority": 0,
    }
    return Packet(payload.data, properties)


def said_in(packet: Packet, channel: str, bodies: Bodies | None) -> BusMessage | None:
    """Return the message in a packet; None for what cannot be read, or is not accepted."""
    try:
        payload = payload_of(packet)
        if bodies is None and payload.content_type != "application/json":
            return None
        body = bodies.decode(payload) if bodies else json.loads(payload.data)
    except _UNREADABLE:
        return None
    return BusMessage(channel, body, packet.routing_key, dict(packet.headers))
