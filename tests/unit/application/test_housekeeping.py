"""A worker deletes old results now and then."""

import logging
from datetime import timedelta

import pytest

from celeriac.adapters.memory import MemoryResults
from celeriac.application.housekeeping import PERIOD, Housekeeping
from celeriac.domain.errors import BackendUnavailable
from celeriac.domain.tasks.result_record import ResultRecord
from celeriac.domain.tasks.retention import Retention
from celeriac.ports.results import ResultCapabilities

DAY, WEEK = timedelta(days=1), timedelta(days=7)


class Archive(MemoryResults):
    """Keeps results as a database does: beyond the process, until they are deleted."""

    capabilities = ResultCapabilities()
    away = False

    def expire(self, before, failed_before):
        if self.away:
            raise BackendUnavailable("the disk is full")
        return super().expire(before, failed_before)


class Expiring(Archive):
    """Deletes what is old by itself."""

    capabilities = ResultCapabilities(expires_itself=True)


class Fleeting(Archive):
    """Is gone with the process."""

    capabilities = ResultCapabilities(persistent=False)


@pytest.fixture
def archive(store):
    return Archive(store)


def fill(results, clock):
    """Store a success and a failure of an hour, two days and eight days ago."""
    for hours in (1, 48, 192):
        done = clock.now() - timedelta(hours=hours)
        results.store(
            [
                ResultRecord(f"{state} {hours}", state, date_done=done)
                for state in ("SUCCESS", "FAILURE")
            ]
        )


def left(results):
    return set(results.memory.results.records)


@pytest.mark.parametrize(
    ("retention", "kept"),
    [
        (Retention(DAY, DAY), {"SUCCESS 1", "FAILURE 1"}),
        (Retention(DAY, WEEK), {"SUCCESS 1", "FAILURE 1", "FAILURE 48"}),
        (Retention(WEEK, DAY), {"SUCCESS 1", "SUCCESS 48", "FAILURE 1"}),
        (Retention(DAY, None), {"SUCCESS 1", "FAILURE 1", "FAILURE 48", "FAILURE 192"}),
        (Retention(None, DAY), {"SUCCESS 1", "SUCCESS 48", "SUCCESS 192", "FAILURE 1"}),
    ],
)
def test_results_and_failures_go_when_their_time_is_over(archive, clock, retention, kept):
    cleaner = Housekeeping(archive, retention, clock)
    clock.advance(PERIOD)
    fill(archive, clock)

    cleaner.turn()

    assert left(archive) == kept


def test_it_acts_once_a_period(archive, clock):
    cleaner = Housekeeping(archive, Retention(DAY, DAY), clock)
    clock.advance(PERIOD)
    cleaner.turn()
    fill(archive, clock)
    everything = left(archive)

    clock.advance(PERIOD - 1)
    cleaner.turn()
    assert left(archive) == everything

    clock.advance(1)
    cleaner.turn()
    assert left(archive) == {"SUCCESS 1", "FAILURE 1"}


@pytest.mark.parametrize("kind", [Expiring, Fleeting])
def test_a_backend_that_needs_nobody_is_left_alone(store, clock, kind):
    results = kind(store)
    cleaner = Housekeeping(results, Retention(DAY, DAY), clock)
    clock.advance(PERIOD)
    fill(results, clock)
    everything = left(results)

    cleaner.turn()

    assert left(results) == everything


def test_what_is_kept_for_ever_is_not_looked_at(archive, clock):
    archive.away = True
    cleaner = Housekeeping(archive, Retention(None, None), clock)
    clock.advance(PERIOD)

    cleaner.turn()


def test_a_store_that_is_away_is_asked_again_next_time(archive, clock, caplog):
    cleaner = Housekeeping(archive, Retention(DAY, DAY), clock)
    fill(archive, clock)
    archive.away = True
    clock.advance(PERIOD)
    with caplog.at_level(logging.WARNING, "celeriac.worker"):
        cleaner.turn()
    assert "old results not deleted this time: the disk is full" in caplog.messages
    archive.away = False

    clock.advance(PERIOD)
    cleaner.turn()

    assert {"SUCCESS 48", "FAILURE 48"}.isdisjoint(left(archive))
