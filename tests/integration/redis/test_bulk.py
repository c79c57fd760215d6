"""Many messages in one publication stand where they would stand if each had its own."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from celeriac.adapters.redis.broker import RedisBroker
from celeriac.adapters.redis.bulk import MANY
from celeriac.adapters.redis.store import RedisStore
from celeriac.domain.errors import BrokerUnavailable, StoreFull
from tests.contracts.samples import JOBS, claim, ids, message, messages, publish
from tests.integration.redis.places import empty_place
from tests.integration.redis.private import needs_redis_server, server

pytestmark = pytest.mark.needs_server("redis")
__all__ = ["empty_place"]


@pytest.fixture
def make(place):
    stores = []

    def make_broker(under: str) -> RedisBroker:
        options = {"global_keyprefix": f"{place.prefix}{under}"}
        stores.append(RedisStore(place.url, clock=place.clock, server_time=False, options=options))
        return RedisBroker(stores[-1])

    yield make_broker
    for store in stores:
        store.close()


def kept(place, broker):
    """Return all keys under a broker's prefix with what they hold, save for what is random."""
    prefix = broker.store.prefix
    found = {}
    for name in place.client.scan_iter(f"{prefix}*"):
        key = name.decode().removeprefix(prefix)
        if key in ("celeriac.owners", "celeriac.nodes"):
            continue
        match place.client.type(name):
            case b"list":
                found[key] = [_shown(raw) for raw in place.client.lrange(name, 0, -1)]
            case b"set":
                found[key] = sorted(place.client.smembers(name))
            case b"zset":
                rows = place.client.zrange(name, 0, -1, withscores=True)
                found[key] = [(raw[:2], _shown(raw[23:]), due) for raw, due in rows]
            case b"stream":
                found[key] = [fields for _, fields in place.client.xrange(name)]
    return found


def _shown(raw):
    envelope = json.loads(raw)
    del envelope["properties"]["delivery_tag"]
    return envelope


@pytest.mark.parametrize(("worker", "keys"), [(True, 7), (False, 6)])
def test_many_at_once_are_stored_as_they_are_one_by_one(place, make, worker, keys):
    later = place.clock.now() + timedelta(hours=1)
    sent = [
        *messages(MANY, prefix="a"),
        *messages(MANY, prefix="p", priority=6),
        *messages(MANY, prefix="l", eta=later),
        *messages(MANY, "other", prefix="o"),
    ]
    at_once, one_by_one = make("at-once."), make("one-by-one.")

    if worker:  # else nobody would move what is parked
        at_once.enlist("w@host", lease=10)
        one_by_one.enlist("w@host", lease=10)

    publish(at_once, *sent)
    for one in sent:
        publish(one_by_one, one)

    assert kept(place, at_once) == kept(place, one_by_one)
    assert len(kept(place, at_once)) == keys


def test_many_at_once_are_claimed_in_their_order(make):
    broker = make("")
    broker.enlist("w@host", lease=10)

    publish(broker, *messages(MANY))

    assert ids(claim(broker)) == ids(messages(MANY))


@needs_redis_server
def test_of_many_at_once_a_full_server_stores_none_and_says_so(place):
    with server("--maxmemory", "1") as full:
        store = RedisStore(full.url, clock=place.clock)

        with pytest.raises(StoreFull, match="memory"):
            publish(RedisBroker(store), *messages(MANY))

        assert store.do(lambda client: client.keys("*")) == []
        store.close()


def test_many_at_once_for_a_key_of_another_type_are_told_apart_from_an_outage(place, make):
    broker = make("")
    place.client.set(f"{place.prefix}{JOBS}", 1)

    with pytest.raises(BrokerUnavailable, match="global_keyprefix") as wrong:
        publish(broker, *messages(MANY), message("last"))

    assert len(str(wrong.value)) < 2000
