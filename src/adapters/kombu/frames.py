"""AMQP frames of what every task causes: publish, deliver, acknowledge, and ask for a sign of it.

All other methods go by py-amqp, which also reads whatever of these comes in an unusual shape.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import Final, NamedTuple

from .packet import Packet
from .tables import HEADERS, properties_from_bytes

#: Kinds of frames.
METHOD, HEADER, BODY = 1, 2, 3
#: Class and method, as they begin a frame.
DELIVER: Final = b"\x00\x3c\x00\x3c"
ACK: Final = b"\x00\x3c\x00\x50"
#: The sign that `window` asks for.
SIGN: Final = b"\x00\x3c\x00\x0b"
_WINDOW: Final = b"\x00\x3c\x00\x0a"
_PUBLISH: Final = b"\x00\x3c\x00\x28"
_REJECT: Final = b"\x00\x3c\x00\x5a"
#: What ends a frame.
END: Final = 0xCE
#: Bytes before and behind a frame's payload.
FRAME_HEAD, _AROUND = 7, 8

#: Kind, channel, size.
frame_head = Struct(">BHI")
_content_head = Struct(">HHQ")
_tag = Struct(">Q")
_settled = Struct(">QB")
_window = Struct(">IHB")


class Delivered(NamedTuple):
    """A delivery as a consumer gets it."""

    tag: int
    consumer: str
    packet: Packet


def publish(
    channel: int, exchange: str, key: str, properties: bytes, body: bytes, most: int, *, must: bool
) -> bytes:
    """Return the frames of a message, none longer than `most`; `must`: it comes back unrouted."""
    head = _content_head.pack(60, 0, len(body)) + properties
    parts = [_publish_method(channel, exchange, key, must), _frame(HEADER, channel, head)]
    room = most - _AROUND
    if len(body) <= room:
        if body:
            parts.append(_frame(BODY, channel, body))
    else:
        parts += [_frame(BODY, channel, body[at : at + room]) for at in range(0, len(body), room)]
    return b"".join(parts)


def acknowledge(channel: int, tag: int, *, multiple: bool) -> bytes:
    """Return the frame that acknowledges a delivery, or all up to it."""
    return _frame(METHOD, channel, ACK + _settled.pack(tag, multiple))


def requeue(channel: int, tag: int) -> bytes:
    """Return the frame that gives a delivery back to its queue."""
    return _frame(METHOD, channel, _REJECT + _settled.pack(tag, 1))


def window(channel: int, messages: int) -> bytes:
    """Return the frame that says how many may be on their way to the next consumer.

    Its answer is a sign that the server has carried out all that was said before on the channel,
    and the cheapest one: to declare a queue passively took 7-10 % of all throughput.
    """
    return _frame(METHOD, channel, _WINDOW + _window.pack(0, messages, 0))


def acknowledged(payload: bytes) -> tuple[int, bool]:
    """Return up to which message the server confirms, and whether all before it as well."""
    tag, bits = _settled.unpack_from(payload, 4)
    return tag, bool(bits & 1)


def size_of_content(raw: bytes, at: int, channel: int) -> int | None:
    """Return the size of the body whose header frame begins there; None if it is not whole."""
    if len(raw) < at + FRAME_HEAD:
        return None
    kind, number, size = frame_head.unpack_from(raw, at)
    if kind != HEADER or number != channel:
        raise ValueError("another frame stands where a header is expected")
    if len(raw) < at + size + _AROUND:
        return None
    found: int = _content_head.unpack_from(raw, at + FRAME_HEAD)[2]
    return found


def body_at(raw: bytes, at: int, channel: int, size: int) -> tuple[bytes, int] | None:
    """Return a body and where it ends; None if it is not whole. Raises ValueError."""
    parts = []
    while size > 0:
        if len(raw) < at + FRAME_HEAD:
            return None
        kind, number, length = frame_head.unpack_from(raw, at)
        if kind != BODY or number != channel:
            raise ValueError("another frame stands where a body is expected")
        start, end = at + FRAME_HEAD, at + FRAME_HEAD + length
        if len(raw) <= end:
            return None
        if raw[end] != END:
            raise ValueError("a frame does not end where it should")
        parts.append(raw[start:end])
        size -= length
        at = end + 1
    return (parts[0] if len(parts) == 1 else b"".join(parts)), at


def delivered(payload: bytes, header: bytes, body: bytes) -> Delivered:
    """Return a delivery. One whose properties cannot be read has none."""
    at = 5 + payload[4]
    consumer = _texted(payload[5:at])
    tag: int = _tag.unpack_from(payload, at)[0]
    again = payload[at + 8] & 1
    start = at + 10
    end = start + payload[at + 9]
    exchange = _texted(payload[start:end])
    key = _texted(payload[end + 1 : end + 1 + payload[end]])
    try:
        properties = properties_from_bytes(header, 12)
    except Exception:
        properties = {HEADERS: {}}
    return Delivered(tag, consumer, Packet(body, properties, exchange, key, again == 1))


def _frame(kind: int, channel: int, payload: bytes) -> bytes:
    return b"%b%b\xce" % (frame_head.pack(kind, channel, len(payload)), payload)


@lru_cache(maxsize=256)
def _publish_method(channel: int, exchange: str, key: str, must: bool) -> bytes:
    parts = [_PUBLISH, b"\x00\x00", _short(exchange), _short(key), bytes((must,))]
    return _frame(METHOD, channel, b"".join(parts))


def _short(text: str) -> bytes:
    raw = text.encode()
    return bytes((len(raw),)) + raw


@lru_cache(maxsize=1024)
def _texted(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
