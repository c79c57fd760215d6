"""What the scripts over chords are given, and what they and Celery's workers have kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from ...domain.canvas.chords import ChordCount, ChordPart
from ...domain.documents.meta import Encoding, chord_member_of
from ...domain.documents.meta_reading import chord_part_of

#: What a chord leaves besides the saved group.
ENDINGS: Final = (".j", ".t", ".s", ".d", ".c")
#: Celery's score of a part without an index.
_LAST: Final = "+inf"
#: Seconds for which a closed chord is remembered at least, as by Celery.
_SHORTEST: Final = 300
#: Parts in one command.
_AT_ONCE: Final = 5000


@dataclass(frozen=True, slots=True)
class Keeping:
    """For how long (seconds, 0: for ever) and in which order chords are kept.

    `results` is for how long results are, which counts for saved groups too.
    """

    chords: int
    results: int
    ordered: bool = True

    def arguments(self) -> tuple[int, int, int, int]:
        """Return what `kept_by` takes."""
        for_ever = not self.chords or not self.results
        longest = 0 if for_ever else max(self.chords, self.results)
        return self.chords, longest, longest and max(longest, _SHORTEST), int(self.ordered)


def arguments_of(part: ChordPart, encoding: Encoding) -> tuple[Any, ...]:
    """Return what `count_part` takes after the key."""
    index = _LAST if part.index is None else part.index
    size = "" if part.size is None else part.size
    return part.task_id.encode(), index, size, chord_member_of(part, encoding)


def counts(parts: Sequence[ChordPart], answers: Sequence[Any]) -> Iterator[ChordCount]:
    """Return what `COUNT` answered."""
    for part, counted, size, told in zip(
        parts, answers[::3], answers[1::3], answers[2::3], strict=True
    ):
        yield ChordCount(part.group_id, counted, None if size == b"" else int(size), bool(told))


def members(client: Any, key: str) -> Iterable[tuple[bytes, float | None]]:
    """Return the parts at the key of a group with their scores, as they stand there."""
    key += ".j"
    ordered = client.type(key) != b"list"
    for begin in count(0, _AT_ONCE):
        end = begin + _AT_ONCE - 1
        if ordered:
            some = client.zrange(key, begin, end, withscores=True)
        else:
            some = [(member, None) for member in client.lrange(key, begin, end)]
        yield from some
        if len(some) < _AT_ONCE:
            return


def parts_of(
    group_id: str,
    found: Iterable[tuple[bytes, float | None]],
    size: int | None,
    key: str,
    encoding: Encoding,
) -> list[ChordPart]:
    """Return parts as data. Raises BackendGetMetaError, which names the key."""
    return [chord_part_of(member, score, group_id, size, key, encoding) for member, score in found]
