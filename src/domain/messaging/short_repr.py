"""Arguments as a short text, for logs, events and whoever looks at a queue.

In the form that Celery's tools show: insertion order, single quotes, `...` for what is too deep or
too long. What must stay true: it is bounded whatever the value, never raises, and is one line.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

#: Longest `argsrepr` and `kwargsrepr`, in characters.
REPR_MAXSIZE: Final = 1024
#: Kept free for `, ...` and for closing what is open.
_ENDS: Final = 32
#: Deeper than anybody asks for, and not too deep for Python.
_DEEPEST: Final = 20

_PLAIN: Final = frozenset((int, float, bool, type(None)))


def short_repr(value: Any, levels: int = 3, most: int = REPR_MAXSIZE) -> str:
    """Return a repr of at most `most` characters that looks `levels` deep."""
    try:
        text = repr(value) if _small(value) else _written(value, levels, most)
    except Exception as broken:
        return f"<{type(value).__name__}: its repr raised {type(broken).__name__}>"
    return text if len(text) <= most else text[: most - 3] + "..."


def _small(value: Any) -> bool:
    """Tell whether Python's own repr is the same."""
    kind = type(value)
    if (kind is not tuple and kind is not list and kind is not dict) or len(value) >= 20:
        return False
    for item in value.values() if kind is dict else value:
        of = type(item)
        if of not in _PLAIN and (of is not str or len(item) >= 50 or "'" in item):
            return False
    return True


def _written(value: Any, levels: int, most: int) -> str:
    writer = _Writer(levels, most)
    writer.write(value, 0)
    return "".join(writer.parts)


class _Writer:
    """Writes until there is no room, and then only closes what is open."""

    __slots__ = ("levels", "parts", "room")

    def __init__(self, levels: int, most: int) -> None:
        self.levels = min(levels or _DEEPEST, _DEEPEST)
        self.parts: list[str] = []
        self.room = most - _ENDS

    def write(self, value: Any, level: int) -> None:
        match value:
            case str() | bytes():
                self._put(_quoted(value, self.room))
            case tuple():
                self._sequence("(", ",)" if len(value) == 1 else ")", value, level)
            case list():
                self._sequence("[", "]", value, level)
            case dict():
                self._mapping(value, level)
            case set() | frozenset() if value:
                kind = type(value)
                before, after = ("{", "}") if kind is set else (f"{kind.__name__}({{", "})")
                self._sequence(before, after, value, level)
            case _:
                self._put(_cut(repr(value), self.room))

    def _put(self, text: str) -> None:
        self.parts.append(text)
        self.room -= len(text)

    def _sequence(self, before: str, after: str, items: Iterable[Any], level: int) -> None:
        if level >= self.levels:
            self._put(f"{before}...{after}")
            return
        self._put(before)
        for position, item in enumerate(items):
            if not self._go_on(position):
                break
            self.write(item, level + 1)
        self._put(after)

    def _mapping(self, value: Mapping[Any, Any], level: int) -> None:
        if level >= self.levels:
            self._put("{...}")
            return
        self._put("{")
        for position, (key, item) in enumerate(value.items()):
            if not self._go_on(position):
                break
            self.write(key, level + 1)
            self._put(": ")
            self.write(item, level + 1)
        self._put("}")

    def _go_on(self, position: int) -> bool:
        """Write what stands between two items; False: there is no room for another one."""
        if self.room <= 0:
            self._put(", ..." if position else "...")
            return False
        if position:
            self._put(", ")
        return True


def _quoted(value: str | bytes, room: int) -> str:
    """Return a text in single quotes, with what would break a line escaped."""
    most = max(room, 0)
    text = repr(value[:most] if len(value) > most else value)
    if text.endswith('"'):  # as Python writes what holds a single quote
        start = text.index('"')
        text = f"{text[:start]}'{text[start + 1 : -1].replace(chr(39), chr(92) + chr(39))}'"
    return text if len(value) <= most else f"{text[:-1][: most + 1]}...'"


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: max(room, 0)]}..."
