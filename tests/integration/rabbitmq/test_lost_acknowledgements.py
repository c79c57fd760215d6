"""What is acknowledged when it starts is run once, though RabbitMQ may never hear of that."""

from __future__ import annotations

import time

import pytest

from celeriac.domain.messaging.queues import Queue
from celeriac.domain.work.settlement import DONE, REQUEUE, Requeue
from tests.contracts.samples import JOBS, ids, message, publish
from tests.waiting import eventually

from .workers import (
    begun_early,
    claimed,
    cut_off,
    end_connection,
    in_doubt,
    lose_connection,
    nothing_is_left,
    set_ledger_away,
    unheard,
)

pytestmark = pytest.mark.needs_server("rabbitmq")


def claim_one(broker):
    """Publish a message and claim it; return its token."""
    publish(broker, message("a"))
    (delivery,) = claimed(broker)
    return delivery.token


def begun_while_cut_off(broker):
    """Begin a task whose acknowledgement goes down with the connection; return its token.

    The ledger cannot be told of that: its worker is cut off from it, too.
    """
    token = claim_one(broker)
    note = broker.ownership.note

    def note_then_lose_the_ledger(begun, early):
        note(begun, early)
        set_ledger_away(broker, True)

    broker.ownership.note = note_then_lose_the_ledger
    with cut_off(broker):
        assert begun_early(broker, token) == [True]
    del broker.ownership.note
    return token


