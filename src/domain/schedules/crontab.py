"""Fire when clocks on the wall show one of the times that a crontab names.

The five fields must all match (also both kinds of day, unlike Unix cron, which takes either).
What happens when clocks are put forward or back hangs on the hour field:

* An hour field that leaves out any hour names *wall times*, and each is meant once a day. One that
  falls into the gap when clocks go forward fires at the first instant after the gap, together with
  any other that falls there. One that is shown twice when clocks go back fires the first time only.
* An hour field that has every hour means *again and again*, so it follows the instants that really
  pass: it fires each time that clocks show one of its minutes, also in a repeated hour, and never
  for minutes that a gap leaves out.
"""

from bisect import bisect_right
from calendar import monthrange
from collections.abc import Iterator
from datetime import MAXYEAR, date, datetime, time, timedelta, tzinfo
from typing import Any, ClassVar, Self

from .crontab_fields import (
    CRON_DAYS_IN_MONTH,
    CRON_INVALID_DATE,
    CRON_REPR,
    DAY_OF_MONTH,
    DAY_OF_WEEK,
    HOUR,
    MINUTE,
    MONTH_OF_YEAR,
    Cronspec,
    Field,
    ParseException,
    cronfield,
)
from .schedule import AppWithClock, BaseSchedule, NowFunction
from .wall_time import (
    as_instant,
    first_instant_showing,
    instants_showing,
    start_of_repetition,
    wall_time,
)

_FIELDS = 5
_HOURS_IN_A_DAY = 24
_MINUTE = timedelta(minutes=1)


