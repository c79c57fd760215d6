"""A message as AMQP carries it: a body, properties with a table of headers, and where it came by.

Reading is total: whatever a queue holds, it becomes a delivery or an undecodable. What we have to
remember of a message that was published again (its crashes, where it had first been sent) stands
in one header of ours, which Celery passes over.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from ...domain.errors import EncodeError
from ...domain.messaging.delivery import Delivery, Token, Undecodable
from ...domain.messaging.message import TaskMessage
from ...domain.messaging.payload import Payload
from ...domain.messaging.protocol import headers_of, properties_of, read
from .tables import HEADERS as _HEADERS
from .tables import properties_to_bytes

#: Our header: a table with `crashes`, `redelivered`, `exchange`, `routing_key` …
MARK: Final = "celeriac"
#: What RabbitMQ adds to a message on its way.
_OF_RABBITMQ: Final = ("x-death", "x-first-death-", "x-last-death-", "x-delivery-count")
_PLACES: Final = ("exchange", "queue", "reason")
_NOT_SENT: Final = (
    MARK,
    "x-death",
    "x-delivery-count",
    *(f"x-{turn}-death-{place}" for turn in ("first", "last") for place in _PLACES),
)
#: Properties of AMQP with the type their values must have.
_TEXTS: Final = frozenset(
    ("correlation_id", "reply_to", "expiration", "message_id", "type", "user_id", "app_id")
)
_OUTSIDE: Final = frozenset((_HEADERS, "content_type", "content_encoding"))
#: The longest text AMQP's properties hold, in bytes.
_SHORT: Final = 255
# What reading an arbitrary message may raise.
_UNREADABLE: Final = (ValueError, TypeError, LookupError, AttributeError, RecursionError)


class Packet(NamedTuple):
    """One AMQP message. A tuple, since one is made of each that comes and goes."""

    body: bytes
    properties: Mapping[str, Any]
    exchange: str = ""
    routing_key: str = ""
    redelivered: bool = False

    @property
    def headers(self) -> Mapping[str, Any]:
        """The table of headers, empty where there is none."""
        table = self.properties.get(_HEADERS)
        return table if isinstance(table, dict) else {}

    @property
    def mark(self) -> Mapping[str, Any]:
        """What we remember of it."""
        mark = self.headers.get(MARK)
        return mark if isinstance(mark, dict) else {}

    @property
    def crashes(self) -> int:
        """How often a process died of it."""
        crashes = self.mark.get("crashes")
        return crashes if isinstance(crashes, int) and crashes > 0 else 0

    @property
    def task_id(self) -> str:
        """The id in its headers, or where protocol 1 had it; empty where there is none."""
        task_id = self.headers.get("id") or self.properties.get("correlation_id")
        return task_id if isinstance(task_id, str) else ""

    @property
    def attempt(self) -> str:
        """Which run of which task this is: the same each time that this very message comes."""
        headers = self.headers
        numbers = (headers.get("retries"), headers.get("replaced_task_nesting"))
        said = [self.task_id, *(str(number or 0) for number in numbers)]
        return "/".join([*said, str(self.mark.get("copy") or "")])

    def marked(self, **marks: Any) -> Packet:
        """Return a copy with marks of ours beside those it has; None takes one away."""
        kept = {**self.mark, **marks}
        kept = {name: value for name, value in kept.items() if value is not None}
        headers = {name: value for name, value in self.headers.items() if not _is_foreign(name)}
        headers.pop(MARK, None)
        if kept:
            headers[MARK] = kept
        return self._replace(properties={**self.properties, _HEADERS: headers})

    def lasting(self) -> Packet:
        """Return a copy that no server deletes when its time is over: a worker records that."""
        properties = {k: v for k, v in self.properties.items() if k != "expiration"}
        return self._replace(properties=properties)


def packet_of(message: TaskMessage) -> Packet:
    """Return a message as it is published. Raises EncodeError for headers AMQP cannot carry."""
    said = properties_of(message)
    properties = {
        name: value
        for name, value in said.items()
        if name in ("delivery_mode", "priority")
        or (name in _TEXTS and isinstance(value, str) and len(value.encode()) <= _SHORT)
    }
    properties["content_type"] = message.content_type
    properties["content_encoding"] = message.content_encoding
    properties[_HEADERS] = headers_of(message)
    return Packet(message.body, properties, message.exchange, message.routing_key)


def properties_written(packet: Packet) -> bytes:
    """Return properties as they are published. Raises EncodeError for what no table holds."""
    try:
        return properties_to_bytes(packet.properties)
    except Exception as error:
        raise EncodeError(
            f"message {packet.task_id}: its headers or properties cannot be written as an AMQP "
            f"table ({error!r:.200}); put plain data there: texts, numbers, lists, mappings"
        ) from error


def from_amqp(found: Any) -> Packet:
    """Return what py-amqp received."""
    came = found.delivery_info or {}
    body = found.body
    return Packet(
        body.encode("utf-8", "surrogateescape") if isinstance(body, str) else bytes(body or b""),
        dict(found.properties),
        str(came.get("exchange") or ""),
        str(came.get("routing_key") or ""),
        bool(came.get("redelivered")),
    )


def delivery_of(
    packet: Packet, token: Token, queue: str, came: tuple[str, str]
) -> Delivery | Undecodable:
    """Return what a claim hands out; `came` is the exchange and routing key it was sent by."""
    try:
        message = _message(packet, queue, came)
    except _UNREADABLE as error:
        return Undecodable(packet.body, token, queue, f"it is no task message: {error}")
    redelivered = packet.redelivered or packet.mark.get("redelivered") is True
    return Delivery(message, token, queue, packet.crashes, redelivered)


def message_of(packet: Packet, queue: str, came: tuple[str, str]) -> TaskMessage | None:
    """Return the message in a packet, None where it cannot be read."""
    try:
        return _message(packet, queue, came)
    except _UNREADABLE:
        return None


def to_bytes(packet: Packet) -> bytes:
    """Return a packet as the ledger keeps it."""
    properties = dict(packet.properties)
    head = {"properties": properties, "exchange": packet.exchange, "key": packet.routing_key}
    written = json.dumps(head, default=_plain).encode()
    return len(written).to_bytes(4, "big") + written + packet.body


def from_bytes(raw: bytes) -> Packet:
    """Return a packet that `to_bytes` wrote. Raises ValueError."""
    size = int.from_bytes(raw[:4], "big")
    head = json.loads(raw[4 : 4 + size])
    return Packet(raw[4 + size :], head["properties"], head["exchange"], head["key"], True)


def payload_of(packet: Packet) -> Payload:
    """Return the body with what says how to read it. Raises TypeError."""
    said = packet.properties
    return Payload(
        packet.body,
        _text(said.get("content_type"), "application/json"),
        _text(said.get("content_encoding"), "utf-8"),
        packet.headers.get("compression"),
    )


def _message(packet: Packet, queue: str, came: tuple[str, str]) -> TaskMessage:
    headers = packet.headers
    if not headers.keys().isdisjoint(_NOT_SENT):
        headers = {name: value for name, value in headers.items() if not _is_foreign(name)}
        headers.pop(MARK, None)
    said = packet.properties
    return read(
        headers,
        {name: value for name, value in said.items() if name not in _OUTSIDE},
        payload_of(packet),
        queue=queue,
        exchange=came[0],
        routing_key=came[1],
    )


def _is_foreign(name: Any) -> bool:
    return not isinstance(name, str) or name.startswith(_OF_RABBITMQ)


def _text(value: Any, default: str) -> str:
    if value is None or value == "":
        return default
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.50} stands where a text is expected")
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        return b64encode(bytes(value)).decode()
    return str(value)
