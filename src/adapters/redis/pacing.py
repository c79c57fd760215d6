"""Many results waited for at once: looked for again and again before they are listened to.

To listen to a channel costs the client some twenty times what a look at a key costs, once to begin,
once for what is said and once to end; and results of many tasks come in quick succession.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic, sleep
from typing import Final, TypeVar

T = TypeVar("T")

#: From so many ids on it is worth it.
MANY: Final = 50
#: Seconds after which what was found is returned, or the rest listened for.
_LONGEST: Final = 0.06
#: Seconds between two looks: for each id that is waited for, and at most.
_PAUSE_EACH: Final = 20e-6
_LONGEST_PAUSE: Final = 0.02
#: A look that finds so large a part of them is worth being told at once.
_PART: Final = 8


def found_soon(
    names: Sequence[str],
    look: Callable[[Sequence[str]], Sequence[T]],
    name_of: Callable[[T], str],
    end: float,
) -> list[T]:
    """Return what is found of many within a moment, none where it takes longer.

    `look` returns those of the names that are there; `end` is in monotonic seconds.
    """
    found = list(look(names))
    end = min(end, monotonic() + _LONGEST)
    left = names
    while len(found) * _PART < len(names):
        pause = min(len(left) * _PAUSE_EACH, _LONGEST_PAUSE, end - monotonic())
        if pause <= 0:
            break
        sleep(pause)
        known = set(map(name_of, found))
        left = [name for name in names if name not in known]
        more = look(left)
        if found and not more:
            break
        found += more
    return found
