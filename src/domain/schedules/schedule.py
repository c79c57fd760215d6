"""What every schedule is: a rule that says when it fires next.

``next_after`` and ``latest_between`` are pure; they are all that beat needs. The rest is Celery's
way of asking (``is_due``, ``remaining_estimate``), which compares with the present. There is no
clock here: the present is given as ``nowfun`` or by an app, and without either it is an error,
unless somebody has said which app stands in (``default_app``).
"""

from abc import abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, ClassVar, NamedTuple, Protocol

from .wall_time import as_instant

NowFunction = Callable[[], datetime]


class AppWithClock(Protocol):
    """The little that a schedule asks of its app."""

    @property
    @abstractmethod
    def timezone(self) -> tzinfo:
        """The zone in which wall times are meant."""

    @property
    @abstractmethod
    def conf(self) -> Any:
        """The app's settings, as attributes."""

    @abstractmethod
    def now(self) -> datetime:
        """The present."""


class FindApp(Protocol):
    """Finds the app of schedules that nobody has bound to one."""

    @abstractmethod
    def __call__(self) -> AppWithClock:
        """Return it."""


class Schedule(Protocol):
    """What beat asks of a schedule; :class:`BaseSchedule` and all of its heirs keep it."""

    wall_clock: ClassVar[bool]

    @abstractmethod
    def next_after(self, last: datetime, zone: tzinfo) -> datetime:
        """The first fire time strictly after ``last``, in UTC."""

    @abstractmethod
    def latest_between(self, after: datetime, until: datetime, zone: tzinfo) -> datetime | None:
        """The last fire time after ``after`` and not after ``until``, in UTC."""


class schedstate(NamedTuple):
    """Whether to run now, and in how many seconds to ask again."""

    is_due: bool
    next: float


class BaseSchedule:
    """A schedule bound to a clock and a zone; heirs say when it fires.

    Heirs define ``next_after``. Those written for Celery define ``is_due`` instead, and their fire
    times follow from asking it.

    Args:
        nowfun: Gives the present; asked before the app.
        app: Gives the present and the zone. May be set later, as beat does.
        tz: A zone for this schedule alone.
    """

    #: True when fire times are read from a clock on the wall rather than counted from the last run.
    wall_clock: ClassVar[bool] = False
    #: Finds the app of schedules that nobody has bound to one.
    default_app: ClassVar[FindApp | None] = None

    def __init__(
        self,
        nowfun: NowFunction | None = None,
        app: AppWithClock | None = None,
        tz: tzinfo | None = None,
    ) -> None:
        self.nowfun = nowfun
        self._app = app
        self._tz = tz

    @property
    def app(self) -> AppWithClock:
        """The app that gives the time; an error when none was bound and none stands in."""
        found = self._bound
        if found is None:
            raise RuntimeError(
                f"{self!r} has no clock: bind it with `schedule.app = app`, or construct it with "
                f"app=... or nowfun=..., before asking what is due"
            )
        return found

    @app.setter
    def app(self, app: AppWithClock | None) -> None:
        self._app = app

    @property
    def _bound(self) -> AppWithClock | None:
        stand_in = type(self).default_app
        return stand_in() if self._app is None and stand_in is not None else self._app

    @property
    def tz(self) -> tzinfo:
        """The schedule's own zone, else the app's, else UTC."""
        if self._tz is not None:
            return self._tz
        app = self._bound
        return UTC if app is None else app.timezone

    @tz.setter
    def tz(self, tz: tzinfo | None) -> None:
        self._tz = tz

    @property
    def utc_enabled(self) -> bool:
        """The app's ``enable_utc``."""
        return bool(self.app.conf.enable_utc)

    def now(self) -> datetime:
        """The present, always aware."""
        moment = self.nowfun() if self.nowfun is not None else self.app.now()
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=self.tz)

    def to_local(self, dt: datetime) -> datetime:
        """``dt`` in the schedule's zone."""
        return as_instant(dt, self.tz).astimezone(self.tz)

    def maybe_make_aware(self, dt: datetime, naive_as_utc: bool = True) -> datetime:
        """``dt``, with a zone if it had none: UTC, or the schedule's own."""
        if dt.tzinfo is not None:
            return dt
        return dt.replace(tzinfo=UTC if naive_as_utc else self.tz)

    def next_after(self, last: datetime, zone: tzinfo | None = None) -> datetime:
        """The first fire time strictly after ``last``, in UTC.

        Args:
            last: A fire time, or any moment to count from; naive is read in the schedule's zone.
            zone: The zone of wall times, unless the schedule has its own.
        """
        now = as_instant(self.now(), self.tz)
        due, seconds = self.is_due(last)
        fires = now if due else now + timedelta(seconds=seconds)
        return max(fires, as_instant(last, self._zone(zone)) + timedelta.resolution)

    def latest_between(
        self, after: datetime, until: datetime, zone: tzinfo | None = None
    ) -> datetime | None:
        """The last fire time after ``after`` and not after ``until``; None if there is none.

        Halves the span instead of walking through it: years of downtime cost some dozen steps.
        Right for schedules whose fire times do not hang on the last run.
        """
        latest = None
        following = self.next_after(after, zone)
        empty_from = as_instant(until, self._zone(zone))
        until = empty_from
        while following <= until:
            latest = following
            middle = latest + (empty_from - latest) / 2
            beyond = self.next_after(middle, zone)
            if beyond <= until:
                latest = beyond
            else:
                empty_from = middle
            following = self.next_after(latest, zone)
        return latest

    def remaining_estimate(self, last_run_at: datetime) -> timedelta:
        """How long from now until it fires, having run last at ``last_run_at``; maybe negative."""
        return self.next_after(last_run_at) - as_instant(self.now(), self.tz)

    def is_due(self, last_run_at: datetime) -> schedstate | tuple[bool, float]:
        """Whether it fires now, having run last at ``last_run_at``, and when to ask again."""
        if type(self).next_after is BaseSchedule.next_after:
            raise NotImplementedError(
                f"{type(self).__name__} defines neither next_after(last, zone) nor "
                f"is_due(last_run_at): a schedule needs one of them"
            )
        remaining = self.remaining_estimate(last_run_at)
        if remaining > timedelta(0):
            return schedstate(False, remaining.total_seconds())
        again = self.remaining_estimate(self.now())
        return schedstate(not self._is_too_late(last_run_at), again.total_seconds())

    def _is_too_late(self, last_run_at: datetime) -> bool:
        """Whether the app wants a run missed by so much to be left out."""
        if self._app is None or not self.wall_clock:
            return False
        deadline = getattr(self._app.conf, "beat_cron_starting_deadline", None)
        if deadline is None:
            return False
        now = as_instant(self.now(), self.tz)
        due = self.latest_between(last_run_at, now)
        return due is not None and now - due > timedelta(seconds=deadline)

    def _zone(self, zone: tzinfo | None) -> tzinfo:
        """The zone to compute in: the schedule's own stands above the one given."""
        if self._tz is not None or zone is None:
            return self.tz
        return zone

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BaseSchedule):
            return NotImplemented
        return type(other) is type(self) and other.nowfun == self.nowfun

    def __hash__(self) -> int:
        return hash((type(self), self.nowfun))
