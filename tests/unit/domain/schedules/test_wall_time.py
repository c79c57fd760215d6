"""From wall times to instants and back where clocks are put forward and back."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from celeriac.domain.schedules.wall_time import (
    first_instant_showing,
    instants_showing,
    start_of_repetition,
)

BERLIN = ZoneInfo("Europe/Berlin")


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_wall_time_is_shown_never_once_or_twice():
    assert instants_showing(wall("2024-03-31 02:30"), BERLIN) == ()
    assert instants_showing(wall("2024-06-01 02:30"), BERLIN) == (utc("2024-06-01 00:30"),)
    assert instants_showing(wall("2024-10-27 02:30"), BERLIN) == (
        utc("2024-10-27 00:30"),
        utc("2024-10-27 01:30"),
    )


def test_the_first_instant_after_a_gap_is_when_clocks_are_put_forward():
    assert first_instant_showing(wall("2024-03-31 02:00"), BERLIN) == utc("2024-03-31 01:00")
    assert first_instant_showing(wall("2024-03-31 02:59"), BERLIN) == utc("2024-03-31 01:00")


def test_a_repetition_is_ahead_only_while_its_hour_is_shown_for_the_first_time():
    assert start_of_repetition(utc("2024-10-26 23:59"), BERLIN) is None
    assert start_of_repetition(utc("2024-10-27 00:00"), BERLIN) == utc("2024-10-27 01:00")
    assert start_of_repetition(utc("2024-10-27 00:59:59.9"), BERLIN) == utc("2024-10-27 01:00")
    assert start_of_repetition(utc("2024-10-27 01:00"), BERLIN) is None
    assert start_of_repetition(utc("2024-03-31 00:30"), BERLIN) is None
