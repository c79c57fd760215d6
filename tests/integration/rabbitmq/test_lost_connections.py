"""A worker whose connection is lost goes on with what it runs, and nobody runs it beside it."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from celeriac.adapters.host.clock import SystemClock
from celeriac.adapters.kombu.broker import AmqpBroker
from celeriac.adapters.kombu.settings import read
from celeriac.adapters.kombu.store import AmqpStore
from celeriac.adapters.memory import MemoryStore
from celeriac.adapters.memory.ledger import MemoryLedger
from celeriac.domain.errors import BrokerUnavailable
from celeriac.domain.work.settlement import DONE, REQUEUE, DeadLetter, Park, Requeue
from tests.contracts.samples import ids, message, publish

pytestmark = pytest.mark.needs_server("rabbitmq")


@pytest.fixture(params=["classic", "quorum"])
def hire(request, rabbitmq_url):
    """Make brokers of several workers with one ledger, on queues of this test's own."""
    prefix = f"t{secrets.token_hex(4)}."
    said = read(rabbitmq_url, {"task_default_queue_type": request.param})
    clock = SystemClock()
    ledgers, made = MemoryStore(clock), []

    def hire(lease=60):
        store = AmqpStore(replace(said, prefix=prefix), clock)
        broker = AmqpBroker(store, lambda: MemoryLedger(ledgers))
        broker.enlist(f"w{len(made)}@host", lease)
        made.append((broker, store))
        return broker

    yield hire
    for broker, store in made:
        broker.close()
        store.close()


def started(broker):
    """Publish a message, claim it and have it begun; return its token."""
    publish(broker, message("a"))
    (delivery,) = claimed(broker)
    assert broker.mark_started([delivery.token]) == [True]
    return delivery.token


def claimed(broker, seconds=10.0):
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if found := broker.claim(["jobs"], 5, 0.2):
            return found
    return []


def lose_connection(broker):
    with broker._consuming.lock:
        broker._consuming.connection.transport.sock.shutdown(2)
    with pytest.raises(BrokerUnavailable):
        claimed(broker)


def in_doubt(broker):
    """Have a worker take the message without running it."""
    found, ends = [], time.monotonic() + 10
    while not broker.is_in_doubt and not found:
        assert time.monotonic() < ends, "the message was not delivered again"
        found = broker.claim(["jobs"], 5, 0.2)
    assert found == []


def nothing_is_left(hire, *brokers):
    """Close connections, and look as another worker whether anything comes back."""
    for broker in brokers:
        broker.close()
    return claimed(hire(), seconds=1.0) == []


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


def test_what_acknowledges_early_is_not_run_again_when_its_acknowledgement_was_lost(hire):
    worker, other = hire(), hire()
    publish(worker, message("a"))
    (delivery,) = claimed(worker)
    link = worker._consuming
    link.send = lambda frames: None  # it never leaves this machine
    assert worker.mark_started([delivery.token], {delivery.token}) == [True]
    del link.send
    lose_connection(worker)

    assert claimed(worker, seconds=1.0) == []
    assert worker.settle([(delivery.token, DONE)]) == [True]
    assert claimed(other, seconds=1.0) == []
    assert nothing_is_left(hire, worker, other)


def test_what_was_not_started_is_run_by_whoever_gets_it(hire):
    worker, other = hire(), hire()
    publish(worker, message("a"))
    (delivery,) = claimed(worker)
    lose_connection(worker)

    assert ids(claimed(other)) == ["a"]
    assert worker.mark_started([delivery.token]) == [False]
