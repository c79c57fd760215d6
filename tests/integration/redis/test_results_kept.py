"""How long results stay in Redis, and what becomes of what is no result."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

import pytest

from celeriac.adapters.redis.results import RedisResults
from celeriac.domain.errors import BackendGetMetaError, ResultTooLarge
from tests.contracts.samples import part, record

from .places import empty_place  # noqa: F401 - a fixture

pytestmark = pytest.mark.needs_server("redis")


def test_results_expire_by_themselves_and_a_chord_with_them(place):
    store = place._store(host_time=True)
    with closing(RedisResults(store, expires=60)) as results:
        results.store([record("a")])
        results.count_parts([part("a")])
        keys = [results.task_key("a"), results.group_key("g") + ".j"]

        left = [place.client.ttl(key) for key in keys]

        assert results.capabilities.expires_itself
        assert all(50 < seconds <= 60 for seconds in left)


@pytest.mark.parametrize(
    ("expires", "failure_expires", "left"),
    [
        (1000, None, {"FAILURE": 1000, "REVOKED": 1000, "SUCCESS": 1000, "RETRY": 1000}),
        (1000, 5000, {"FAILURE": 5000, "REVOKED": 1000, "SUCCESS": 1000, "RETRY": 1000}),
        (1000, timedelta(0), {"FAILURE": -1, "REVOKED": 1000, "SUCCESS": 1000, "RETRY": 1000}),
        (None, 5000, {"FAILURE": 5000, "REVOKED": -1, "SUCCESS": -1, "RETRY": -1}),
    ],
)
@pytest.mark.parametrize("before", [b"", b"\x00 no document"])
def test_failures_are_kept_in_celerys_way(place, expires, failure_expires, left, before):
    """`before` stands where a result is written, and no script can read it."""
    store = place._store(host_time=True)
    kept = RedisResults(store, expires=expires, failure_expires=failure_expires)
    with closing(kept) as results:
        keys = {state: results.task_key(state) for state in left}
        if before:
            place.client.mset(dict.fromkeys(keys.values(), before))

        results.store([record(state, state) for state in left])

        found = {state: place.client.ttl(key) for state, key in keys.items()}
        assert results.capabilities.expires_itself
        # Time goes on between writing and looking, by less than what the lifetimes differ.
        assert {state: -(-seconds // 1000) * 1000 or -1 for state, seconds in found.items()} == left


def test_results_may_be_kept_for_ever(place):
    store = place._store(host_time=True)
    with closing(RedisResults(store, expires=None)) as results:
        results.store([record("a")])

        assert not results.capabilities.expires_itself
        assert place.client.ttl(results.task_key("a")) == -1


def test_what_is_no_document_is_named_and_gives_way(place):
    results = place.results()
    key = results.task_key("a")
    place.client.set(key, b"\x00 no document")

    with pytest.raises(BackendGetMetaError, match=key):
        results.fetch(["a"])
    results.store([record("a", "STARTED")])

    assert [one.state for one in results.fetch(["a"])] == ["STARTED"]


def test_a_result_beyond_max_bytes_is_refused_with_its_batch(place):
    with closing(RedisResults(place._store(host_time=True), max_bytes=10)) as results:
        with pytest.raises(ResultTooLarge):
            results.store([record("a", text="short"), record("b", text="x" * 9)])

        assert results.fetch(["a", "b"]) == [None, None]
