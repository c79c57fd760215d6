"""Token buckets, within a transaction. Times are unix microseconds.

What must stay true: waiting exactly as long as was said is enough, whatever is rounded; a clock
that is a little behind fills nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, inf
from typing import Final

from .flavour import Flavour
from .transaction import Transaction

_LOOK: Final = "SELECT tokens, filled_at FROM celeriac_bucket WHERE name = ?"
FILL: Final = "UPDATE celeriac_bucket SET tokens = ?, filled_at = ? WHERE name = ?"
COLUMNS: Final = ("name", "tokens", "filled_at")
_SECOND: Final = 1_000_000
#: Tokens lost to rounding; and microseconds, of the clock and of what we say.
_ROUNDING: Final = 1e-6
_ROUNDED: Final = 2
#: Microseconds. A time further ahead was written by a clock that was wrong.
_TRUSTED: Final = 60 * _SECOND


def take(
    transaction: Transaction,
    flavour: Flavour,
    bucket: str,
    count: int,
    rate: float,
    burst: int,
    clock: Callable[[], int],
) -> float:
    """Take tokens, or tell in how many seconds they could be taken.

    The clock is asked when all waiting for others is over.
    """
    while not (rows := transaction.rows(_LOOK + flavour.take, (bucket,))):
        full = (bucket, float(burst), clock())
        transaction.run(flavour.keep("celeriac_bucket", COLUMNS, ["name"]), full)
    tokens, now = filled(float(rows[0][0]), int(rows[0][1]), clock(), rate, burst)
    missing = count - tokens
    if missing <= _ROUNDING + rate * _ROUNDED / _SECOND:
        transaction.run(FILL, (max(0.0, tokens - count), now, bucket))
        return 0.0
    if rate <= 0 or count > burst:
        return inf
    return ceil(missing / rate * _SECOND) / _SECOND


def filled(tokens: float, filled_at: int, now: int, rate: float, burst: int) -> tuple[float, int]:
    """Return what a bucket holds now, and the time that this is true of."""
    if filled_at <= now + _TRUSTED:
        now = max(now, filled_at)
    return min(burst, tokens + max(0, now - filled_at) * rate / _SECOND), now
