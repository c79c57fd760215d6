"""What every schedule store promises: a tick is claimed once, and last runs are remembered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from celeriac.ports.schedule_store import LastRun

from .samples import at_once

PORT = "schedule_store"

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LATE = timedelta(seconds=2)


@pytest.fixture
def store(place):
    return place.schedule_store()


def remembered(store):
    return sorted(store.last_runs(), key=lambda run: run.entry)


def test_nothing_is_remembered_at_first(store):
    store.open()
    store.open()

    assert list(store.last_runs()) == []


def test_a_tick_is_claimed_once(store):
    assert store.claim_tick("report", NOON, NOON + LATE) is True

    assert store.claim_tick("report", NOON, NOON + LATE) is False
    assert remembered(store) == [LastRun("report", NOON, NOON + LATE, total=1)]


def test_later_ticks_follow_and_are_counted(store):
    for number in range(3):
        due = NOON + number * MINUTE
        assert store.claim_tick("report", due, due + LATE) is True

    due = NOON + 2 * MINUTE
    assert remembered(store) == [LastRun("report", due, due + LATE, total=3)]


def test_a_tick_before_the_last_one_is_refused(store):
    store.claim_tick("report", NOON, NOON)

    assert store.claim_tick("report", NOON - MINUTE, NOON + MINUTE) is False

    assert remembered(store) == [LastRun("report", NOON, NOON, total=1)]


def test_ticks_are_told_apart_to_the_fraction_of_a_second(store):
    assert store.claim_tick("fast", NOON, NOON) is True
    assert store.claim_tick("fast", NOON + timedelta(milliseconds=50), NOON) is True
    assert store.claim_tick("fast", NOON + timedelta(milliseconds=50), NOON) is False


def test_entries_do_not_touch_each_other(store):
    store.claim_tick("report", NOON + MINUTE, NOON + MINUTE)

    assert store.claim_tick("backup", NOON, NOON) is True
    assert [run.entry for run in remembered(store)] == ["backup", "report"]


def test_last_runs_outlive_the_beat_that_made_them(place, store):
    store.claim_tick("report", NOON, NOON + LATE)
    store.close()
    store.close()

    successor = place.schedule_store()

    assert remembered(successor) == [LastRun("report", NOON, NOON + LATE, total=1)]
    assert successor.claim_tick("report", NOON, NOON + LATE) is False


def test_a_tick_is_claimed_by_exactly_one_of_many(place):
    stores = [place.schedule_store() for _ in range(8)]

    for number in range(5):
        due = NOON + number * MINUTE
        claims = [partial(store.claim_tick, "report", due, due) for store in stores]
        assert at_once(claims).count(True) == 1

    last = NOON + 4 * MINUTE
    assert remembered(stores[0]) == [LastRun("report", last, last, total=5)]


def test_a_claimed_tick_is_owed_until_it_is_remembered_as_published(store):
    store.claim_tick("report", NOON, NOON + LATE, "every minute")
    claimed = LastRun("report", NOON, NOON + LATE, total=1, schedule="every minute")
    assert remembered(store) == [claimed]

    store.remember([replace(claimed, published=True)])
    store.remember([replace(claimed, published=True)])

    assert remembered(store) == [replace(claimed, published=True)]
    assert store.claim_tick("report", NOON, NOON + LATE) is False

    store.claim_tick("report", NOON + MINUTE, NOON + MINUTE, "every minute")
    assert remembered(store)[0].published is False


def test_an_entry_may_be_remembered_before_its_first_tick(store):
    begun = LastRun("report", NOON, NOON, total=0, schedule="hourly", published=True)

    store.remember([begun, replace(begun, entry="backup")])

    assert remembered(store) == [replace(begun, entry="backup"), begun]
    assert store.claim_tick("report", NOON, NOON) is False
    assert store.claim_tick("report", NOON + MINUTE, NOON + LATE, "hourly") is True
    last = LastRun("report", NOON + MINUTE, NOON + LATE, total=1, schedule="hourly")
    assert remembered(store)[1] == last


def test_a_later_run_is_not_overwritten_and_a_known_total_stays(store):
    for number in range(2):
        store.claim_tick("report", NOON + number * MINUTE, NOON)

    store.remember([LastRun("report", NOON, NOON, total=9, published=True)])
    assert remembered(store) == [LastRun("report", NOON + MINUTE, NOON, total=2)]

    store.remember([LastRun("report", NOON + 2 * MINUTE, NOON, total=9, published=True)])
    later = LastRun("report", NOON + 2 * MINUTE, NOON, total=2, published=True)
    assert remembered(store) == [later]


def test_what_is_forgotten_begins_anew(store):
    for entry in ("report", "backup"):
        store.claim_tick(entry, NOON, NOON)

    store.forget(["report", "unheard"])

    assert remembered(store) == [LastRun("backup", NOON, NOON, total=1)]
    assert store.claim_tick("report", NOON, NOON) is True
    assert remembered(store)[1] == LastRun("report", NOON, NOON, total=1)


def test_an_entry_may_have_any_name(store):
    name = "täglich: 'report' -- \"a\" / 100 %"

    store.claim_tick(name, NOON, NOON)

    assert [run.entry for run in store.last_runs()] == [name]
