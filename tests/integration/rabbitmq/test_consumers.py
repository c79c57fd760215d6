"""Consumers as workers have them: what is pushed ahead, to whom, and when it goes back."""

from __future__ import annotations

import os
import secrets
import threading
import time
from contextlib import closing
from dataclasses import replace

import pytest

from celeriac.adapters.host.clock import SystemClock
from celeriac.adapters.kombu.broker import AmqpBroker
from celeriac.adapters.kombu.bus import AmqpBus
from celeriac.adapters.kombu.settings import read
from celeriac.adapters.kombu.store import AmqpStore
from celeriac.domain.cluster.speech import BusMessage, Topic
from celeriac.domain.errors import BrokerUnavailable
from celeriac.domain.work.settlement import DONE, DeadLetter
from tests.contracts.samples import ids, message, messages, publish

pytestmark = pytest.mark.needs_server("rabbitmq")


@pytest.fixture(params=["classic", "quorum"])
def make(request, rabbitmq_url):
    """Make brokers of several workers, on queues of this test's own."""
    prefix = f"t{secrets.token_hex(4)}."
    made = []

    def make(**settings):
        said = read(rabbitmq_url, {"task_default_queue_type": request.param, **settings})
        store = AmqpStore(replace(said, prefix=prefix), SystemClock())
        broker = AmqpBroker(store)
        broker.enlist(f"w{len(made)}@host", lease=60)
        made.append((broker, store))
        return broker

    yield make
    for broker, store in made:
        broker.close()
        store.close()


def claimed(broker, count, *queues, limit=10, seconds=10.0):
    """Claim until so many have come."""
    found, ends = [], time.monotonic() + seconds
    while len(found) < count and time.monotonic() < ends:
        found += broker.claim(queues or ["jobs"], min(limit, count - len(found)), 0.5)
    return found


def test_no_more_is_pushed_than_was_asked_for(make):
    one, two = make(), make()
    publish(one, *messages(20))

    first = claimed(one, 4, limit=4)
    rest = claimed(two, 16)

    assert len(first) == 4
    assert sorted(ids([*first, *rest])) == ids(messages(20))


def test_what_is_acknowledged_makes_room_for_the_next(make):
    broker = make()
    publish(broker, *messages(60))

    done = []
    while len(done) < 60:
        batch = broker.claim(["jobs"], 4, 5.0)
        assert batch
        assert broker.settle([(one.token, DONE) for one in batch]) == [True] * len(batch)
        done += ids(batch)

    assert done == ids(messages(60))
    assert broker.depth(["jobs"]) == {"jobs": 0}


def test_what_nobody_claims_any_more_goes_back_to_its_queue(make):
    one, two = make(), make()
    publish(one, *messages(8))
    held = claimed(one, 8)
    publish(one, *messages(8, prefix="n"))
    # Room on the consumer, and nobody who asks: these may be pushed to the first worker.
    one.settle([(delivery.token, DONE) for delivery in held])

    rest = claimed(two, 8)

    assert sorted(ids(rest)) == ids(messages(8, prefix="n"))


def test_a_full_queue_does_not_starve_another(make):
    broker = make()
    publish(broker, *messages(200), *messages(3, queue="b", prefix="n"))

    found = []
    for _ in range(8):
        batch = broker.claim(["jobs", "b"], 4, 5.0)
        broker.settle([(one.token, DONE) for one in batch])
        found += ids(batch)

    assert {"n000", "n001", "n002"} <= set(found)


def test_settling_out_of_order_acknowledges_no_other(make):
    one, two = make(), make()
    publish(one, *messages(6))
    held = claimed(one, 6)

    one.settle([(held[number].token, DONE) for number in (5, 0, 3)])
    one.close()

    assert sorted(ids(claimed(two, 3))) == ["m001", "m002", "m004"]
    assert claimed(two, 1, seconds=0.6) == []


def test_heartbeats_are_sent_while_a_claim_waits(make):
    broker, publisher = make(broker_heartbeat=2), make()
    publish(broker, message("first"))
    held = claimed(broker, 1)
    found = []
    waiting = threading.Thread(target=lambda: found.extend(broker.claim(["jobs"], 5, 30.0)))

    waiting.start()
    # Without a heartbeat the server would have closed the connection twice over by then.
    waiting.join(timeout=9.0)
    publish(publisher, message("second"))
    waiting.join(timeout=25)

    assert ids(found) == ["second"]
    assert broker.settle([(held[0].token, DONE)]) == [True]


def test_a_claim_resumes_after_its_connection_was_lost(make):
    broker = make()
    publish(broker, *messages(2))
    lost = claimed(broker, 2)
    broker._consuming.connection.transport.sock.shutdown(2)

    with pytest.raises(BrokerUnavailable):
        claimed(broker, 1)
    began = time.monotonic()
    again = claimed(broker, 2)

    assert sorted(ids(again)) == ["m000", "m001"]
    assert time.monotonic() - began < 5
    assert broker.settle([(delivery.token, DONE) for delivery in lost]) == [False, False]


def test_a_claim_resumes_after_its_queue_was_deleted(make, rabbitmq_url):
    broker = make()
    if broker.store.settings.queue_type == "quorum":
        pytest.skip("RabbitMQ tells nobody when a quorum queue is made again at once")
    publish(broker, message("a"))
    broker.settle([(claimed(broker, 1)[0].token, DONE)])
    with broker.store.publishing.using():
        broker.store.publishing.side().queue_delete(broker.store.declarations.wire("jobs"))

    publish(broker, message("b"))

    with closing(broker):
        assert ids(claimed(broker, 1)) == ["b"]


def test_dead_letters_outlive_the_server_and_its_messages(make):
    broker = make()
    publish(broker, message("a", properties={"expiration": "60000"}))
    broker.settle([(claimed(broker, 1)[0].token, DeadLetter("rejected", "not today"))])

    (letter,) = broker.dead("jobs", 5)

    assert (letter.reason, letter.detail) == ("rejected", "not today")
    assert letter.message.id == "a"
    assert broker.revive("jobs", [letter.tag]) == 1
    assert ids(claimed(broker, 1)) == ["a"]


def test_a_fork_leaves_the_connections_of_its_parent_alone(make):
    broker = make()
    bus = AmqpBus(broker.store)
    ear = bus.subscribe([Topic("t.forks")])
    publish(broker, *messages(2))
    held = claimed(broker, 2)

    child = os.fork()
    if not child:
        code = 1
        try:
            publish(broker, message("of the child"))
            bus.broadcast([BusMessage("t.forks", "of the child")])
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert [said.body for said in ear.receive(5.0)] == ["of the child"]
    assert ids(claimed(broker, 1)) == ["of the child"]
    assert broker.settle([(one.token, DONE) for one in held]) == [True, True]
    bus.close()
