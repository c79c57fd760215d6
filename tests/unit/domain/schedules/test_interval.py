"""Intervals by example."""

import pickle
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from celeriac.domain.schedules import Crontab, Interval, maybe_schedule

BERLIN = ZoneInfo("Europe/Berlin")
KATHMANDU = ZoneInfo("Asia/Kathmandu")
NOON = datetime(2024, 5, 6, 12, 0, tzinfo=UTC)


def now_in_berlin() -> datetime:
    return NOON.astimezone(BERLIN)


def test_it_fires_one_interval_after_the_last_time():
    assert Interval(30).next_after(NOON, BERLIN) == NOON + timedelta(seconds=30)


def test_it_counts_elapsed_time_where_clocks_are_put_back():
    before = datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN)

    following = Interval(timedelta(hours=1)).next_after(before, BERLIN)

    assert following == datetime(2024, 10, 27, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("run_every", "last", "following"),
    [
        (timedelta(hours=2), "2024-05-06T12:34:56", "2024-05-06T14:00:00"),
        (timedelta(minutes=5), "2024-05-06T12:34:56.5", "2024-05-06T12:39:00"),
        (timedelta(seconds=30), "2024-05-06T12:34:56.5", "2024-05-06T12:35:26"),
        (timedelta(milliseconds=200), "2024-05-06T12:34:56.5", "2024-05-06T12:34:56.7"),
        (timedelta(days=1, hours=6), "2024-05-06T19:00:00", "2024-05-08T00:00:00"),
    ],
)
def test_a_relative_interval_is_rounded_down_to_its_largest_unit_on_the_wall(
    run_every: timedelta, last: str, following: str
):
    start = datetime.fromisoformat(last).replace(tzinfo=KATHMANDU)
    end = datetime.fromisoformat(following).replace(tzinfo=KATHMANDU)

    assert Interval(run_every, relative=True).next_after(start, KATHMANDU) == end


def test_a_relative_day_goes_on_past_a_day_of_25_hours():
    start = datetime(2024, 10, 27, 0, 10, tzinfo=BERLIN)

    following = Interval(timedelta(days=1), relative=True).next_after(start, BERLIN)

    assert following == datetime(2024, 10, 28, 0, 0, tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("run_every", "relative", "until", "latest"),
    [
        (10, False, NOON + timedelta(seconds=9), None),
        (10, False, NOON + timedelta(seconds=10), NOON + timedelta(seconds=10)),
        (10, False, NOON + timedelta(seconds=99), NOON + timedelta(seconds=90)),
        (10, False, NOON - timedelta(hours=1), None),
        (90, True, NOON + timedelta(hours=5), NOON + timedelta(hours=5)),
        (5400, True, NOON + timedelta(hours=5, minutes=1), NOON + timedelta(hours=5)),
        (86400, True, NOON + timedelta(days=3), NOON + timedelta(days=2, hours=12)),
        (60, True, NOON + timedelta(seconds=59), None),
    ],
)
def test_the_latest_fire_time_in_a_span_is_found(
    run_every: float, relative: bool, until: datetime, latest: datetime | None
):
    assert Interval(run_every, relative).latest_between(NOON, until, UTC) == latest


@pytest.mark.parametrize("run_every", [0, -1, timedelta(0), timedelta(seconds=-5)])
def test_an_interval_without_length_is_refused(run_every: object):
    with pytest.raises(ValueError, match="expected more than 0 seconds"):
        Interval(run_every)


@pytest.mark.parametrize("run_every", [None, "30", True, float("nan"), float("inf"), 10**400])
def test_an_interval_that_is_no_length_of_time_is_refused(run_every: object):
    with pytest.raises(TypeError, match="expected a timedelta or a number of seconds"):
        Interval(run_every)


@pytest.mark.parametrize(
    ("run_every", "shown"),
    [
        (30, "<freq: 30.00 seconds>"),
        (1, "<freq: 1.00 second>"),
        (0.5, "<freq: 0.50 seconds>"),
        (60, "<freq: 1.00 minute>"),
        (90, "<freq: 1.50 minutes>"),
        (7200, "<freq: 2.00 hours>"),
        (timedelta(days=1), "<freq: 1.00 day>"),
    ],
)
def test_it_is_shown_in_the_unit_people_would_use(run_every: timedelta | float, shown: str):
    assert repr(Interval(run_every)) == shown


def test_intervals_of_the_same_length_are_equal_and_so_is_their_timedelta():
    assert Interval(60) == Interval(timedelta(minutes=1))
    assert Interval(60) == timedelta(minutes=1)
    assert hash(Interval(60)) == hash(timedelta(minutes=1))
    assert Interval(60) != Interval(60, relative=True)
    assert Interval(60) != Crontab()


def test_a_pickled_interval_comes_back_equal_with_its_clock():
    interval = Interval(30, relative=True, nowfun=now_in_berlin, tz=BERLIN)

    copy = pickle.loads(pickle.dumps(interval))

    assert copy == interval
    assert (copy.nowfun, copy.tz, copy.seconds) == (now_in_berlin, BERLIN, 30.0)


@pytest.mark.parametrize("given", [30, 30.0, timedelta(seconds=30)])
def test_a_number_or_a_timedelta_makes_an_interval(given: object):
    assert maybe_schedule(given) == Interval(30)


def test_a_schedule_stays_itself():
    crontab = Crontab(0)

    assert maybe_schedule(crontab) is crontab
