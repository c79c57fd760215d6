"""Crontabs by example: syntax, days, clocks that are put forward and back, and Celery's face."""

import pickle
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest

from celeriac.domain.schedules import Crontab, ParseException

BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
APIA = ZoneInfo("Pacific/Apia")
SAO_PAULO = ZoneInfo("America/Sao_Paulo")


def fires(crontab: Crontab, after: str, count: int, zone: tzinfo = UTC) -> list[str]:
    """The next ``count`` fire times as clocks in ``zone`` show them, with their offset."""
    moment = datetime.fromisoformat(after).replace(tzinfo=zone)
    shown = []
    for _ in range(count):
        moment = crontab.next_after(moment, zone)
        shown.append(moment.astimezone(zone).strftime("%Y-%m-%d %H:%M%z"))
    return shown


def test_it_fires_strictly_after_the_last_time_and_in_utc():
    every_five = Crontab("*/5")

    following = every_five.next_after(datetime(2024, 5, 6, 14, 0, tzinfo=BERLIN), BERLIN)

    assert following == datetime(2024, 5, 6, 12, 5, tzinfo=UTC)
    assert following.tzinfo is UTC


def test_seconds_and_less_do_not_move_it():
    last = datetime(2024, 5, 6, 14, 4, 59, 999999, tzinfo=UTC)

    assert Crontab("*/5").next_after(last, UTC) == datetime(2024, 5, 6, 14, 5, tzinfo=UTC)


def test_a_naive_time_is_read_in_the_zone():
    naive = datetime(2024, 7, 1, 6, 0)  # noqa: DTZ001 - the point

    assert Crontab(0, 7).next_after(naive, BERLIN) == datetime(2024, 7, 1, 5, 0, tzinfo=UTC)


def test_both_kinds_of_day_must_match():
    friday_the_13th = Crontab(0, 0, day_of_week="fri", day_of_month=13)

    assert fires(friday_the_13th, "2024-01-01T00:00", 3) == [
        "2024-09-13 00:00+0000",
        "2024-12-13 00:00+0000",
        "2025-06-13 00:00+0000",
    ]


def test_a_day_that_only_long_months_have_waits_for_them():
    assert fires(Crontab(0, 0, day_of_month=31), "2024-01-31T00:00", 3) == [
        "2024-03-31 00:00+0000",
        "2024-05-31 00:00+0000",
        "2024-07-31 00:00+0000",
    ]


def test_a_leap_day_on_a_certain_weekday_is_found_across_the_year_2100():
    leap_wednesday = Crontab(0, 0, day_of_week="wed", day_of_month=29, month_of_year="feb")

    assert fires(leap_wednesday, "2072-01-01T00:00", 2) == [
        "2096-02-29 00:00+0000",
        "2108-02-29 00:00+0000",
    ]


@pytest.mark.parametrize(("day", "months"), [(31, "feb"), ("30,31", 2), (31, "apr,jun,sep,nov")])
def test_a_day_that_never_comes_is_refused_at_once(day: object, months: object):
    with pytest.raises(ParseException, match=r"day_of_month is .* there is no such day"):
        Crontab(0, 0, day_of_month=day, month_of_year=months)


def test_it_says_so_when_the_calendar_ends():
    with pytest.raises(OverflowError, match="before the year 9999"):
        Crontab(0, 0).next_after(datetime(9999, 12, 31, 12, tzinfo=UTC), UTC)


def test_a_wall_time_that_does_not_exist_fires_at_the_first_instant_after_the_gap():
    assert fires(Crontab(30, 2), "2024-03-30T00:00", 3, BERLIN) == [
        "2024-03-30 02:30+0100",
        "2024-03-31 03:00+0200",
        "2024-04-01 02:30+0200",
    ]


def test_several_wall_times_in_one_gap_fire_once():
    assert fires(Crontab("*/20", "2,3"), "2024-03-31T00:00", 4, BERLIN) == [
        "2024-03-31 03:00+0200",
        "2024-03-31 03:20+0200",
        "2024-03-31 03:40+0200",
        "2024-04-01 02:00+0200",
    ]


def test_a_wall_time_in_a_gap_of_half_an_hour_fires_after_it():
    assert fires(Crontab(15, 2), "2024-10-05T12:00", 2, LORD_HOWE) == [
        "2024-10-06 02:30+1100",
        "2024-10-07 02:15+1100",
    ]


def test_a_midnight_that_does_not_exist_fires_at_one():
    assert fires(Crontab(0, 0), "2018-11-03T12:00", 2, SAO_PAULO) == [
        "2018-11-04 01:00-0200",
        "2018-11-05 00:00-0200",
    ]


def test_a_wall_time_on_a_day_that_was_left_out_fires_when_the_next_day_begins():
    assert fires(Crontab(0, 12), "2011-12-29T00:00", 3, APIA) == [
        "2011-12-29 12:00-1000",
        "2011-12-31 00:00+1400",
        "2011-12-31 12:00+1400",
    ]


def test_a_wall_time_that_is_shown_twice_fires_the_first_time_only():
    assert fires(Crontab("0,30", "1-2"), "2024-10-27T01:00", 4, BERLIN) == [
        "2024-10-27 01:30+0200",
        "2024-10-27 02:00+0200",
        "2024-10-27 02:30+0200",
        "2024-10-28 01:00+0100",
    ]


