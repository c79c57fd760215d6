"""What tells one schedule from another in another process."""

from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import pytest

from celeriac.domain.schedules import BaseSchedule, Crontab, Interval
from celeriac.domain.schedules.fingerprint import fingerprint

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Interval(30), Interval(timedelta(seconds=30))),
        (Crontab("*/5"), Crontab("*/5")),
        (Crontab(tz=BERLIN), Crontab(tz=BERLIN)),
    ],
)
def test_equal_schedules_have_one_fingerprint(one, other):
    assert fingerprint(one, UTC) == fingerprint(other, UTC) != ""


def test_different_schedules_have_different_fingerprints():
    schedules = [
        Interval(30),
        Interval(30.001),
        Interval(30, relative=True),
        Crontab("*/5"),
        Crontab("*/6"),
        Crontab("*/5", tz=BERLIN),
    ]

    assert len({fingerprint(each, UTC) for each in schedules}) == len(schedules)


def test_another_zone_makes_another_schedule_of_those_that_read_the_wall_clock():
    changed = [
        fingerprint(each, UTC) != fingerprint(each, BERLIN)
        for each in (Crontab("0", "7"), Interval(86_400, relative=True), Interval(86_400))
    ]

    assert changed == [True, True, False]


class Odd(BaseSchedule):
    """A user's own, that says nothing of what it is made of."""


def test_a_schedule_whose_parts_cannot_be_told_has_none():
    assert fingerprint(Odd(nowfun=lambda: None), UTC) == ""
    assert fingerprint(Interval(30, nowfun=lambda: None), UTC) == ""
