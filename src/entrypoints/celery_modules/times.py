"""`celery.utils.time`: small functions over dates, times and time zones."""

import os
import random
import time as _time
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from ...domain.work.limits import rate as _rate
from .iso8601 import parse_iso8601

C_REMDEBUG = bool(os.environ.get("C_REMDEBUG"))

DAYNAMES = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
WEEKDAYS = {name: number for number, name in enumerate(DAYNAMES)}
MONTHNAMES = tuple("jan feb mar apr may jun jul aug sep oct nov dec".split())
YEARMONTHS = {name: number for number, name in enumerate(MONTHNAMES, 1)}
RATE_MODIFIER_MAP = {
    "s": lambda n: n,
    "m": lambda n: n / 60.0,
    "h": lambda n: n / 3600.0,
}


def _two_places(n: float) -> str:
    return format(n, ".2f")


TIME_UNITS: tuple[tuple[str, float, Callable[[float], str]], ...] = (
    ("day", 86400.0, _two_places),
    ("hour", 3600.0, _two_places),
    ("minute", 60.0, _two_places),
    ("second", 1.0, _two_places),
)


class LocalTimezone(tzinfo):
    """The zone of this host, whatever it is at a time."""

    def utcoffset(self, dt: datetime | None) -> timedelta | None:
        """Return the offset at that time."""
        return _local(dt).utcoffset()

    def dst(self, dt: datetime | None) -> timedelta | None:
        """Return how much of it is daylight saving."""
        moment = _local(dt)
        saving = _time.localtime(moment.timestamp()).tm_isdst > 0
        return timedelta(seconds=_time.timezone - _time.altzone) if saving else timedelta(0)

    def tzname(self, dt: datetime | None) -> str | None:
        """Return the zone's abbreviation at that time."""
        return _local(dt).tzname()

    def __repr__(self) -> str:
        """Show what it is."""
        return f"<LocalTimezone: {_time.tzname}>"


def _local(dt: datetime | None) -> datetime:
    naive = datetime.now() if dt is None else dt.replace(tzinfo=None)  # noqa: DTZ005 - local time is asked
    return naive.astimezone()


class _Zones:
    """Time zones by name, this host's, and UTC."""

    utc = UTC

    @property
    def local(self) -> LocalTimezone:
        """The zone of this host."""
        return LocalTimezone()

    def get_timezone(self, zone: str | tzinfo) -> tzinfo:
        """Return the zone of a name. Raises ZoneInfoNotFoundError."""
        return ZoneInfo(zone) if isinstance(zone, str) else zone

    def tz_or_local(self, tzinfo: tzinfo | None = None) -> tzinfo:
        """Return the zone given, or this host's."""
        return tzinfo or LocalTimezone()

    def to_local(
        self, dt: datetime, local: tzinfo | None = None, orig: tzinfo | None = None
    ) -> datetime:
        """Return a time in a zone; a naive one is in `orig`, by default UTC."""
        if dt.tzinfo is None:
            dt = dt.replace(tzinfo=orig or UTC)
        return localize(dt, self.tz_or_local(local))

    def to_system(self, dt: datetime) -> datetime:
        """Return a time in this host's zone."""
        return localize(dt, self.local)

    def to_local_fallback(self, dt: datetime) -> datetime:
        """Return a time in this host's zone; a naive one is in it."""
        return dt.astimezone(self.local)


timezone = _Zones()


def is_naive(dt: datetime) -> bool:
    """Tell whether a time has no zone."""
    return dt.tzinfo is None or dt.tzinfo.utcoffset(dt) is None


def make_aware(dt: datetime, tz: tzinfo) -> datetime:
    """Return a naive time as one of a zone."""
    return dt.replace(tzinfo=tz)


def localize(dt: datetime, tz: tzinfo) -> datetime:
    """Return the same moment in another zone."""
    return dt.replace(tzinfo=tz) if is_naive(dt) else dt.astimezone(tz)


def to_utc(dt: datetime) -> datetime:
    """Return a naive time as one of UTC."""
    return make_aware(dt, UTC)


def maybe_make_aware(dt: datetime, tz: tzinfo | None = None, naive_as_utc: bool = True) -> datetime:
    """Return a time in a zone (by default UTC); a naive one is in UTC, or in that zone."""
    if is_naive(dt):
        dt = dt.replace(tzinfo=UTC if naive_as_utc else tz or UTC)
    return localize(dt, tz or UTC)


def maybe_iso8601(dt: Any) -> Any:
    """Return the time of a text; None and times as they are."""
    return parse_iso8601(dt) if isinstance(dt, str) else dt


def maybe_timedelta(delta: Any) -> Any:
    """Return seconds as a timedelta; others as they are."""
    return timedelta(seconds=delta) if isinstance(delta, int | float) else delta


