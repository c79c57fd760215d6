"""AMQP's properties and tables of headers as bytes: every message passes here on both its ways.

Both directions agree with py-amqp in every byte, in a small part of its time. Kinds of values that
tasks do not use are left to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from struct import Struct
from typing import Any, Final

from .driver import amqp
from .shapes import Shapes

#: Where the table of headers stands among the properties.
HEADERS: Final = "application_headers"
#: Basic's properties in the order of their flags, the highest bit first: name and kind.
_PROPERTIES: Final = (
    ("content_type", "s"),
    ("content_encoding", "s"),
    (HEADERS, "F"),
    ("delivery_mode", "o"),
    ("priority", "o"),
    ("correlation_id", "s"),
    ("reply_to", "s"),
    ("expiration", "s"),
    ("message_id", "s"),
    ("timestamp", "L"),
    ("type", "s"),
    ("user_id", "s"),
    ("app_id", "s"),
    ("cluster_id", "s"),
)
_FLAGS: Final = tuple((0x8000 >> n, *one) for n, one in enumerate(_PROPERTIES))

_short, _long, _number = Struct(">H"), Struct(">I"), Struct(">q")
_text, _whole, _real = Struct(">cI"), Struct(">ci"), Struct(">cd")
_LOW, _HIGH = -(2**31) + 1, 2**31 - 1


def properties_to_bytes(properties: Mapping[str, Any]) -> bytes:
    """Return flags and properties. Raises whatever says that a value cannot be written."""
    flags = 0
    parts = [b""]
    for flag, name, kind in _FLAGS:
        value = properties.get(name)
        if value is None:
            continue
        flags |= flag
        if kind == "s":
            parts.append(_short_text(value))
        elif kind == "F":
            parts.append(_counted(_table(value)))
        elif kind == "o":
            parts.append(bytes((value,)))
        else:
            parts.append(value.to_bytes(8, "big"))
    parts[0] = _short.pack(flags)
    return b"".join(parts)


def properties_from_bytes(raw: bytes, at: int) -> dict[str, Any]:
    """Return what stands there. Raises whatever says that it is none of this."""
    flags: int = _short.unpack_from(raw, at)[0]
    at += 2
    found: dict[str, Any] = {}
    for flag, name, kind in _FLAGS:
        if not flags & flag:
            continue
        if kind == "s":
            end = at + 1 + raw[at]
            found[name] = raw[at + 1 : end].decode("utf-8", "surrogatepass")
            at = end
        elif kind == "F":
            end = at + 4 + _long.unpack_from(raw, at)[0]
            found[name] = _table_or_unusual(raw, at, end)
            at = end
        elif kind == "o":
            found[name] = raw[at]
            at += 1
        else:
            found[name] = int.from_bytes(raw[at : at + 8], "big")
            at += 8
    return found


# -- writing


def _table(values: Mapping[Any, Any]) -> bytes:
    parts = []
    for name, value in values.items():
        parts.append(_name_to_bytes(name))
        kind = type(value)
        if value is None:
            parts.append(b"V")
        elif kind is str:
            raw = value.encode("utf-8", "surrogatepass")
            parts.append(_text.pack(b"S", len(raw)))
            parts.append(raw)
        else:
            parts.append(_WRITERS.get(kind, _unusual)(value))
    return b"".join(parts)


def _counted(raw: bytes) -> bytes:
    return _long.pack(len(raw)) + raw


def _item(value: Any) -> bytes:
    return _WRITERS.get(type(value), _unusual)(value)


def _of_text(value: str) -> bytes:
    raw = value.encode("utf-8", "surrogatepass")
    return _text.pack(b"S", len(raw)) + raw


def _of_number(value: int) -> bytes:
    if _LOW <= value <= _HIGH:
        return _whole.pack(b"I", value)
    return b"L" + _number.pack(value)


def _of_list(values: Sequence[Any]) -> bytes:
    return b"A" + _counted(b"".join([_item(value) for value in values]))


def _unusual(value: Any) -> bytes:
    written: bytes = amqp().serialization.dumps("A", [[value]])
    return written[4:]


_WRITERS: Final[Mapping[type, Callable[[Any], bytes]]] = {
    type(None): lambda value: b"V",
    str: _of_text,
    int: _of_number,
    bool: lambda value: b"t\x01" if value else b"t\x00",
    float: lambda value: _real.pack(b"d", value),
    list: _of_list,
    tuple: _of_list,
    dict: lambda value: b"F" + _counted(_table(value)),
}


@lru_cache(maxsize=1024)
def _name_to_bytes(name: str | bytes) -> bytes:
    return _short_text(name)


def _short_text(value: str | bytes) -> bytes:
    raw = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    return bytes((len(raw),)) + raw


# -- reading

_S, _V, _I, _T, _D, _A = b"SVItdA"
_LONG, _SIZED = b"lL", b"SFA"


class _Unusual(Exception):
    """A kind of value that is read by py-amqp."""


def _table_or_unusual(raw: bytes, at: int, end: int) -> dict[Any, Any]:
    try:
        found = _SHAPES.read(raw, at + 4, end)
        return _table_from(raw, at + 4, end) if found is None else found
    except (_Unusual, UnicodeDecodeError):
        table: dict[Any, Any] = amqp().serialization.loads("F", raw, at)[0][0]
        return table


def _table_from(raw: bytes, at: int, end: int) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    size = _long.unpack_from
    while at < end:
        start = at + 1
        at = start + raw[at]
        name = _name(raw[start:at])
        kind = raw[at]
        # The most frequent kinds are read in place.
        if kind == _S:
            start = at + 5
            at = start + size(raw, at + 1)[0]
            found[name] = raw[start:at].decode()
        elif kind == _V:
            found[name] = None
            at += 1
        elif kind == _I:
            found[name] = _whole.unpack_from(raw, at)[1]
            at += 5
        elif kind == _T:
            found[name] = raw[at + 1] != 0
            at += 2
        else:
            found[name], at = _value(raw, at)
    return found


def _items_from(raw: bytes, at: int, end: int) -> list[tuple[Any, int, int, Any]]:
    items = []
    while at < end:
        start = at + 1 + raw[at]
        value, stop = _value(raw, start)
        items.append((_name(raw[at + 1 : start]), start, stop, value))
        at = stop
    return items


def _list_from(raw: bytes, at: int, end: int) -> list[Any]:
    found = []
    while at < end:
        value, at = _value(raw, at)
        found.append(value)
    return found


def _value(raw: bytes, at: int) -> tuple[Any, int]:
    kind = raw[at]
    if kind == _V:
        return None, at + 1
    if kind == _I:
        return _whole.unpack_from(raw, at)[1], at + 5
    if kind == _T:
        return raw[at + 1] != 0, at + 2
    if kind in _LONG:
        return _number.unpack_from(raw, at + 1)[0], at + 9
    if kind == _D:
        return _real.unpack_from(raw, at)[1], at + 9
    if kind not in _SIZED:
        raise _Unusual
    start = at + 5
    end = start + _long.unpack_from(raw, at + 1)[0]
    if kind == _S:
        return raw[start:end].decode(), end
    return (_list_from if kind == _A else _table_from)(raw, start, end), end


@lru_cache(maxsize=1024)
def _name(raw: bytes) -> str:
    return raw.decode()


_SHAPES: Final = Shapes(_items_from)