def rescued(broker, seconds=10):
    """Return what a dead worker left behind, once its lease is over."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if orphans := broker.recover(["jobs"]):
            return orphans
    return []


def test_rabbitmq_knows_what_has_begun(hire):
    worker, other = hire(), hire()
    publish(worker, *[message(f"m{n}") for n in range(8)])
    first = []
    while len(first) < 4:
        first += worker.claim(["jobs"], 4 - len(first), 5.0)
    tokens = [one.token for one in first]

    assert worker.mark_started(tokens, tokens) == [True] * 4
    end_connection(worker)

    found = []
    eventually(lambda: found.extend(claimed(other, seconds=0.5)) or len(found) == 4)
    assert sorted(ids([*first, *found])) == [f"m{n}" for n in range(8)]
    assert claimed(other, seconds=1.0) == []


def test_several_queues_are_asked_whether_they_know(hire):
    worker = hire()
    worker.declare([Queue("jobs"), Queue("mail")])
    publish(worker, message("a"), message("b", queue="mail"))
    found, queues = [], ["jobs", "mail"]
    eventually(lambda: found.extend(worker.claim(queues, 5, 0.2)) or len(found) == 2)
    tokens = [one.token for one in found]

    assert worker.mark_started(tokens, tokens) == [True, True]

    assert [tap.is_asked for tap in worker._claiming.taps] == [False, False]
    end_connection(worker)
    assert hire().claim(queues, 5, 1.0) == []


def test_what_was_acknowledged_into_the_void_is_not_run_again(hire):
    worker, other = hire(), hire()
    token = claim_one(worker)
    with cut_off(worker):
        assert begun_early(worker, token) == [True]

    assert claimed(other, seconds=1.0) == []
    assert not other.is_in_doubt

    assert worker.settle([(token, DONE)]) == [True]
    assert claimed(worker, seconds=1.0) == []
    assert nothing_is_left(hire, worker, other)


def test_nobody_runs_what_was_settled_before_rabbitmq_noticed(hire, monkeypatch):
    monkeypatch.setattr("celeriac.adapters.kombu.link.PATIENCE", 0.5)
    worker, other = hire(), hire()
    token = claim_one(worker)
    with unheard(worker):
        assert begun_early(worker, token) == [True]
    assert worker.settle([(token, DONE)]) == [True]
    end_connection(worker)

    assert claimed(other, seconds=1.0) == []
    assert not other.is_in_doubt
    assert nothing_is_left(hire, worker, other)


def test_nobody_runs_it_beside_its_worker_that_cannot_tell_of_its_loss(hire):
    worker, other = hire(), hire()
    token = begun_while_cut_off(worker)
    in_doubt(other)
    assert other.recover(["jobs"]) == []
    assert other.is_in_doubt

    set_ledger_away(worker, False)
    assert worker.settle([(token, DONE)]) == [True]

    assert other.recover(["jobs"]) == []
    assert not other.is_in_doubt
    assert claimed(other, seconds=1.0) == []
    assert nothing_is_left(hire, worker, other)


def test_its_own_worker_passes_it_over_before_the_ledger_knows(hire):
    worker = hire()
    token = begun_while_cut_off(worker)
    set_ledger_away(worker, True)

    assert claimed(worker, seconds=1.0) == []
    assert not worker.is_in_doubt

    set_ledger_away(worker, False)
    assert worker.settle([(token, DONE)]) == [True]
    assert nothing_is_left(hire, worker)


@pytest.mark.parametrize("ending", [REQUEUE, Requeue(crashed=True)])
def test_what_is_given_back_comes_once(hire, ending):
    worker, other = hire(), hire()
    token = begun_while_cut_off(worker)
    in_doubt(other)
    set_ledger_away(worker, False)

    assert worker.settle([(token, ending)]) == [True]

    assert other.recover(["jobs"]) == []
    assert ids(claimed(other)) == ["a"]
    assert claimed(other, seconds=1.0) == []


def test_whoever_dies_cut_off_leaves_one_orphan_and_no_run(hire):
    worker, other = hire(lease=1), hire()
    begun_while_cut_off(worker)
    in_doubt(other)

    (orphan,) = rescued(other)

    assert (orphan.started, orphan.owner) == (True, "w0@host")
    assert not other.is_in_doubt
    assert other.settle([(orphan.delivery.token, DONE)]) == [True]
    assert claimed(other, seconds=1.0) == []
    assert other.recover(["jobs"]) == []
    assert worker.renew() is False
    assert nothing_is_left(hire, worker, other)


def test_whoever_holds_the_message_learns_that_another_has_adopted_its_run(hire):
    worker, other, heir = hire(lease=1), hire(), hire()
    begun_while_cut_off(worker)
    in_doubt(other)

    (orphan,) = rescued(heir)

    assert other.recover(["jobs"]) == []
    assert not other.is_in_doubt
    assert heir.settle([(orphan.delivery.token, DONE)]) == [True]
    assert claimed(other, seconds=1.0) == []
    assert nothing_is_left(hire, worker, other, heir)


def test_what_was_adopted_before_its_message_came_back_is_passed_over(hire):
    worker, heir, other = hire(lease=1), hire(), hire()
    token = claim_one(worker)
    with unheard(worker):
        worker.ownership.note([worker._claiming.hands.of(token)], {token})

    (orphan,) = rescued(heir)
    assert heir.settle([(orphan.delivery.token, Requeue(crashed=True))]) == [True]
    end_connection(worker)

    found = []
    eventually(lambda: found.extend(claimed(other, seconds=0.5)) or bool(found))
    assert [(one.message.id, one.crashes) for one in found] == [("a", 1)]
    assert claimed(other, seconds=1.0) == []


def test_what_was_not_acknowledged_any_more_is_not_begun(hire):
    worker, other = hire(), hire()
    token = claim_one(worker)
    lose_connection(worker)

    assert begun_early(worker, token) == [False]

    assert ids(claimed(other)) == ["a"]


def test_a_queue_that_is_lost_may_forget_what_had_been_acknowledged(hire):
    worker, other = hire(), hire()
    token = claim_one(worker)
    assert begun_early(worker, token) == [True]
    delete_queue(worker)
    eventually(lambda: all(tap.is_dead for tap in looked(worker)))

    # As if the queue had come back as it had been before.
    publish(other, message("a"))
    assert ids(claimed(other)) == ["a"]
    assert worker.claim(["jobs"], 5, 0.2) == []
    end_connection(other)

    assert claimed(worker, seconds=1.0) == []
    assert worker.settle([(token, DONE)]) == [True]
    assert nothing_is_left(hire, worker, other)


def delete_queue(broker):
    with broker.store.publishing.using():
        broker.store.publishing.side().queue_delete(broker.store.declarations.wire(JOBS))


def looked(broker):
    """Take in what has come to a worker; return its taps."""
    with broker._consuming.using():
        broker._consuming.drain_all()
    return list(broker._claiming.taps)


def test_what_its_leaving_worker_gives_back_is_adopted_by_nobody(hire):
    worker, heir = hire(lease=1), hire()
    token = claim_one(worker)
    with cut_off(worker):
        assert begun_early(worker, token) == [True]

    worker.leave()

    assert ids(claimed(heir)) == ["a"]
    assert rescued(heir, seconds=2) == []
