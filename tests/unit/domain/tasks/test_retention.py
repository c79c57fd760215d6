"""For how long results are kept."""

from datetime import UTC, datetime, timedelta

import pytest

from celeriac.domain.tasks.retention import Retention

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("expires", "failure_expires", "kept"),
    [
        (DAY, None, Retention(DAY, DAY)),
        (3600, None, Retention(HOUR, HOUR)),
        (DAY, 3600.0, Retention(DAY, HOUR)),
        (DAY, HOUR, Retention(DAY, HOUR)),
        (DAY, 0, Retention(DAY, None)),
        (DAY, timedelta(0), Retention(DAY, None)),
        (None, HOUR, Retention(None, HOUR)),
        (0, HOUR, Retention(None, HOUR)),
        (None, None, Retention(None, None)),
        (0, 0, Retention(None, None)),
    ],
)
def test_failures_are_kept_as_other_results_unless_something_is_said_of_them(
    expires, failure_expires, kept
):
    assert Retention.of(expires, failure_expires) == kept


def test_what_is_old_is_told_by_the_time_of_its_end():
    assert Retention(DAY, HOUR).ends(NOON) == (NOON - DAY, NOON - HOUR)
    assert Retention(None, HOUR).ends(NOON) == (None, NOON - HOUR)
    assert Retention(DAY, None).ends(NOON) == (NOON - DAY, None)


def test_only_what_never_grows_old_is_kept_for_ever():
    assert Retention(None, None).for_ever
    assert not Retention(DAY, None).for_ever
    assert not Retention(None, DAY).for_ever
