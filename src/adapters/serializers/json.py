"""JSON as Celery and kombu write it.

What JSON lacks travels as `{"__type__": name, "__value__": text}`: datetime, date, time, Decimal,
UUID and bytes. Tuples become lists. Other types raise EncodeError, unless they have `__json__`.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from ...domain.errors import DecodeError, EncodeError
from ...domain.messaging.payload import EncodeCall
from ...ports.codec import CallSerializer, Serializer

_MARK: Final = b'"__type__"'
_TAGS: Final = frozenset(("__type__", "__value__"))


def _tagged(name: str, value: Any) -> dict[str, Any]:
    return {"__type__": name, "__value__": value}


def _bytes(value: Any) -> dict[str, Any]:
    try:
        return _tagged("bytes", value.decode("utf-8"))
    except UnicodeDecodeError:
        return _tagged("base64", base64.b64encode(value).decode("ascii"))


#: From the most to the least special: a datetime is a date too.
_WRITERS: Final[tuple[tuple[type[Any], Callable[[Any], Any]], ...]] = (
    (datetime, lambda value: _tagged("datetime", value.isoformat())),
    (date, lambda value: _tagged("date", value.isoformat())),
    (time, lambda value: _tagged("time", value.isoformat())),
    (Decimal, lambda value: _tagged("decimal", str(value))),
    (UUID, lambda value: _tagged("uuid", {"hex": value.hex})),
    (bytes, _bytes),
)

_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "datetime": datetime.fromisoformat,
    # Some senders write a date as midnight.
    "date": lambda value: datetime.fromisoformat(value).date(),
    "time": time.fromisoformat,
    "decimal": Decimal,
    "uuid": lambda value: UUID(**value),
    "bytes": lambda value: value.encode("utf-8"),
    "base64": lambda value: base64.b64decode(value.encode("ascii")),
}


def _write(value: Any) -> Any:
    if callable(own := getattr(value, "__json__", None)):
        return own()
    for kind, writer in _WRITERS:
        if isinstance(value, kind):
            return writer(value)
    raise TypeError(f"a {type(value).__module__}.{type(value).__qualname__} is not JSON")


def _read(found: dict[str, Any]) -> Any:
    if found.keys() != _TAGS:
        return found
    name = found["__type__"]
    reader = _READERS.get(name) if isinstance(name, str) else None
    return found if reader is None else reader(found["__value__"])


def _quick_encoder() -> Any:
    """Return what JSONEncoder makes anew for each value; None where there is none."""
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return None
    write_text = json.encoder.encode_basestring_ascii
    return make(None, _write, write_text, None, ": ", ", ", False, False, True)


class JsonSerializer(Serializer, CallSerializer):
    """The default: readable everywhere, and nothing in it can run code."""

    name = "json"
    content_type = "application/json"
    content_encoding = "utf-8"

    def __init__(self) -> None:
        """Prepare the encoder once: making one for each value doubles the cost."""
        self._encode = json.JSONEncoder(default=_write).encode
        self._pieces = _quick_encoder()
        decoder: Any = json.JSONDecoder()
        self._scan, self._plain = decoder.scan_once, decoder.decode
        self._tagged = json.JSONDecoder(object_hook=_read).decode

    def dumps(self, value: Any) -> bytes:
        """Encode as UTF-8."""
        if value is None:  # what most tasks return
            return b"null"
        return self._text(value).encode("utf-8", "surrogatepass")

    def calls(self, embed: Mapping[str, Any]) -> EncodeCall:
        """Return what encodes `[args, kwargs, embed]`; the embed is written once."""
        end = self._text([{}, embed])[1:]

        def encode(args: Sequence[Any], kwargs: Mapping[str, Any]) -> bytes:
            if kwargs:
                return self.dumps([list(args), dict(kwargs), embed])
            return f"[{self._text(list(args))}, {end}".encode("utf-8", "surrogatepass")

        return encode

    def _text(self, value: Any) -> str:
        if self._pieces is None:
            return self._told(value)
        try:
            return "".join(self._pieces(value, 0))
        except Exception:  # what is wrong is said in better words there
            return self._told(value)

    def _told(self, value: Any) -> str:
        try:
            return self._encode(value)
        except Exception as broken:  # a `__json__` of the user's may raise anything
            raise EncodeError(f"cannot encode as JSON: {broken}") from broken

    def loads(self, data: bytes) -> Any:
        """Decode; the hook for tagged values costs only where there are any."""
        decode = self._tagged if _MARK in data else self._quickly
        try:
            return decode(data.decode("utf-8", "surrogatepass"))
        except Exception as broken:
            raise DecodeError(f"not JSON: {broken}") from broken

    def _quickly(self, text: str) -> Any:
        """Decode without the decoder's frames, where nothing stands around the value."""
        try:
            value, end = self._scan(text, 0)
        except StopIteration:
            return self._plain(text)
        return value if end == len(text) else self._plain(text)
