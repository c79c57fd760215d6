"""Rate limits of one worker, and the time limits of a job."""

import re
from collections.abc import Mapping
from typing import Final

from ..messaging.message import EMPTY, TaskMessage
from ..tasks.options import TaskOptions

_RATE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:/\s*([smh]))?\s*")
_UNIT: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}


def rate(value: str | float | None) -> float | None:
    """Return tasks a second of a rate such as `100/m`, `10/s`, `5`; None or 0: no limit.

    Raises ValueError saying what was expected.
    """
    if value is None or value == "":
        return None
    text = f"{value:.12f}" if isinstance(value, float) else str(value)  # no exponents
    found = _RATE.fullmatch(text)
    if found is None:
        raise ValueError(
            f"rate_limit={value!r}: expected tasks per second, minute or hour, "
            "such as '10/s', '100/m', '1000/h', or a number a second"
        )
    per_second = float(found[1]) / _UNIT[found[2] or "s"]
    return per_second or None


class Bucket:
    """A token bucket of one task name. Times are monotonic seconds."""

    __slots__ = ("burst", "rate", "stamp", "tokens")

    def __init__(self, rate: float, burst: float = 1.0) -> None:
        """Start full: `burst` tasks may start at once, then `rate` a second."""
        self.rate, self.burst = rate, burst
        self.tokens, self.stamp = burst, float("-inf")

    def take(self, now: float) -> float:
        """Take one token and return 0.0, or return the seconds until there will be one."""
        if now > self.stamp:
            if self.stamp != float("-inf"):
                self.tokens = min(self.burst, self.tokens + (now - self.stamp) * self.rate)
            self.stamp = now
        # A rest of rounding must not make somebody come back a nanosecond later.
        if self.tokens >= 1.0 - 1e-9:
            self.tokens = max(0.0, self.tokens - 1.0)
            return 0.0
        return (1.0 - self.tokens) / self.rate


def time_limits(
    message: TaskMessage,
    options: TaskOptions,
    hard: float | None,
    soft: float | None,
    changed: Mapping[str, tuple[float | None, float | None]] = EMPTY,
) -> tuple[float | None, float | None]:
    """Return (hard, soft) in seconds: the call's, else the task's, else the worker's.

    `changed` holds, by task name, what stands for the task's own.
    """
    asked_hard, asked_soft = message.time_limits
    own = changed.get(options.name) or (options.time_limit, options.soft_time_limit)
    return (_first(asked_hard, own[0], hard), _first(asked_soft, own[1], soft))


def _first(call: float | None, task: float | None, worker: float | None) -> float | None:
    if call is not None:
        return call
    return worker if task is None else task
