"""What every result backend promises."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from threading import Thread
from time import monotonic

import pytest

from celeriac.domain.errors import ResultTooLarge
from celeriac.domain.messaging.payload import Payload
from celeriac.domain.tasks.result_record import Extended, GroupRecord, ResultRecord

from .samples import at_once, later, payload, record

PORT = "results"


def test_a_backend_tells_where_it_is_without_a_password(results):
    assert "://" in results.url
    assert "secret" not in results.url


def test_opening_and_closing_twice_does_no_harm(place, results):
    results.open()
    results.open()
    results.store([record("a")])
    results.close()
    results.close()

    (found,) = place.results().fetch(["a"])
    assert found.state == "SUCCESS"


# -- records


def test_a_record_is_fetched_as_it_was_stored(place, results):
    stored = ResultRecord(
        task_id="a",
        state="FAILURE",
        result=Payload(b'{"exc_type": "ValueError", "exc_message": ["\xc3\xa4"]}'),
        traceback="Traceback: ä\n  line 2",
        children=([["child", None], None],),
        date_done=later(place, 0),
        group_id="g",
        parent_id="p",
        extended=Extended(
            name="tasks.add",
            args=payload("args"),
            kwargs=payload("kwargs"),
            worker="w@host",
            retries=2,
            queue="jobs",
        ),
    )

    results.store([stored])

    (found,) = place.results().fetch(["a"])
    assert found == place.kept(stored)


def test_a_result_may_be_any_bytes(place, results):
    if not place.keeps_bytes:
        pytest.skip("it keeps what results stand for, encoded anew")
    binary = Payload(bytes(range(256)), "application/x-python-serialize", "binary")

    results.store([replace(record("a"), result=binary)])

    (found,) = results.fetch(["a"])
    assert found.result == binary


def test_records_are_fetched_in_the_order_asked_for(results):
    results.store([record("a", text="A"), record("b", text="B")])

    found = results.fetch(["b", "unheard", "a", "b"])

    assert [one and one.result for one in found] == [
        payload("B"),
        None,
        payload("A"),
        payload("B"),
    ]
    assert list(results.fetch([])) == []


def test_thousands_of_records_are_stored_and_fetched_at_once(results):
    names = [f"t{number}" for number in range(2500)]

    results.store([record(name) for name in names])

    assert [found.task_id for found in results.fetch(names)] == names


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ("STARTED", "SUCCESS", "SUCCESS"),
        ("STARTED", "PROGRESS", "PROGRESS"),
        ("PROGRESS", "STARTED", "STARTED"),
        ("RETRY", "STARTED", "STARTED"),
        ("STARTED", "RETRY", "RETRY"),
        ("FAILURE", "SUCCESS", "SUCCESS"),
        ("REVOKED", "FAILURE", "FAILURE"),
        ("FAILURE", "REVOKED", "REVOKED"),
        ("FAILURE", "STARTED", "FAILURE"),
        ("FAILURE", "RETRY", "FAILURE"),
        ("REVOKED", "PROGRESS", "REVOKED"),
        ("SUCCESS", "FAILURE", "SUCCESS"),
        ("SUCCESS", "STARTED", "SUCCESS"),
        ("SUCCESS", "PROGRESS", "SUCCESS"),
    ],
)
@pytest.mark.parametrize("batches", [1, 2])
def test_the_stronger_state_is_kept_and_else_the_later(results, first, second, kept, batches):
    written = [record("a", first, text=first), record("a", second, text=second)]

    if batches == 1:
        results.store(written)
    else:
        results.store(written[:1])
        results.store(written[1:])

    (found,) = results.fetch(["a"])
    assert (found.state, found.result) == (kept, payload(kept))


def test_a_second_success_does_not_replace_the_first(results):
    results.store([record("a", text="first")])
    results.store([record("a", text="second")])

    (found,) = results.fetch(["a"])
    assert found.result == payload("first")


def test_a_record_replaces_the_other_one_whole(place, results):
    results.store([replace(record("a", "RETRY"), traceback="Traceback")])
    results.store([ResultRecord("a", "SUCCESS", None, date_done=later(place, 0))])

    assert results.fetch(["a"]) == [
        place.kept(ResultRecord("a", "SUCCESS", None, date_done=later(place, 0)))
    ]


def test_storing_again_changes_nothing(place, results):
    written = [record("a", done=later(place, 0)), record("b", "FAILURE", done=later(place, 0))]
    results.store(written)
    before = results.fetch(["a", "b"])

    place.advance(5)
    results.store(written)

    assert results.fetch(["a", "b"]) == before


def test_a_success_is_kept_whoever_writes_beside_it(place):
    backends = [place.results() for _ in range(8)]
    states = ["STARTED", "SUCCESS", "FAILURE", "RETRY", "PROGRESS", "REVOKED", "STARTED", "FAILURE"]

    at_once(
        [
            partial(backend.store, [record(f"t{number}", state) for number in range(20)])
            for backend, state in zip(backends, states, strict=True)
        ]
    )

    found = backends[0].fetch([f"t{number}" for number in range(20)])
    assert {one.state for one in found} == {"SUCCESS"}


def test_what_is_forgotten_is_gone(results):
    results.store([record("a"), record("b")])

    results.forget(["a", "unheard"])
    results.forget(["a"])

    assert [one and one.task_id for one in results.fetch(["a", "b"])] == [None, "b"]


def test_a_forgotten_success_may_be_written_anew(results):
    results.store([record("a")])
    results.forget(["a"])

    results.store([record("a", "STARTED")])

    assert [one.state for one in results.fetch(["a"])] == ["STARTED"]


def test_a_result_beyond_what_the_backend_holds_is_refused_with_its_batch(results):
    limit = results.capabilities.max_bytes
    if limit is None:
        pytest.skip("it holds results of any size")
    large = replace(record("b"), result=Payload(b"x" * (limit + 1)))

    with pytest.raises(ResultTooLarge):
        results.store([record("a"), large])

    assert list(results.fetch(["a", "b"])) == [None, None]


# -- watching


def test_watching_returns_those_that_are_ready(results):
    results.store([record("a"), record("b", "STARTED"), record("c", "FAILURE"), record("d")])

    ready = results.watch(["a", "b", "c", "unheard"], 0)

    assert sorted((one.task_id, one.state) for one in ready) == [("a", "SUCCESS"), ("c", "FAILURE")]


def test_watching_what_is_not_ready_returns_nothing(results):
    results.store([record("a", "STARTED")])

    assert list(results.watch(["a", "unheard"], 0)) == []
    assert list(results.watch([], 0)) == []


def test_a_watch_of_thousands_sees_the_one_that_is_ready(results):
    names = [f"t{number}" for number in range(3000)]
    results.store([record("t2999")])

    assert [one.task_id for one in results.watch(names, 0)] == ["t2999"]


def test_a_blocked_watch_returns_when_one_is_ready(place):
    watcher, worker = place.results(host_time=True), place.results(host_time=True)
    seen = []
    watching = Thread(target=lambda: seen.extend(watcher.watch(["a", "b"], wait=30)))
    began = monotonic()

    watching.start()
    worker.store([record("b", "STARTED")])
    worker.store([record("b")])
    watching.join(timeout=30)

    assert [(one.task_id, one.state) for one in seen] == [("b", "SUCCESS")]
    assert monotonic() - began < 10


def test_a_watch_in_vain_returns_when_its_time_is_up(place):
    watcher = place.results(host_time=True)
    began = monotonic()

    seen = watcher.watch(["a"], wait=0.3)

    assert list(seen) == []
    assert 0.25 <= monotonic() - began < 10


# -- groups


def test_groups_are_fetched_as_they_were_saved(place, results):
    one = GroupRecord("g1", [["g1", None], [[["a", None], None]]], later(place, 0))
    two = GroupRecord("g2", [["g2", None], []], later(place, 1))

    results.save_groups([one, two])

    assert place.results().fetch_groups(["g2", "unheard", "g1"]) == [two, None, one]


def test_a_group_replaces_the_one_of_the_same_id(place, results):
    results.save_groups([GroupRecord("g", ["old"], later(place, 0))])

    results.save_groups([GroupRecord("g", ["new"], later(place, 1))])

    assert results.fetch_groups(["g"]) == [GroupRecord("g", ["new"], later(place, 1))]


# -- retention


def test_what_was_done_before_a_time_expires(place, results):
    if not place.sweeps:
        pytest.skip("its store deletes what is old by itself, and is not told to")
    now = later(place, 0)
    old, young = now - timedelta(hours=25), now - timedelta(hours=23)
    results.store(
        [
            record("old", done=old),
            record("old failure", "FAILURE", done=old),
            record("young", done=young),
            record("just then", done=now - timedelta(hours=24)),
            record("running", "STARTED"),
            record("waiting", "RETRY", done=old),
        ]
    )
    results.save_groups([GroupRecord("old", [], old), GroupRecord("young", [], young)])

    end = now - timedelta(hours=24)
    assert results.expire(end, end) == 3

    found = results.fetch(["old", "old failure", "young", "just then", "running", "waiting"])
    assert [one and one.state for one in found] == [
        None,
        None,
        "SUCCESS",
        "SUCCESS",
        "STARTED",
        "RETRY",
    ]
    groups = results.fetch_groups(["old", "young"])
    assert [group and group.group_id for group in groups] == [None, "young"]
    assert results.expire(end, end) == 0


DAY, WEEK = timedelta(days=1), timedelta(days=7)


@pytest.mark.parametrize(
    ("lifetime", "failures", "gone"),
    [
        pytest.param(DAY, WEEK, {"S8", "R8", "F8", "S2", "R2", "g2"}, id="failures-longer"),
        pytest.param(WEEK, DAY, {"S8", "R8", "F8", "F2"}, id="failures-shorter"),
        pytest.param(DAY, None, {"S8", "R8", "S2", "R2", "g2"}, id="failures-for-ever"),
        pytest.param(None, DAY, {"F8", "F2"}, id="only-failures"),
        pytest.param(None, None, set(), id="all-for-ever"),
    ],
)
def test_failures_expire_in_a_time_of_their_own(place, results, lifetime, failures, gone):
    """R: a revoked task has not failed. Records and the group are named after their age in days."""
    if not place.sweeps:
        pytest.skip("its store deletes what is old by itself, and is not told to")
    now = later(place, 0)
    states = {"S": "SUCCESS", "F": "FAILURE", "R": "REVOKED", "W": "RETRY"}
    ages = {f"{sign}{days}": days for sign in states for days in (0, 2, 8)}
    results.store(
        [
            record(name, states[name[0]], done=now - timedelta(days=days))
            for name, days in ages.items()
        ]
    )
    results.save_groups([GroupRecord("g2", [], now - timedelta(days=2))])
    ends = [None if kept is None else now - kept for kept in (lifetime, failures)]

    assert results.expire(*ends) == len(gone)

    left = {one.task_id for one in results.fetch(list(ages)) if one is not None}
    left |= {one.group_id for one in results.fetch_groups(["g2"]) if one is not None}
    assert left == {*ages, "g2"} - gone
    assert results.expire(*ends) == 0
