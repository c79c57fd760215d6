"""SQS as moto plays it, where no ledger keeps what is claimed: SQS itself does, for a lease.

moto is no AWS: it keeps order, and answers at once.
"""

from __future__ import annotations

from datetime import timedelta

import kombu
import pytest

from celeriac.adapters.kombu.virtual.broker import VirtualBroker
from celeriac.adapters.kombu.virtual.store import VirtualStore
from celeriac.domain.errors import BrokerUnavailable, ImproperlyConfigured, NotSupported
from celeriac.domain.messaging.queues import Exchange, Queue
from celeriac.domain.work.settlement import DONE, REQUEUE, DeadLetter, Park, Requeue
from tests.contracts.adapters.sqs import ACCOUNT, SqsPlace
from tests.contracts.samples import JOBS, claim, claim_one, ids, message, messages, publish
from tests.servers.moto import moto_server


@pytest.fixture(scope="module")
def moto_url():
    with moto_server() as url:
        yield url


@pytest.fixture
def place(moto_url):
    place = SqsPlace(moto_url)
    yield place
    place.close()


@pytest.fixture
def make_broker(place):
    made = []

    def make(node="first@host", **options):
        settings = {"broker_transport_options": {**place.settings["broker_transport_options"]}}
        settings["broker_transport_options"] |= options
        store = VirtualStore.from_url(place.url, clock=place.clock, settings=settings)
        broker = VirtualBroker(store)
        broker.enlist(node, lease=10)
        made.append(broker)
        return broker

    yield make
    for broker in made:
        broker.close()


def test_what_a_worker_holds_stays_invisible_for_as_long_as_it_renews(place, make_broker):
    broker, other = make_broker(), make_broker("second@host")
    publish(broker, message("a"))
    token = claim_one(broker).token

    for _ in range(5):
        place.advance(8)
        assert broker.renew() is True
        assert other.renew() is True
        assert claim(other) == []

    assert broker.settle([(token, DONE)]) == [True]
    place.advance(60)
    other.enlist("second@host", lease=10)
    assert claim(other) == []


def test_what_a_dead_worker_held_comes_again_after_its_lease(place, make_broker):
    broker, other = make_broker(), make_broker("second@host")
    publish(broker, message("a"))
    token = claim_one(broker).token

    place.advance(6)
    other.renew()
    assert claim(other) == []
    place.advance(6)
    other.renew()

    again = claim_one(other)
    assert again.redelivered is True
    assert broker.renew() is False
    assert broker.settle([(token, DONE)]) == [False]


def test_what_is_never_repeated_leaves_sqs_when_it_starts(place, make_broker):
    broker, other = make_broker(), make_broker("second@host")
    publish(broker, *messages(2))
    early, late = claim(broker)

    broker.mark_started([early.token, late.token], {early.token})

    place.advance(11)
    other.enlist("second@host", lease=10)
    assert ids(claim(other)) == [late.message.id]


def test_a_task_that_is_due_after_hours_waits_in_sqs(place, make_broker):
    broker = make_broker()
    hours = timedelta(hours=5)
    publish(broker, message("a", eta=place.clock.now() + hours))

    for _ in range(19):
        place.advance(900)
        broker.enlist("first@host", lease=10)
        assert claim(broker) == []
        assert len(broker._hands) == 0

    place.advance(910)
    broker.enlist("first@host", lease=10)
    assert ids(claim(broker)) == ["a"]


def test_deliveries_end_as_they_are_settled(place, make_broker):
    broker = make_broker()
    publish(broker, *messages(5))
    again, crashed, later, dead, done = (one.token for one in claim(broker))

    answers = broker.settle(
        [
            (again, REQUEUE),
            (crashed, Requeue(crashed=True)),
            (later, Park(place.clock.now() + timedelta(seconds=60))),
            (dead, DeadLetter("rejected", "not today")),
            (done, DONE),
        ]
    )

    assert answers == [True] * 5
    assert sorted((one.message.id, one.crashes) for one in claim(broker)) == [
        ("m000", 0),
        ("m001", 1),
    ]
    assert [letter.message.id for letter in broker.dead(JOBS, 10)] == ["m003"]
    place.advance(61)
    broker.enlist("first@host", lease=10)
    assert "m002" in ids(claim(broker))


def test_a_clean_close_gives_back_what_is_held(make_broker):
    broker, other = make_broker(), make_broker("second@host")
    publish(broker, *messages(12))
    claim(broker)

    broker.close()

    assert sorted(ids(claim(other))) == ids(messages(12))


def test_kombu_reads_what_is_sent_and_sends_what_is_read(place, make_broker):
    broker = make_broker()
    sent = message("a", headers={"retries": 1})
    options = place.settings["broker_transport_options"]
    with kombu.Connection(place.url, transport_options=options) as connection:
        channel = connection.channel()
        publish(broker, sent)
        received = channel.basic_get(JOBS)
        channel.basic_ack(received.delivery_tag)
        channel.basic_publish(
            channel.prepare_message(
                received.body,
                content_type=received.content_type,
                content_encoding=received.content_encoding,
                headers=received.headers,
                properties={"correlation_id": "a", "delivery_mode": 2},
            ),
            "",
            JOBS,
        )

        found = claim_one(broker)

    assert received.body == sent.body
    assert received.headers["task"] == "tasks.add"
    assert found.message == sent


def test_predefined_queues_are_used_and_no_others(place, make_broker, moto_url):
    publish(make_broker(), message("a", queue="shop"), message("x", queue="aside"))
    known = {
        f"{place.prefix}{name}": {"url": f"{moto_url}/{ACCOUNT}/{place.prefix}{there}"}
        for name, there in (("shop", "shop"), ("shop-celeriac-dead", "aside"))
    }
    broker = make_broker(predefined_queues=known)

    publish(broker, message("b", queue="shop"))
    deliveries = claim(broker, "shop")

    assert ids(deliveries) == ["a", "b"]
    broker.settle([(deliveries[0].token, DeadLetter("rejected"))])
    assert broker.depth(["shop.celeriac.dead"]) == {"shop.celeriac.dead": 2}
    with pytest.raises(ImproperlyConfigured, match="predefined_queues"):
        publish(broker, message("c", queue="elsewhere"))


def test_nothing_is_claimed_where_dead_letters_have_no_queue(place, make_broker, moto_url):
    publish(make_broker(), message("a", queue="shop"))
    url = f"{moto_url}/{ACCOUNT}/{place.prefix}shop"
    broker = make_broker(predefined_queues={f"{place.prefix}shop": {"url": url}})

    with pytest.raises(BrokerUnavailable, match="shop-celeriac-dead"):
        claim(broker, "shop")


def test_fifo_queues_keep_their_order(make_broker):
    broker = make_broker()

    publish(broker, *messages(15, queue="line.fifo"))

    first = claim(broker, "line.fifo")
    # SQS gives no more of them before these are settled.
    assert ids(first) == ids(messages(10))
    broker.settle([(one.token, DONE) for one in first])
    assert ids(claim(broker, "line.fifo")) == ids(messages(15)[10:])


def test_a_fanout_exchange_is_refused(make_broker):
    with pytest.raises(NotSupported, match="fanout"):
        make_broker().declare([Queue("left", Exchange("both", "fanout"))])
