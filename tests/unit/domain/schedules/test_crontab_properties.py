"""Crontabs against oracles that walk minute by minute, over every kind of clock change."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from celeriac.domain.schedules import Crontab

#: The machine may be busy.
unhurried = settings(deadline=None)

MINUTE = timedelta(minutes=1)
#: How far the oracles walk.
HORIZON = timedelta(days=2)
ZONES = {
    name: ZoneInfo(name)
    for name in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
}
BEGIN, END = datetime(2023, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)


def changes(zone: tzinfo) -> list[datetime]:
    """The hours in which clocks are put forward or back."""
    hours = [BEGIN + timedelta(hours=n) for n in range((END - BEGIN) // timedelta(hours=1))]
    offsets = [hour.astimezone(zone).utcoffset() for hour in hours]
    return [hours[n] for n in range(1, len(hours)) if offsets[n] != offsets[n - 1]]


CHANGES = [(zone, change) for zone in ZONES.values() for change in changes(zone)]

anytime = st.datetimes(
    min_value=BEGIN.replace(tzinfo=None),
    max_value=END.replace(tzinfo=None),
    timezones=st.just(UTC),
)
anywhere = st.tuples(st.sampled_from([UTC, *ZONES.values()]), anytime)
near_a_change = st.tuples(
    st.sampled_from(CHANGES), st.integers(min_value=-20 * 3600, max_value=6 * 3600)
).map(lambda drawn: (drawn[0][0], drawn[0][1] + timedelta(seconds=drawn[1])))
moments = st.one_of(near_a_change, anywhere)

minutes = st.one_of(
    st.sampled_from(["*", "*/15", "*/7", "50-10"]),
    st.sets(st.integers(0, 59), min_size=1, max_size=4),
)
some_hours = st.one_of(
    st.sampled_from(["1-3", "22-4", "2"]),
    st.sets(st.integers(0, 23), min_size=1, max_size=23),
)
days = st.one_of(st.just("*"), st.sets(st.integers(0, 6), min_size=1))
passing = st.builds(Crontab, minutes, st.just("*"), days)
named = st.builds(Crontab, minutes, some_hours, days)


def matches(crontab: Crontab, wall: datetime) -> bool:
    return (
        wall.minute in crontab.minute
        and wall.hour in crontab.hour
        and wall.isoweekday() % 7 in crontab.day_of_week
        and wall.day in crontab.day_of_month
        and wall.month in crontab.month_of_year
    )


def minutes_after(last: datetime) -> Iterator[datetime]:
    start = last.replace(second=0, microsecond=0)
    for number in range(1, HORIZON // MINUTE):
        yield start + number * MINUTE


def walls_begun(instant: datetime, zone: tzinfo) -> list[datetime]:
    """The wall times first reached at ``instant``: one; many after a gap; none in a repetition."""
    shown = instant.astimezone(zone)
    if shown.fold:
        return []
    before = (instant - MINUTE).astimezone(zone).replace(tzinfo=None)
    wall = shown.replace(tzinfo=None)
    # Behind a repetition the clock has shown `before` twice; nothing was left out.
    return [wall - n * MINUTE for n in range(max(1, (wall - before) // MINUTE))]


def first_passing(crontab: Crontab, last: datetime, zone: tzinfo) -> datetime | None:
    return next((at for at in minutes_after(last) if matches(crontab, at.astimezone(zone))), None)


def first_named(crontab: Crontab, last: datetime, zone: tzinfo) -> datetime | None:
    return next(
        (
            at
            for at in minutes_after(last)
            if any(matches(crontab, wall) for wall in walls_begun(at, zone))
        ),
        None,
    )


def agree(found: datetime, expected: datetime | None, last: datetime) -> bool:
    return found == expected if expected is not None else found >= last + HORIZON - MINUTE


@unhurried
@given(crontab=passing, moment=moments)
def test_a_crontab_of_every_hour_fires_whenever_clocks_show_its_minutes(
    crontab: Crontab, moment: tuple[tzinfo, datetime]
):
    zone, last = moment

    following = crontab.next_after(last, zone)

    assert agree(following, first_passing(crontab, last, zone), last)


@unhurried
@given(crontab=named, moment=moments)
def test_a_crontab_of_certain_hours_fires_once_for_each_wall_time(
    crontab: Crontab, moment: tuple[tzinfo, datetime]
):
    zone, last = moment

    following = crontab.next_after(last, zone)

    assert agree(following, first_named(crontab, last, zone), last)


@unhurried
@given(
    crontab=st.builds(
        Crontab,
        minutes,
        some_hours,
        days,
        st.sets(st.integers(1, 29), min_size=1),
        st.sets(st.integers(1, 12), min_size=1),
    ),
    moment=moments,
)
def test_fire_times_strictly_increase_and_none_lies_between(
    crontab: Crontab, moment: tuple[tzinfo, datetime]
):
    zone, last = moment

    first = crontab.next_after(last, zone)
    second = crontab.next_after(first, zone)

    assert last < first < second
    assert crontab.next_after(first - timedelta.resolution, zone) == first
    assert crontab.next_after(first + (second - first) / 2, zone) == second


@unhurried
@given(crontab=passing, moment=moments)
def test_a_crontab_of_every_hour_on_every_day_never_rests_much_longer_than_an_hour(
    crontab: Crontab, moment: tuple[tzinfo, datetime]
):
    zone, last = moment
    every_day = Crontab(crontab.minute)

    first = every_day.next_after(last, zone)

    # A clock change of half an hour moves the minutes by as much, once.
    assert every_day.next_after(first, zone) - first <= timedelta(minutes=90)


@unhurried
@given(crontab=st.one_of(passing, named), moment=moments, span=st.integers(0, 200_000))
def test_the_latest_fire_time_in_a_span_is_the_one_that_walking_finds(
    crontab: Crontab, moment: tuple[tzinfo, datetime], span: int
):
    zone, last = moment
    until = last + timedelta(seconds=span)

    latest = crontab.latest_between(last, until, zone)

    walked, following = None, crontab.next_after(last, zone)
    while following <= until:
        walked, following = following, crontab.next_after(following, zone)
    assert latest == walked
