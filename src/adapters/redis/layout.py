"""How keys are named and queues served, as kombu's transport options say.

What must stay true: the options mean here what they mean to kombu, so that both find the same
messages under them.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ...domain.errors import ImproperlyConfigured

#: kombu's separator within names, and its priority steps.
SEPARATOR: Final = "\x06\x16"
PRIORITIES: Final = (0, 3, 6, 9)
#: The step of what only our workers understand (OURS_ALONE): Celery's would throw it away.
JOINS: Final = "J"
#: The ways to serve several queues: by turns, as they were named, by their names.
_ORDERS: Final = ("round_robin", "priority", "sorted")


@dataclass(frozen=True, slots=True)
class Layout:
    """What stands around names, and what comes first.

    In a Cluster each queue is by itself: `queue` is the one that this layout is of.
    """

    prefix: str = ""
    separator: str = SEPARATOR
    priorities: tuple[int, ...] = PRIORITIES
    order: str = "round_robin"
    clustered: bool = False
    queue: str | None = None

    @property
    def steps(self) -> tuple[int | str, ...]:
        """In the order in which they are served: ours, then priorities, smaller ones first."""
        return (JOINS, *self.priorities)

    @property
    def told(self) -> str:
        """The layout as the scripts take it: the prefix, with more behind it where needed."""
        if self.queue is None and (self.separator, self.priorities) == (SEPARATOR, PRIORITIES):
            return self.prefix
        steps = ",".join(map(str, self.priorities))
        return "\0".join((self.prefix, self.queue or "", self.separator, steps))

    def in_order(self, queues: Sequence[str], turn: int) -> tuple[list[str], int]:
        """Return queues as they are served, and which one begins; -1: strictly in this order."""
        match self.order:
            case "priority":
                return list(queues), -1
            case "sorted":
                return sorted(queues), -1
            case _:
                return list(queues), turn


def step_of(priority: int, priorities: Sequence[int] = PRIORITIES) -> int:
    """Return the step whose list a priority goes to: rounded down, 9 and more are 9."""
    return priorities[bisect(priorities, min(max(priority, 0), 9)) - 1]


def layout_of(prefix: str, options: Mapping[str, Any], *, clustered: bool = False) -> Layout:
    """Return the layout that transport options ask for. Raises ImproperlyConfigured."""
    return Layout(
        prefix,
        _separator(options.get("sep")),
        _priorities(options.get("priority_steps")),
        _order(options.get("queue_order_strategy")),
        clustered,
    )


def _separator(asked: Any) -> str:
    if asked is None:
        return SEPARATOR
    if not isinstance(asked, str) or not asked or "\0" in asked:
        raise ImproperlyConfigured(f"transport option sep={asked!r}: expected a text, as in ':'")
    return asked


def _priorities(asked: Any) -> tuple[int, ...]:
    if asked is None:
        return PRIORITIES
    steps = tuple(asked) if isinstance(asked, list | tuple | range) else ()
    known = all(type(step) is int and 0 <= step <= 9 for step in steps)
    if not steps or not known or steps[0] != 0 or list(steps) != sorted(set(steps)):
        raise ImproperlyConfigured(
            f"transport option priority_steps={asked!r}: expected numbers from 0 to 9 in "
            "ascending order that begin with 0, as in [0, 3, 6, 9]"
        )
    return steps


def _order(asked: Any) -> str:
    if asked is None:
        return "round_robin"
    if asked not in _ORDERS:
        raise ImproperlyConfigured(
            f"transport option queue_order_strategy={asked!r}: expected one of {', '.join(_ORDERS)}"
        )
    return str(asked)
