"""`celery.utils.saferepr`: a repr of bounded length that never raises."""

from typing import Any

from ...domain.messaging.short_repr import REPR_MAXSIZE, short_repr

__all__ = ["saferepr"]


def saferepr(
    o: Any, maxlen: int | None = None, maxlevels: int = 3, seen: set[Any] | None = None
) -> str:
    """Return the repr of a value, `maxlevels` deep, cut to `maxlen`; `seen` is not looked at.

    It is never longer than 1024 characters, whatever is asked for.
    """
    text = short_repr(o, maxlevels)
    most = min(maxlen or REPR_MAXSIZE, REPR_MAXSIZE)
    return text if len(text) <= most else f"{text[: most - 3]}..."
