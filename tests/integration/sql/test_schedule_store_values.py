"""The schedule store on SQL: what its columns can hold."""

from __future__ import annotations

import pytest

from celeriac.domain.errors import ImproperlyConfigured

from .places import ON_EACH_DATABASE, empty_place  # noqa: F401 - a fixture

pytestmark = ON_EACH_DATABASE


def test_an_entry_whose_name_is_too_long_is_refused_with_its_length(place):
    store, noon = place.schedule_store(), place.clock.now()

    with pytest.raises(ImproperlyConfigured, match=r"beat_schedule.* 300 characters.* 255"):
        store.claim_tick("x" * 300, noon, noon)

    assert store.claim_tick("x" * 255, noon, noon) is True


def test_microseconds_of_a_tick_are_remembered(place):
    store = place.schedule_store()
    due = place.clock.now().replace(microsecond=123_457)

    store.claim_tick("report", due, due)

    (run,) = store.last_runs()
    assert (run.due, run.sent_at) == (due, due)
