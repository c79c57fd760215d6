"""kombu's options on how keys are named and queues served mean the same here."""

from __future__ import annotations

import pytest

from celeriac.adapters.redis.broker import RedisBroker
from celeriac.adapters.redis.store import RedisStore
from celeriac.domain.work.settlement import Requeue
from tests.contracts.samples import JOBS, claim, ids, message, publish
from tests.integration.redis.places import empty_place

kombu = pytest.importorskip("kombu")
pytestmark = pytest.mark.needs_server("redis")
__all__ = ["empty_place"]

#: What Celery's documentation tells those to set who use priorities.
OPTIONS = {"priority_steps": list(range(10)), "sep": ":", "queue_order_strategy": "priority"}


@pytest.fixture(name="options")
def all_options(place):
    return {"global_keyprefix": place.prefix, **OPTIONS}


@pytest.fixture
def broker(place, options):
    store = RedisStore(place.url, clock=place.clock, server_time=False, options=options)
    broker = RedisBroker(store)
    broker.enlist("w@host", lease=10)
    yield broker
    store.close()


def test_each_priority_is_a_step_of_its_own(place, broker):
    publish(broker, *(message(str(n), priority=n) for n in (9, 4, 3, 0, 5)))

    assert place.client.llen(f"{place.prefix}{JOBS}:4") == 1
    assert broker.depth([JOBS]) == {JOBS: 5}
    assert [one.id for one in broker.peek(JOBS, 9)] == ["0", "3", "4", "5", "9"]
    assert ids(claim(broker)) == ["0", "3", "4", "5", "9"]


def test_what_is_given_back_is_in_its_step_again(place, broker):
    publish(broker, message("a", priority=4))
    (held,) = claim(broker)

    broker.settle([(held.token, Requeue(crashed=False))])

    assert place.client.llen(f"{place.prefix}{JOBS}:4") == 1
    assert broker.purge([JOBS]) == 1


def test_the_first_queue_is_emptied_before_the_next_one(broker):
    publish(broker, *(message(f"{queue}{n}", queue=queue) for n in range(3) for queue in "ab"))

    taken = [ids(broker.claim(["b", "a"], 2, 0)) for _ in range(3)]

    assert taken == [["b0", "b1"], ["b2", "a0"], ["a1", "a2"]]


def test_kombu_finds_what_was_published_and_the_other_way_round(place, broker, options):
    publish(broker, message("ours", priority=7))
    with kombu.Connection(place.url, transport_options=options) as connection:
        queue = kombu.Queue(JOBS, channel=connection.default_channel)
        got = queue.get(no_ack=True)
        kombu.Producer(connection).publish(
            [[], {}, {}], routing_key=JOBS, priority=8, headers=dict(got.headers, id="theirs")
        )

    assert got.headers["id"] == "ours"
    assert ids(claim(broker)) == ["theirs"]
