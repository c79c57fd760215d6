"""Fire again and again after the same length of time.

Elapsed time is counted, whatever clocks on the wall do: an hour stays 3600 seconds when summer time
ends. Only ``relative`` intervals look at the wall, to fire on whole days, hours or minutes.
"""

from datetime import datetime, time, timedelta, tzinfo
from typing import Any

from .schedule import AppWithClock, BaseSchedule, NowFunction, schedstate
from .wall_time import as_instant, first_instant_showing, wall_time

_SECOND, _MINUTE = timedelta(seconds=1), timedelta(minutes=1)
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_UNITS = ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute"), (_SECOND, "second"))


class Interval(BaseSchedule):
    """Celery's ``schedule``: every so many seconds.

    Args:
        run_every: A timedelta or a number of seconds, more than nothing.
        relative: Round fire times down to the largest whole unit in ``run_every``: every two hours
            fires on the hour, every three days at midnight.
        nowfun: Gives the present; asked before the app.
        app: Gives the present and the zone.
        tz: A zone for this schedule alone.
    """

    relative: bool = False

    def __init__(
        self,
        run_every: timedelta | float | None = None,
        relative: bool = False,
        nowfun: NowFunction | None = None,
        app: AppWithClock | None = None,
        tz: tzinfo | None = None,
    ) -> None:
        super().__init__(nowfun=nowfun, app=app, tz=tz)
        self.run_every = _as_length(run_every)
        self.relative = relative

    @property
    def seconds(self) -> float:
        """The length of the interval in seconds."""
        return self.run_every.total_seconds()

    @property
    def human_seconds(self) -> str:
        """The length of the interval for people to read, as in ``5.00 minutes``."""
        unit, name = next((each for each in _UNITS if each[0] <= self.run_every), _UNITS[-1])
        count = self.run_every / unit
        return f"{count:.2f} {name}{'' if count == 1 else 's'}"

    def next_after(self, last: datetime, zone: tzinfo | None = None) -> datetime:
        """One interval after ``last``, in UTC; rounded down if the interval is relative."""
        zone = self._zone(zone)
        start = as_instant(last, zone)
        return self._rounded_end(start, zone) if self.relative else start + self.run_every

    def latest_between(
        self, after: datetime, until: datetime, zone: tzinfo | None = None
    ) -> datetime | None:
        """The last fire time, counted from ``after``, that is not after ``until``."""
        zone = self._zone(zone)
        start, end = as_instant(after, zone), as_instant(until, zone)
        if not self.relative:
            count = (end - start) // self.run_every
            return start + count * self.run_every if count > 0 else None
        return self._latest_rounded(start, end, zone)

    def is_due(self, last_run_at: datetime) -> schedstate:
        """Whether an interval has passed since ``last_run_at``, and when to ask again."""
        remaining = self.remaining_estimate(last_run_at).total_seconds()
        return schedstate(False, remaining) if remaining > 0 else schedstate(True, self.seconds)

    def _rounded_end(self, start: datetime, zone: tzinfo) -> datetime:
        """The end of the interval, rounded down but always after ``start``."""
        if self.run_every >= _DAY:
            # Days are counted on the calendar: one that has 25 hours is still one day.
            day = (wall_time(start, zone) + self.run_every).date()
            return first_instant_showing(datetime.combine(day, time()), zone)
        end = start + self.run_every
        unit = next((unit for unit, _ in _UNITS if unit <= self.run_every), timedelta.resolution)
        shown = wall_time(end, zone)
        return end - (shown - datetime.combine(shown.date(), time())) % unit

    def _latest_rounded(self, start: datetime, end: datetime, zone: tzinfo) -> datetime | None:
        latest = None
        following = self._rounded_end(start, zone)
        if self.run_every < _HOUR:
            # Once rounded it repeats in whole units, and offsets are whole minutes: leap.
            step = self._rounded_end(following, zone) - following
            following += max(0, (end - following) // step) * step
        while following <= end:
            latest, following = following, self._rounded_end(following, zone)
        return latest

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Interval):
            return (self.run_every, self.relative) == (other.run_every, other.relative)
        if isinstance(other, timedelta):
            return self.run_every == other
        return NotImplemented

    def __hash__(self) -> int:
        # Equal to its timedelta, hence the same hash.
        return hash(self.run_every)

    def __repr__(self) -> str:
        return f"<freq: {self.human_seconds}>"

    def __reduce__(self) -> tuple[Any, ...]:
        arguments = (self.run_every, self.relative, self.nowfun)
        return type(self), arguments, None if self._tz is None else {"_tz": self._tz}


def maybe_schedule(
    s: Any, relative: bool = False, app: AppWithClock | None = None
) -> BaseSchedule | Any:
    """A schedule from what a beat entry may hold: seconds, a timedelta, or a schedule.

    Anything else is handed back as it came, bound to ``app`` like a schedule.
    """
    if isinstance(s, int | float | timedelta):
        return Interval(s, relative, app=app)
    s.app = app
    return s


def _as_length(run_every: object) -> timedelta:
    match run_every:
        case bool():
            length = None
        case timedelta():
            length = run_every
        case int() | float() if abs(run_every) <= timedelta.max.total_seconds():
            length = timedelta(seconds=run_every)
        case _:
            length = None
    if length is None:
        raise TypeError(
            f"run_every of a schedule is {run_every!r}; expected a timedelta or a number of "
            f"seconds, as in schedule(30) or schedule(timedelta(minutes=5))"
        )
    if length <= timedelta(0):
        raise ValueError(
            f"run_every of a schedule is {run_every!r}; expected more than 0 seconds, since beat "
            f"would never get to an end"
        )
    return length
