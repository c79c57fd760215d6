"""`celery.utils.saferepr`: a repr of bounded length that never raises."""

import sys
from typing import Any

from ...domain.messaging.short_repr import REPR_MAXSIZE, short_repr

__all__ = ["saferepr"]


def saferepr(
    o: Any, maxlen: int | None = None, maxlevels: int = 3, seen: set[Any] | None = None
) -> str:
    """Return the repr of a value, `maxlevels` deep, and of at most `maxlen` characters if given.

    `seen` is not looked at.
    """
    most = maxlen or sys.maxsize
    text = short_repr(o, maxlevels, max(most, REPR_MAXSIZE))
    return text if len(text) <= most else f"{text[: most - 3]}..."