def delta_resolution(dt: datetime, delta: timedelta) -> datetime:
    """Return a time cut to the largest unit of a timedelta: days, hours, minutes."""
    seconds = max(delta.total_seconds(), 0)
    if seconds / 86400 >= 1:
        return dt.replace(hour=0, minute=0, second=0, microsecond=0)
    if seconds / 3600 >= 1:
        return dt.replace(minute=0, second=0, microsecond=0)
    if seconds / 60 >= 1:
        return dt.replace(second=0, microsecond=0)
    return dt


def remaining(
    start: datetime, ends_in: timedelta, now: datetime | None = None, relative: bool = False
) -> timedelta:
    """Return how long it is until `start + ends_in`, cut to its unit if `relative`."""
    now = now or datetime.now(UTC)
    if is_naive(start) != is_naive(now):
        start, now = maybe_make_aware(start), maybe_make_aware(now)
    ends = start + ends_in
    if relative:
        ends = delta_resolution(ends, ends_in)
    return ends - now


def rate(r: Any) -> float:
    """Return a rate limit such as `10/m` in tasks a second; 0: none."""
    return _rate(r) or 0.0 if r else 0.0


def weekday(name: str) -> int:
    """Return the number of a day, Sunday being 0. Raises KeyError."""
    return _numbered(WEEKDAYS, name)


def yearmonth(name: str) -> int:
    """Return the number of a month. Raises KeyError."""
    return _numbered(YEARMONTHS, name)


def _numbered(known: dict[str, int], name: str) -> int:
    try:
        return known[name[:3].lower()]
    except KeyError:
        raise KeyError(name) from None


def humanize_seconds(
    secs: float, prefix: str = "", sep: str = "", now: str = "now", microseconds: bool = False
) -> str:
    """Return seconds in the unit that fits: `2.50 minutes`."""
    secs = float(format(float(secs), ".2f"))
    for unit, size, formatted in TIME_UNITS:
        if secs >= size:
            many = secs / size
            return f"{prefix}{sep}{formatted(many)} {unit if many == 1.0 else f'{unit}s'}"
    if microseconds and secs > 0.0:
        return f"{prefix}{sep}{secs:.2f} seconds"
    return now


def utcoffset(time: Any = _time, localtime: Any = _time.localtime) -> int:
    """Return how many hours this host is behind UTC."""
    west: float = time.altzone if localtime().tm_isdst > 0 else time.timezone
    return int(west // 3600)


def adjust_timestamp(ts: float, offset: int, here: Any = utcoffset) -> float:
    """Return the timestamp of another host, `offset` hours behind UTC, as one of this host."""
    hours: float = offset - here()
    return ts - hours * 3600


def get_exponential_backoff_interval(
    factor: float, retries: int, maximum: float, full_jitter: bool = False
) -> float:
    """Return the seconds before a retry: the factor doubled each time, or a part of that."""
    most: float = min(maximum, factor * 2.0**retries)
    if full_jitter:
        most = random.randrange(int(most) + 1)  # noqa: S311 - spreads load, guards nothing
    return max(0.0, most)


def add_seconds_to_datetime(dt: datetime, seconds: float) -> datetime:
    """Return a time that much later by the clock of all zones."""
    return (maybe_make_aware(dt) + timedelta(seconds=seconds)).astimezone(dt.tzinfo)


def subtract_datetimes(end: datetime, start: datetime) -> timedelta:
    """Return how long it is from one time to another, whatever clocks did between."""
    return maybe_make_aware(end) - maybe_make_aware(start)


class ffwd:
    """What a time is changed to, and moved by, when it is added."""

    def __init__(
        self,
        year: int | None = None,
        month: int | None = None,
        weeks: int = 0,
        weekday: int | None = None,
        day: int | None = None,
        hour: int | None = None,
        minute: int | None = None,
        second: int | None = None,
        microsecond: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Set what is given; `weekday` is the next such day, `weeks` are added."""
        self.year, self.month, self.weeks, self.weekday = year, month, weeks, weekday
        self.day, self.hour, self.minute = day, hour, minute
        self.second, self.microsecond = second, microsecond

    def __radd__(self, other: datetime) -> datetime:
        """Return the time changed, and moved."""
        year, month = self.year or other.year, self.month or other.month
        day = min(monthrange(year, month)[1], self.day or other.day)
        named = {name: getattr(self, name) for name in ("hour", "minute", "second", "microsecond")}
        given = {name: value for name, value in named.items() if value is not None}
        found = other.replace(year=year, month=month, day=day, **given)
        if self.weekday is not None:
            found += timedelta(days=(7 - found.weekday() + self.weekday) % 7)
        return found + timedelta(weeks=self.weeks)
