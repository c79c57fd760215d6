"""Tables of headers that are alike: messages of one task differ in a few texts only.

What lies between those texts is compared in one go, and need not be read again. A shape is learnt
from a table that was read in full; what fits no shape is read in full as well.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from struct import Struct
from typing import Any, Final

#: Headers whose texts differ from message to message.
_DIFFERENT: Final = frozenset(("id", "root_id", "parent_id", "argsrepr", "kwargsrepr", "group"))
#: How many shapes are known at once; one of so many tables that fit none is learnt.
_KNOWN, _LEARNT = 4, 16

_size = Struct(">I")
#: Walks over the items of a table: name, where its value begins and ends, and the value.
Items = Callable[[bytes, int, int], list[tuple[Any, int, int, Any]]]


@dataclass(frozen=True, slots=True)
class _Step:
    """Bytes that are the same each time, what they say, and the name of the text after them."""

    run: bytes
    says: dict[Any, Any]
    name: str | None
    #: Lists and tables among that: a change of one message is not to be seen in another.
    copied: tuple[Any, ...]


class Shapes:
    """The shapes of the tables that came last. A race of threads costs a reading, no more."""

    def __init__(self, items: Items) -> None:
        self._items = items
        self._known: deque[tuple[_Step, ...]] = deque(maxlen=_KNOWN)
        self._misses = count()

    def read(self, raw: bytes, at: int, end: int) -> dict[Any, Any] | None:
        """Return a table that fits a known shape; None: it is to be read in full."""
        for steps in tuple(self._known):
            if raw.startswith(steps[0].run, at):
                found = _read(steps, raw, at, end)
                if found is not None:
                    return found
        if next(self._misses) % _LEARNT == 0 and (learnt := self._learnt(raw, at, end)):
            self._known.append(learnt)
        return None

    def _learnt(self, raw: bytes, at: int, end: int) -> tuple[_Step, ...]:
        steps: list[_Step] = []
        begun, says = at, dict[Any, Any]()
        for name, start, stop, value in self._items(raw, at, end):
            if name in _DIFFERENT and raw[start : start + 1] == b"S":
                steps.append(_Step(raw[begun : start + 1], says, name, _containers(says)))
                begun, says = stop, {}
            elif _is_deep(value):
                return ()
            else:
                says[name] = value
        return (*steps, _Step(raw[begun:end], says, None, _containers(says)))


def _read(steps: tuple[_Step, ...], raw: bytes, at: int, end: int) -> dict[Any, Any] | None:
    found: dict[Any, Any] = {}
    for step in steps:
        run = step.run
        if not raw.startswith(run, at):
            return None
        at += len(run)
        found |= step.says
        for name in step.copied:
            found[name] = found[name].copy()
        if step.name is not None:
            start = at + 4
            at = start + _size.unpack_from(raw, at)[0]
            found[step.name] = raw[start:at].decode()
    return found if at == end else None


def _containers(says: dict[Any, Any]) -> tuple[Any, ...]:
    return tuple(name for name, value in says.items() if isinstance(value, list | dict))


def _is_deep(value: Any) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(isinstance(one, list | dict) for one in inner)
