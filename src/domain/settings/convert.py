"""From what was written to what a setting holds.

What must stay true: `convert` accepts every value Celery's users rightly write (numbers as text,
time spans, single names for lists), returns the type that `fields.py` promises, and refuses the
rest in words that name the setting, the value and what was expected; a secret is never quoted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta, tzinfo
from typing import Any

from ..errors import InvalidSetting
from .options import CHOICES, KINDS

TRUE_WORDS = frozenset({"true", "yes", "on", "1", "y", "t"})
FALSE_WORDS = frozenset({"false", "no", "off", "0", "n", "f"})
NULL_WORDS = frozenset({"none", "null", ""})
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
SHOWN = 80  # characters of a refused value that a message quotes


def convert(name: str, value: Any, spelled: str | None = None) -> Any:
    """The value that setting `name` takes on; `spelled` is how its user wrote the name."""
    kind = KINDS[name]
    plain = kind.removesuffix("?")
    if value is None and plain != kind:
        return None
    try:
        if plain == "choice":
            return _choice(CHOICES[name], value)
        return CONVERTERS[plain](value)
    except (TypeError, ValueError, OverflowError):
        raise InvalidSetting(_refusal(name, value, spelled or name)) from None


def convert_text(name: str, text: str, spelled: str | None = None) -> Any:
    """The value of setting `name` given as text: from the environment or the command line."""
    kind = KINDS[name]
    if kind.endswith("?") and text.strip().lower() in NULL_WORDS:
        return None
    plain = kind.removesuffix("?")
    parsed = _parsed(text) if plain in JSON_KINDS else text
    return convert(name, parsed, spelled)


def expected(name: str) -> str:
    """What setting `name` wants, in words."""
    plain = KINDS[name].removesuffix("?")
    if plain == "choice":
        return "one of " + ", ".join(repr(choice) for choice in CHOICES[name])
    return EXPECTED[plain]


def _refusal(name: str, value: Any, spelled: str) -> str:
    from .presentation import masked

    shown = repr(masked(name, value))
    if len(shown) > SHOWN:
        shown = shown[:SHOWN] + "…"
    return f"{spelled}={shown}: expected {expected(name)}"


def _parsed(text: str) -> Any:
    import json

    try:
        return json.loads(text)
    except ValueError:
        return text


def _bool(value: Any) -> bool:
    if isinstance(value, str):
        word = value.strip().lower()
        if word not in TRUE_WORDS | FALSE_WORDS:
            raise ValueError(value)
        return word in TRUE_WORDS
    if value not in (0, 1):
        raise ValueError(value)
    return bool(value)


def _integer(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError(value)
    if isinstance(value, str):
        return int(value)
    if int(value) != value:
        raise ValueError(value)
    return int(value)


def _count(value: Any) -> int:
    number = _integer(value)
    if number < 0:
        raise ValueError(value)
    return number


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError(value)
    number: float = float(value) if isinstance(value, str) else value + 0
    if number != number:
        raise ValueError(value)
    return number


def _seconds(value: Any) -> float:
    number = value.total_seconds() if isinstance(value, timedelta) else _number(value)
    if number < 0:
        raise ValueError(value)
    return number


def _lifetime(value: Any) -> float | timedelta:
    _seconds(value)
    return value if isinstance(value, timedelta) else _number(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _path(value: Any) -> str:
    return _text(value.__fspath__() if hasattr(value, "__fspath__") else value)


def _bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if not isinstance(value, (bytes, bytearray)):
        raise TypeError(value)
    return bytes(value)


def _names(value: Any) -> list[str] | tuple[str, ...]:
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    names = value if isinstance(value, list) else tuple(_ordered(value))
    if not all(isinstance(name, str) for name in names):
        raise TypeError(value)
    return names


def _ordered(value: Any) -> Any:
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, (bytes, Mapping)):
        raise TypeError(value)
    return value


def _urls(value: Any) -> str | list[str] | tuple[str, ...]:
    return value if isinstance(value, str) else _names(value)


def _dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(value)
    return value if isinstance(value, dict) else dict(value)


def _tls(value: Any) -> bool | dict[str, Any]:
    return _dict(value) if isinstance(value, Mapping) else _bool(value)


def _class(value: Any) -> str | type[Any]:
    return value if isinstance(value, type) else _text(value)


def _name_or_callable(value: Any) -> str | Callable[..., Any]:
    return value if callable(value) else _text(value)


def _id(value: Any) -> str | int:
    return value if isinstance(value, str) else _count(value)


def _rate(value: Any) -> str | float:
    if not isinstance(value, str):
        return _seconds(value)
    number, slash, unit = value.partition("/")
    if float(number) < 0 or (slash and unit not in ("s", "m", "h")):
        raise ValueError(value)
    return value


def _queues(value: Any) -> Any:
    if isinstance(value, (str, bytes, int, float)):
        raise TypeError(value)
    if not isinstance(value, Mapping):
        iter(value)
    return value


def _slots(value: Any) -> int | str:
    return value if value == "auto" else _count(value)


def _level(value: Any) -> str | int:
    if isinstance(value, str) and not value.isdigit():
        if value.upper() not in LEVELS:
            raise ValueError(value)
        return value.upper()
    return _count(value)


def _timezone(value: Any) -> str | tzinfo:
    return value if isinstance(value, tzinfo) else _text(value)


def _address(value: Any) -> str:
    host, colon, port = str(value).rpartition(":")
    if isinstance(value, bool) or not 0 <= int(port) < 65_536 or (colon and not host):
        raise ValueError(value)
    return f"{host or '0.0.0.0'}:{int(port)}"  # noqa: S104 - a bare port is meant for all addresses


def _choice(choices: tuple[str | int, ...], value: Any) -> str | int:
    for choice in choices:
        same = str(value).lower() == str(choice) if isinstance(value, str) else value == choice
        if same and not isinstance(value, bool):
            return choice
    raise ValueError(value)


def _any(value: Any) -> Any:
    return value


# Kinds whose text is read as JSON where it is JSON.
JSON_KINDS = frozenset({"any", "dict", "names", "queues", "tls", "urls"})

CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "address": _address,
    "any": _any,
    "bool": _bool,
    "bytes": _bytes,
    "class": _class,
    "count": _count,
    "dict": _dict,
    "id": _id,
    "integer": _integer,
    "level": _level,
    "lifetime": _lifetime,
    "name_or_callable": _name_or_callable,
    "names": _names,
    "number": _number,
    "path": _path,
    "queues": _queues,
    "rate": _rate,
    "seconds": _seconds,
    "slots": _slots,
    "text": _text,
    "timezone": _timezone,
    "tls": _tls,
    "urls": _urls,
}

EXPECTED: dict[str, str] = {
    "address": "a port, or host:port, such as 8080 or '127.0.0.1:8080'",
    "any": "any value",
    "bool": "True or False",
    "bytes": "bytes, such as b'secret'",
    "class": "a class or its dotted path, such as 'package.module:Class'",
    "count": "a whole number, zero or more, such as 4",
    "dict": "a mapping, such as {'key': 'value'}",
    "id": "a name or a number",
    "integer": "a whole number, such as 4",
    "level": "a log level: " + ", ".join(LEVELS),
    "lifetime": "a number of seconds, such as 3600.0, or a timedelta",
    "name_or_callable": "a name or a callable",
    "names": "a list of names, such as ['json']",
    "number": "a number, such as 2.0",
    "path": "a path, such as '/var/lib/worker.db'",
    "queues": "a list of queues, or a mapping of queue name to options",
    "rate": "a rate, such as '10/s', '100/m' or 5",
    "seconds": "a number of seconds, such as 30.0",
    "slots": "a whole number, such as 4, or 'auto'",
    "text": "text, such as 'name'",
    "timezone": "the name of a time zone, such as 'Europe/Paris', or a tzinfo",
    "tls": "True, False or a mapping of TLS options",
    "urls": "a URL, such as 'redis://localhost:6379/0', or a list of them",
}
