"""Parts of chords, each counted once; whoever counts the last one is told so, once.

A chord is a hash of our own beside Celery's keys: a field `+<task id>` for each part, and `fired`
when somebody was told that it is complete. A part is a line of JSON that describes it, then its
result as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from ...domain.canvas.chords import ChordCount, ChordPart
from ...domain.messaging.payload import Payload
from .store import Script

_FIRED: Final = b"fired"

#: Lua that counts one part; the settler's scripts may begin with it too. `ttl` in seconds, 0: for
#: ever. Returns how many parts are in, and 1 for the one who completed the chord.
COUNT_FUNCTION: Final = """
local function count_part(key, task_id, part, size, ttl)
  redis.call('HSETNX', key, '+' .. task_id, part)
  if ttl > 0 then redis.call('EXPIRE', key, ttl) end
  local fired = redis.call('HEXISTS', key, 'fired')
  local counted = redis.call('HLEN', key) - fired
  if fired == 0 and counted >= size then
    redis.call('HSET', key, 'fired', 1)
    return counted, 1
  end
  return counted, 0
end
"""

COUNT: Final = Script(
    COUNT_FUNCTION
    + """
local answers = {}
for number, key in ipairs(KEYS) do
  local task_id, part, size = unpack(ARGV, number * 3 - 1, number * 3 + 1)
  local counted, first = count_part(key, task_id, part, tonumber(size), tonumber(ARGV[1]))
  answers[#answers + 1] = counted
  answers[#answers + 1] = first
end
return answers
"""
)


def arguments(parts: Iterable[ChordPart], ttl: int) -> list[Any]:
    """Return what `COUNT` is given beside one key a part."""
    return [ttl, *(value for part in parts for value in (part.task_id, encoded(part), part.size))]


def counts(parts: Sequence[ChordPart], answers: Sequence[int]) -> list[ChordCount]:
    """Return what `COUNT` answered."""
    return [
        ChordCount(part.group_id, counted, part.size, bool(first))
        for part, counted, first in zip(parts, answers[::2], answers[1::2], strict=True)
    ]


def encoded(part: ChordPart) -> bytes:
    """Return a part as it is kept."""
    result = part.result
    said: list[Any] = [part.task_id, part.index, part.size, part.state]
    if result is None:
        return json.dumps(said).encode()
    said += [result.content_type, result.content_encoding, result.compression]
    return json.dumps(said).encode() + b"\n" + result.data


def parts_of(group_id: str, kept: dict[bytes, bytes]) -> list[ChordPart]:
    """Return the parts in a chord's hash by index; those without one come last."""
    parts = [_part(group_id, data) for field, data in kept.items() if field != _FIRED]
    return sorted(parts, key=lambda part: (part.index is None, part.index or 0))


def _part(group_id: str, data: bytes) -> ChordPart:
    line, _, result = data.partition(b"\n")
    task_id, index, size, state, *encoding = json.loads(line)
    payload = Payload(result, *encoding) if encoding else None
    return ChordPart(group_id, task_id, index, size, state, payload)
