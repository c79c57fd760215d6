"""A short text that tells one schedule from another, also in another process and after an upgrade.

Beat stores it beside the last run: when it differs, the entry got another schedule while no beat
ran, and what the new one would have fired before now was not missed.
"""

from datetime import tzinfo
from hashlib import sha256
from typing import Any

from .interval import Interval
from .schedule import Schedule

_LENGTH = 32


def fingerprint(schedule: Schedule, zone: tzinfo) -> str:
    """Return what tells the schedule apart, or "" for one whose parts cannot be told.

    The zone counts for those only that read the wall clock.
    """
    parts = _parts(schedule)
    # A default repr holds an address: it differs in each process.
    if parts is None or " at 0x" in parts:
        return ""
    if schedule.wall_clock or (isinstance(schedule, Interval) and schedule.relative):
        parts += f" in {zone}"
    return sha256(parts.encode(errors="backslashreplace")).hexdigest()[:_LENGTH]


def _parts(schedule: Schedule) -> str | None:
    name = type(schedule).__name__
    try:
        # What a schedule is made from again by pickle is what it consists of.
        reduced: tuple[Any, ...] | str = schedule.__reduce__()
    except Exception:
        return None
    if isinstance(reduced, str):
        return None
    made_by, arguments, *state = reduced
    return f"{name}{arguments!r}{state!r}" if made_by is type(schedule) else None