class Crontab(BaseSchedule):
    """Celery's ``crontab``: at the minutes, hours and days that its fields name.

    Each field is a number, a name (days and months), ``*``, ``*/n``, ``a-b``, ``a-b/n`` (a range
    may wrap around, as ``fri-mon`` does), a comma list of these, or an iterable.

    Args:
        minute: 0 to 59.
        hour: 0 to 23.
        day_of_week: 0 (Sunday) to 6, or sun to sat.
        day_of_month: 1 to 31.
        month_of_year: 1 to 12, or jan to dec.
        nowfun: Gives the present; asked before the app.
        app: Gives the present and the zone.
        tz: A zone for this crontab alone.
    """

    wall_clock: ClassVar[bool] = True

    def __init__(
        self,
        minute: Cronspec = "*",
        hour: Cronspec = "*",
        day_of_week: Cronspec = "*",
        day_of_month: Cronspec = "*",
        month_of_year: Cronspec = "*",
        nowfun: NowFunction | None = None,
        app: AppWithClock | None = None,
        tz: tzinfo | None = None,
    ) -> None:
        super().__init__(nowfun=nowfun, app=app, tz=tz)
        self._orig_minute, self.minute = _read(MINUTE, minute)
        self._orig_hour, self.hour = _read(HOUR, hour)
        self._orig_day_of_week, self.day_of_week = _read(DAY_OF_WEEK, day_of_week)
        self._orig_day_of_month, self.day_of_month = _read(DAY_OF_MONTH, day_of_month)
        self._orig_month_of_year, self.month_of_year = _read(MONTH_OF_YEAR, month_of_year)
        self._minutes, self._hours = sorted(self.minute), sorted(self.hour)
        self._months = sorted(self.month_of_year)
        self._refuse_days_that_never_come()

    @classmethod
    def from_string(cls, crontab: str) -> Self:
        """Read a line as Unix cron has it: minute, hour, day of month, month, day of week."""
        words = crontab.split()
        if len(words) != _FIELDS:
            raise ParseException(
                f"crontab {crontab!r} has {len(words)} fields; expected 5, as in '*/5 8-17 * * "
                f"mon-fri': minute, hour, day of month, month of year, day of week"
            )
        minute, hour, day_of_month, month_of_year, day_of_week = words
        return cls(minute, hour, day_of_week, day_of_month, month_of_year)

    def next_after(self, last: datetime, zone: tzinfo | None = None) -> datetime:
        """The first fire time strictly after ``last``, in UTC."""
        zone = self._zone(zone)
        last = as_instant(last, zone)
        if len(self.hour) == _HOURS_IN_A_DAY:
            return self._next_passing(last, zone)
        return self._next_named(last, zone)

    def remaining_delta(
        self, last_run_at: datetime, tz: tzinfo | None = None, ffwd: object = None
    ) -> tuple[datetime, timedelta, datetime]:
        """The last run in local time, how long after it the next one is, and the local present.

        ``ffwd`` is not looked at: it is what Celery reckons with.
        """
        zone = tz if tz is not None else self.tz
        last = as_instant(last_run_at, zone)
        now = as_instant(self.now(), zone)
        following = self.next_after(last, zone)
        return last.astimezone(zone), following - last, now.astimezone(zone)

    def remaining_estimate(self, last_run_at: datetime, ffwd: object = None) -> timedelta:
        """How long from now until it fires; ``ffwd`` is not looked at."""
        return super().remaining_estimate(last_run_at)

    def _next_named(self, last: datetime, zone: tzinfo) -> datetime:
        """The first instant after ``last`` that stands for one of the wall times."""
        wall = wall_time(last, zone)
        while True:
            wall = self._match_after(wall)
            instant = first_instant_showing(wall, zone)
            # Not after it while a repeated hour, already over the first time, is shown again.
            if instant > last:
                return instant

    def _next_passing(self, last: datetime, zone: tzinfo) -> datetime:
        """The first instant after ``last`` at which clocks show one of the wall times."""
        starts = [wall_time(last, zone)]
        repetition = start_of_repetition(last, zone)
        if repetition is not None:
            starts.append(wall_time(repetition, zone) - _MINUTE)
        return min(
            instant
            for start in starts
            for instant in self._first_shown_after(start, zone)
            if instant > last
        )

    def _first_shown_after(self, wall: datetime, zone: tzinfo) -> tuple[datetime, ...]:
        """The instants that show the first matching wall time which is shown at all."""
        while True:
            wall = self._match_after(wall)
            instants = instants_showing(wall, zone)
            if instants:
                return instants

    def _match_after(self, wall: datetime) -> datetime:
        """The first wall time after the minute of ``wall`` that the fields match."""
        today = wall.date()
        if self._matches_day(today):
            later = self._time_after(wall.hour, wall.minute)
            if later is not None:
                return datetime.combine(today, later)
        following = next(self._days_after(today))
        return datetime.combine(following, time(self._hours[0], self._minutes[0]))

    def _matches_day(self, day: date) -> bool:
        return (
            day.month in self.month_of_year
            and day.day in self.day_of_month
            and day.isoweekday() % 7 in self.day_of_week
        )

    def _time_after(self, hour: int, minute: int) -> time | None:
        if hour in self.hour:
            later = bisect_right(self._minutes, minute)
            if later < len(self._minutes):
                return time(hour, self._minutes[later])
        later = bisect_right(self._hours, hour)
        return time(self._hours[later], self._minutes[0]) if later < len(self._hours) else None

    def _days_after(self, day: date) -> Iterator[date]:
        """The matching days after ``day``, month by month."""
        yield from self._days_of(day.year, day.month, after=day.day)
        for month in self._months[bisect_right(self._months, day.month) :]:
            yield from self._days_of(day.year, month)
        for year in range(day.year + 1, MAXYEAR + 1):
            for month in self._months:
                yield from self._days_of(year, month)
        raise OverflowError(f"{self!r} does not fire again after {day} before the year {MAXYEAR}")

    def _days_of(self, year: int, month: int, after: int = 0) -> Iterator[date]:
        if month not in self.month_of_year:
            return
        for number in range(after + 1, monthrange(year, month)[1] + 1):
            day = date(year, month, number)
            if self._matches_day(day):
                yield day

    def _refuse_days_that_never_come(self) -> None:
        longest = max(CRON_DAYS_IN_MONTH[month] for month in self.month_of_year)
        if min(self.day_of_month) > longest:
            wrong = CRON_INVALID_DATE.format(
                day_of_month=self._orig_day_of_month, month_of_year=self._orig_month_of_year
            )
            raise ParseException(f"{wrong}; expected a day of {longest} or less, or a longer month")

    def _fields(self) -> tuple[frozenset[int], ...]:
        return (
            self.minute,
            self.hour,
            self.day_of_week,
            self.day_of_month,
            self.month_of_year,
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Crontab):
            return NotImplemented
        return (self._fields(), self._tz) == (other._fields(), other._tz)

    def __hash__(self) -> int:
        return hash((self._fields(), self._tz))

    def __repr__(self) -> str:
        return CRON_REPR.format(self)

    def __reduce__(self) -> tuple[Any, ...]:
        arguments = (
            self._orig_minute,
            self._orig_hour,
            self._orig_day_of_week,
            self._orig_day_of_month,
            self._orig_month_of_year,
        )
        return type(self), arguments, None if self._tz is None else {"_tz": self._tz}


def _read(field: Field, spec: Cronspec) -> tuple[int | str, frozenset[int]]:
    """The field as written, an iterable as the list of its numbers, and what it stands for."""
    numbers = field.read(spec)
    return spec if isinstance(spec, int | str) else cronfield(sorted(numbers)), numbers
