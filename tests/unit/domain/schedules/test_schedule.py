"""Celery's way of asking a schedule, and schedules that users write."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from celeriac.domain.schedules import BaseSchedule, Crontab, Interval, maybe_schedule, schedstate

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2024, 1, 15, 12, 0, tzinfo=UTC)


@dataclass
class App:
    """As much of an app as schedules ask for."""

    present: datetime = NOON
    timezone: tzinfo = UTC
    conf: SimpleNamespace = field(
        default_factory=lambda: SimpleNamespace(enable_utc=True, beat_cron_starting_deadline=None)
    )

    def now(self) -> datetime:
        return self.present


def ago(**length: int) -> datetime:
    return NOON - timedelta(**length)


@pytest.mark.parametrize(
    ("schedule", "last_run_at", "state"),
    [
        (Interval(30), ago(seconds=20), schedstate(False, 10.0)),
        (Interval(30), ago(seconds=30), schedstate(True, 30.0)),
        (Interval(30), ago(seconds=99), schedstate(True, 30.0)),
        (Crontab(30), ago(minutes=29), schedstate(False, 1800.0)),
        (Crontab(30), ago(minutes=31), schedstate(True, 1800.0)),
        (Crontab(0), ago(minutes=1), schedstate(True, 3600.0)),
    ],
)
def test_it_is_due_when_its_next_time_has_come(
    schedule: BaseSchedule, last_run_at: datetime, state: schedstate
):
    schedule.app = App()

    assert schedule.is_due(last_run_at) == state


def test_the_present_may_be_given_as_a_function():
    assert Interval(30, nowfun=lambda: NOON).is_due(ago(seconds=20)) == schedstate(False, 10.0)


def test_a_naive_present_and_a_naive_last_run_are_read_in_the_zone_of_the_app():
    crontab = Crontab(0, 14, nowfun=lambda: datetime(2024, 1, 15, 13, 0))  # noqa: DTZ001
    crontab.app = App(timezone=BERLIN)

    last_run_at = datetime(2024, 1, 15, 12, 30)  # noqa: DTZ001

    assert crontab.is_due(last_run_at) == schedstate(False, 3600.0)


def test_the_remaining_time_is_counted_from_the_present():
    assert Crontab(0, 18, app=App(timezone=BERLIN)).remaining_estimate(NOON) == timedelta(hours=5)


def test_a_crontab_tells_its_last_run_the_way_to_the_next_and_the_present():
    crontab = Crontab(0, 18, app=App(timezone=BERLIN))

    last, delta, now = crontab.remaining_delta(ago(hours=1))

    assert (last, delta, now) == (ago(hours=1), timedelta(hours=6), NOON)
    assert (last.tzinfo, now.tzinfo) == (BERLIN, BERLIN)


@pytest.mark.parametrize(("deadline", "due"), [(None, True), (60, True), (59, False)])
def test_a_crontab_missed_by_more_than_the_deadline_of_the_app_is_not_due(
    deadline: int | None, due: bool
):
    app = App(present=NOON + timedelta(seconds=60))
    app.conf.beat_cron_starting_deadline = deadline

    assert Crontab(0, app=app).is_due(ago(minutes=5)) == schedstate(due, 3540.0)


@pytest.mark.parametrize("schedule", [Interval(30), Crontab()])
def test_without_a_clock_it_says_how_to_give_one(schedule: BaseSchedule):
    with pytest.raises(RuntimeError, match=r"has no clock: bind it with `schedule.app = app`"):
        schedule.is_due(NOON)


def test_the_zone_is_its_own_before_that_of_the_app_before_utc():
    assert Crontab().tz is UTC
    assert Crontab(app=App(timezone=BERLIN)).tz is BERLIN
    assert Crontab(app=App(timezone=UTC), tz=BERLIN).tz is BERLIN


def test_times_are_made_aware_and_local_as_celery_does():
    interval = Interval(30, app=App(timezone=BERLIN))
    naive = datetime(2024, 1, 15, 12, 0)  # noqa: DTZ001

    assert interval.maybe_make_aware(naive) == NOON
    assert interval.maybe_make_aware(naive, naive_as_utc=False) == NOON - timedelta(hours=1)
    assert interval.maybe_make_aware(NOON) is NOON
    assert interval.to_local(NOON).isoformat() == "2024-01-15T13:00:00+01:00"
    assert interval.utc_enabled is True


def test_maybe_schedule_binds_the_app():
    app = App()

    assert maybe_schedule(30, app=app).app is app
    assert maybe_schedule(Crontab(), app=app).app is app


class InTenSeconds(BaseSchedule):
    """A schedule in the way users write them for Celery."""

    def is_due(self, last_run_at: datetime) -> tuple[bool, float]:
        passed = (self.now() - last_run_at).total_seconds()
        return (True, 10.0) if passed >= 10 else (False, 10 - passed)


def test_the_next_time_of_a_schedule_written_for_celery_follows_from_asking_it():
    schedule = InTenSeconds(app=App())

    assert schedule.next_after(ago(seconds=4), UTC) == NOON + timedelta(seconds=6)
    assert schedule.next_after(ago(seconds=40), UTC) == NOON


def test_a_schedule_that_defines_no_rule_says_what_is_missing():
    class Empty(BaseSchedule):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty defines neither next_after"):
        Empty(app=App()).is_due(NOON)


def test_two_plain_schedules_are_equal_by_kind_and_clock():
    assert InTenSeconds() == InTenSeconds()
    assert hash(InTenSeconds()) == hash(InTenSeconds())
    assert InTenSeconds() != BaseSchedule()
