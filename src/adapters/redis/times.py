"""Moments as the scripts take them."""

from __future__ import annotations

from datetime import datetime
from math import ceil


def milliseconds(moment: datetime) -> int:
    """Return unix milliseconds, rounded up: nothing is due before its time."""
    return ceil(moment.timestamp() * 1000)
