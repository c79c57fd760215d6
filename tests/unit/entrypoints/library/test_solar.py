"""Schedules after the sun."""

import pickle
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from celeriac.domain.errors import MissingExtra
from celeriac.domain.schedules.fingerprint import fingerprint
from celeriac.schedules import SOLAR_EPHEM_NOT_INSTALLED, solar

NOON = datetime(2024, 6, 21, 12, tzinfo=UTC)
GREENWICH = (51.4769, 0.0)
TROMSO = (69.65, 18.96)


def test_the_sun_sets_at_greenwich_when_almanacs_say():
    fires = solar("sunset", *GREENWICH).next_after(NOON)

    assert abs(fires - datetime(2024, 6, 21, 20, 21, tzinfo=UTC)) < timedelta(minutes=1)


def test_the_events_of_a_day_come_in_their_order():
    night = datetime(2024, 3, 20, tzinfo=UTC)
    day = "dawn_astronomical dawn_nautical dawn_civil sunrise solar_noon sunset dusk_civil "
    names = (day + "dusk_nautical dusk_astronomical").split()

    fires = [solar(name, *GREENWICH).next_after(night) for name in names]

    assert fires == sorted(fires)
    assert fires[-1] - night < timedelta(days=1)


@pytest.mark.parametrize("event", ["sunrise", "solar_noon", "dusk_nautical"])
def test_each_event_fires_once_a_day(event):
    schedule, fires = solar(event, *GREENWICH), [NOON]

    for _ in range(40):
        fires.append(schedule.next_after(fires[-1]))
    gaps = {(later - fire) // timedelta(hours=23) for fire, later in pairwise(fires[1:])}

    assert gaps == {1}


def test_where_the_sun_does_not_set_the_next_sunset_is_awaited():
    fires = solar("sunset", *TROMSO).next_after(NOON)

    assert datetime(2024, 7, 20, tzinfo=UTC) < fires < datetime(2024, 8, 1, tzinfo=UTC)


def test_the_latest_event_of_a_year_is_found():
    schedule = solar("sunrise", *GREENWICH)

    latest = schedule.latest_between(NOON - timedelta(days=365), NOON, UTC)

    assert NOON - timedelta(days=1) < latest < NOON < schedule.next_after(latest)


def test_a_moment_without_a_zone_is_read_in_that_of_the_schedule():
    schedule = solar("sunset", *GREENWICH, tz=ZoneInfo("Asia/Tokyo"))
    evening = datetime.fromisoformat("2024-06-21T21:00")

    assert schedule.next_after(evening) == schedule.next_after(NOON)


def test_it_is_due_after_the_event_and_says_when_to_ask_again():
    now = datetime(2024, 6, 21, 20, 30, tzinfo=UTC)

    due, again = solar("sunset", *GREENWICH, nowfun=lambda: now).is_due(NOON)

    assert due
    assert 23 * 3600 < again < 24 * 3600


def test_it_is_the_same_schedule_after_pickling():
    schedule = solar("sunset", *GREENWICH)

    again = pickle.loads(pickle.dumps(schedule))

    assert again == schedule
    assert hash(again) == hash(schedule)
    assert fingerprint(again, UTC) == fingerprint(schedule, UTC) != ""
    assert again != solar("sunrise", *GREENWICH)
    assert repr(again) == "<solar: sunset at latitude 51.4769, longitude: 0.0>"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("moonrise", 0, 0), "'moonrise'; expected one of dawn_astronomical, "),
        (("sunset", 91, 0), "latitude is 91"),
        (("sunset", 0, -181), "longitude is -181"),
    ],
)
def test_what_cannot_be_is_refused_with_what_was_expected(arguments, said):
    with pytest.raises(ValueError, match=said):
        solar(*arguments)


def test_without_ephem_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ephem", None)

    with pytest.raises(MissingExtra, match=r"celeriac\[solar\]") as refused:
        solar("sunset", 0, 0)

    assert str(refused.value) == SOLAR_EPHEM_NOT_INSTALLED
