"""What a worker of Celery's took and never acknowledged is put back when its time has passed."""

from __future__ import annotations

import pytest

from tests.contracts.samples import JOBS, claim, ids, message, publish
from tests.integration.redis.places import empty_place

kombu = pytest.importorskip("kombu")
pytestmark = pytest.mark.needs_server("redis")
__all__ = ["empty_place"]


@pytest.fixture
def broker(place):
    broker = place.broker()
    broker.enlist("first@host", lease=10)
    return broker


@pytest.fixture
def taken(place, broker):
    """Two messages in the hands of a kombu consumer that is killed, and one that waits."""
    publish(broker, message("a"), message("b", priority=3), message("c"))
    connection = kombu.Connection(place.url, transport_options={"global_keyprefix": place.prefix})
    queue = kombu.Queue(JOBS, channel=connection.default_channel)
    tags = [queue.get().headers["id"] for _ in range(2)]
    connection.default_channel.qos._delivered.clear()  # a killed process gives nothing back
    connection.default_channel.qos._dirty.clear()
    yield tags
    connection.release()


def left_long_ago(place, seconds):
    index = f"{place.prefix}unacked_index"
    at = place.clock.now().timestamp() - seconds
    for tag in place.client.zrange(index, 0, -1):
        place.client.zadd(index, {tag: at})


def test_what_was_left_long_ago_comes_first_and_as_redelivered(place, broker, taken):
    assert taken == ["a", "c"]
    left_long_ago(place, 3601)

    assert broker.recover([JOBS]) == []

    found = claim(broker)
    assert sorted(ids(found[:2])) == ["a", "c"]
    assert [one.redelivered for one in found] == [True, True, False]
    assert place.client.exists(f"{place.prefix}unacked", f"{place.prefix}unacked_index") == 0


def test_what_may_still_be_under_way_is_left_alone(place, broker, taken):
    left_long_ago(place, 3500)

    broker.recover([JOBS])

    assert ids(claim(broker)) == ["b"]
    assert place.client.hlen(f"{place.prefix}unacked") == 2


def test_an_entry_that_cannot_be_read_hinders_nobody(place, broker):
    for tag, entry in {"x": b"\x00", "y": b"[1, 2]", "z": b'[{}, "", "jobs"]'}.items():
        place.client.hset(f"{place.prefix}unacked", tag, entry)
        place.client.zadd(f"{place.prefix}unacked_index", {tag: 0, f"{tag}-gone": 0})

    assert broker.recover([JOBS]) == []
    assert claim(broker) == []
    assert place.client.zrange(f"{place.prefix}unacked_index", 0, -1) == [b"x", b"y", b"z"]