def test_asked_within_the_repeated_hour_a_wall_time_of_that_hour_is_over():
    repeated = datetime(2024, 10, 27, 2, 10, tzinfo=BERLIN, fold=1)

    following = Crontab(30, 2).next_after(repeated, BERLIN)

    assert following == datetime(2024, 10, 28, 1, 30, tzinfo=UTC)


def test_every_quarter_goes_on_through_the_repeated_hour():
    assert fires(Crontab("*/15"), "2024-10-27T02:20", 8, BERLIN) == [
        "2024-10-27 02:30+0200",
        "2024-10-27 02:45+0200",
        "2024-10-27 02:00+0100",
        "2024-10-27 02:15+0100",
        "2024-10-27 02:30+0100",
        "2024-10-27 02:45+0100",
        "2024-10-27 03:00+0100",
        "2024-10-27 03:15+0100",
    ]


def test_every_hour_neither_skips_nor_doubles_where_clocks_go_forward():
    assert fires(Crontab(30), "2024-03-31T00:00", 3, BERLIN) == [
        "2024-03-31 00:30+0100",
        "2024-03-31 01:30+0100",
        "2024-03-31 03:30+0200",
    ]


def test_every_hour_leaves_out_minutes_that_a_gap_of_half_an_hour_swallows():
    assert fires(Crontab(15), "2024-10-06T01:00", 2, LORD_HOWE) == [
        "2024-10-06 01:15+1030",
        "2024-10-06 03:15+1100",
    ]


def test_every_hour_fires_in_both_showings_of_a_repeated_half_hour():
    assert fires(Crontab("15,45"), "2024-04-07T01:00", 4, LORD_HOWE) == [
        "2024-04-07 01:15+1100",
        "2024-04-07 01:45+1100",
        "2024-04-07 01:45+1030",
        "2024-04-07 02:15+1030",
    ]


def test_a_crontab_with_its_own_zone_keeps_to_it():
    seven_in_berlin = Crontab(0, 7, tz=BERLIN)

    following = seven_in_berlin.next_after(datetime(2024, 7, 1, tzinfo=UTC), UTC)

    assert following == datetime(2024, 7, 1, 5, 0, tzinfo=UTC)


def test_the_latest_fire_time_in_a_span_of_years_is_found():
    start, end = datetime(2004, 1, 1, tzinfo=UTC), datetime(2024, 3, 31, 2, 0, tzinfo=UTC)

    latest = Crontab("*", "2").latest_between(start, end, BERLIN)

    assert latest == datetime(2024, 3, 31, 1, 0, tzinfo=UTC)


def test_no_fire_time_in_a_span_is_none():
    start, end = datetime(2024, 1, 1, 8, tzinfo=UTC), datetime(2024, 1, 2, 6, 59, tzinfo=UTC)

    assert Crontab(0, 7).latest_between(start, end, UTC) is None


def test_a_line_is_read_in_the_order_of_unix_cron():
    line = Crontab.from_string("*/5 8-17 1-7 jan,jul mon")

    assert line == Crontab("*/5", "8-17", "mon", "1-7", "jan,jul")


@pytest.mark.parametrize("line", ["", "* * * *", "* * * * * *"])
def test_a_line_without_five_fields_is_refused(line: str):
    with pytest.raises(ParseException, match=r"has \d fields; expected 5"):
        Crontab.from_string(line)


@pytest.mark.parametrize(
    ("crontab", "written"),
    [
        (Crontab("*/5"), "<crontab: */5 * * * * (m/h/dM/MY/d)>"),
        (Crontab(0, 4, "mon", "1-7", 12), "<crontab: 0 4 1-7 12 mon (m/h/dM/MY/d)>"),
        (Crontab([30, 0]), "<crontab: 0,30 * * * * (m/h/dM/MY/d)>"),
    ],
)
def test_it_is_shown_as_a_line_of_a_crontab(crontab: Crontab, written: str):
    assert repr(crontab) == written


def test_crontabs_that_fire_alike_are_equal_however_written():
    assert Crontab("*/30", "0-23") == Crontab([0, 30])
    assert hash(Crontab("*/30", "0-23")) == hash(Crontab([0, 30]))
    assert Crontab(0) != Crontab(1)
    assert Crontab(0, tz=BERLIN) != Crontab(0)
    assert Crontab(0) != "0 * * * *"


def test_its_fields_are_sets_of_numbers():
    crontab = Crontab("*/30", "8-10", "mon-tue", "1", "jan")

    assert (crontab.minute, crontab.hour) == ({0, 30}, {8, 9, 10})
    assert (crontab.day_of_week, crontab.day_of_month, crontab.month_of_year) == ({1, 2}, {1}, {1})


@pytest.mark.parametrize(
    "crontab", [Crontab("*/5", "8-17", "mon-fri", "1-7", "jan"), Crontab(0, 7, tz=BERLIN)]
)
def test_a_pickled_crontab_comes_back_equal_and_alike_in_looks(crontab: Crontab):
    copy = pickle.loads(pickle.dumps(crontab))

    assert copy == crontab
    assert repr(copy) == repr(crontab)
    assert copy.tz == crontab.tz
