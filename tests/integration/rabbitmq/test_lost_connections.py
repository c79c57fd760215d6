"""A worker whose connection is lost goes on with what it runs, and nobody runs it beside it."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from celeriac.adapters.host.clock import SystemClock
from celeriac.domain.work.settlement import DONE, REQUEUE, DeadLetter, Park, Requeue
from tests.contracts.samples import ids, message, publish

from .workers import claimed, in_doubt, lose_connection, nothing_is_left, started

pytestmark = pytest.mark.needs_server("rabbitmq")


def test_what_runs_gets_its_message_back(hire):
    worker = hire()
    token = started(worker)
    lose_connection(worker)

    assert claimed(worker, seconds=1.0) == []

    assert worker._claiming.hands.of(token).lost is False
    assert worker.settle([(token, DONE)]) == [True]
    assert nothing_is_left(hire, worker)


def test_nobody_runs_what_runs_elsewhere(hire):
    worker, other = hire(), hire()
    token = started(worker)
    lose_connection(worker)
    in_doubt(other)
    assert other.recover(["jobs"]) == []
    assert other.is_in_doubt

    assert worker.settle([(token, DONE)]) == [True]

    assert other.recover(["jobs"]) == []
    assert not other.is_in_doubt
    assert claimed(other, seconds=1.0) == []
    assert nothing_is_left(hire, worker, other)


def test_a_message_that_comes_after_its_run_is_passed_over(hire):
    worker = hire()
    token = started(worker)
    lose_connection(worker)

    assert worker.settle([(token, DONE)]) == [True]

    assert claimed(worker, seconds=1.0) == []
    assert nothing_is_left(hire, worker)


def test_whoever_leaves_is_remembered_for_what_it_has_done(hire):
    worker = hire()
    token = started(worker)
    lose_connection(worker)
    assert worker.settle([(token, DONE)]) == [True]
    worker.leave()

    assert claimed(hire(), seconds=1.0) == []
    assert claimed(hire(), seconds=1.0) == []


def test_what_is_given_back_is_run_by_the_other(hire):
    worker, other = hire(), hire()
    token = started(worker)
    lose_connection(worker)
    in_doubt(other)

    assert worker.settle([(token, REQUEUE)]) == [True]

    assert other.recover(["jobs"]) == []
    assert ids(claimed(other)) == ["a"]


@pytest.mark.parametrize("waits", [0, 2])
def test_what_goes_on_later_comes_once(hire, waits):
    worker, other = hire(), hire()
    token = started(worker)
    lose_connection(worker)
    in_doubt(other)

    until = SystemClock().now() + timedelta(seconds=waits)
    assert worker.settle([(token, Park(until))]) == [True]

    assert other.recover(["jobs"]) == []
    assert ids(claimed(other)) == ["a"]
    assert claimed(other, seconds=1.0) == []


def test_a_crash_is_counted_though_the_connection_was_lost(hire):
    worker, other = hire(), hire()
    token = started(worker)
    lose_connection(worker)
    in_doubt(other)

    assert worker.settle([(token, Requeue(crashed=True))]) == [True]

    other.recover(["jobs"])
    assert [(one.message.id, one.crashes) for one in claimed(other)] == [("a", 1)]
    assert claimed(other, seconds=1.0) == []


def test_a_dead_letter_is_written_though_the_connection_was_lost(hire):
    worker = hire()
    token = started(worker)
    lose_connection(worker)

    assert worker.settle([(token, DeadLetter("rejected", "not today"))]) == [True]

    assert [letter.message.id for letter in worker.dead("jobs", 5)] == ["a"]
    assert nothing_is_left(hire, worker)


def test_what_a_dead_worker_had_started_is_judged_once_its_lease_is_over(hire):
    worker, other = hire(lease=1), hire()
    started(worker)
    lose_connection(worker)
    in_doubt(other)

    orphans, ends = [], time.monotonic() + 10
    while not orphans and time.monotonic() < ends:
        orphans = other.recover(["jobs"])

    assert [(one.started, one.owner) for one in orphans] == [(True, "w0@host")]
    token = orphans[0].delivery.token
    assert other.settle([(token, Requeue(crashed=True))]) == [True]
    assert worker.renew() is False
    assert [one.crashes for one in claimed(other)] == [1]


def test_what_was_not_started_is_run_by_whoever_gets_it(hire):
    worker, other = hire(), hire()
    publish(worker, message("a"))
    (delivery,) = claimed(worker)
    lose_connection(worker)

    assert ids(claimed(other)) == ["a"]
    assert worker.mark_started([delivery.token]) == [False]
