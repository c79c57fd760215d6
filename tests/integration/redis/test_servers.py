"""Servers that are not there, or not fit to keep messages."""

from __future__ import annotations

import socket
from time import monotonic

import pytest

from celeriac.adapters.memory import VirtualClock
from celeriac.adapters.redis.broker import RedisBroker
from celeriac.adapters.redis.store import RedisStore
from celeriac.domain.errors import (
    BrokerUnavailable,
    ImproperlyConfigured,
    StoreFull,
    StoreReadOnly,
)
from tests.contracts.samples import message


class Answering:
    """A store whose server says of itself what the test wants."""

    def __init__(self, **said):
        self.said = {"role": "master", "loading": 0, "maxmemory_policy": "noeviction", **said}

    def info(self):
        return self.said

    def time(self):
        return (1_000_000, 500_000)


def opened(server, url="redis://h", timeout=1):
    store = RedisStore(url, clock=VirtualClock(), timeout=timeout)
    store._client_of = lambda timeout: server
    store.open()
    return store


def test_a_server_that_evicts_keys_is_refused():
    with pytest.raises(ImproperlyConfigured, match=r"allkeys-lru.*evictions=allowed"):
        opened(Answering(maxmemory_policy="allkeys-lru", maxmemory=1000))


def test_a_server_that_evicts_keys_is_taken_where_that_is_allowed():
    server = Answering(maxmemory_policy="allkeys-lru", maxmemory=1000)

    assert opened(server, "redis://h?evictions=allowed").url == "redis://h:6379/0"


def test_without_a_limit_of_memory_nothing_is_ever_evicted():
    opened(Answering(maxmemory_policy="allkeys-lru", maxmemory=0))


def test_a_replica_is_refused():
    with pytest.raises(StoreReadOnly, match="replica"):
        opened(Answering(role="slave"))


def test_a_server_that_still_loads_is_not_available_yet():
    with pytest.raises(BrokerUnavailable, match="not ready yet"):
        opened(Answering(loading=1), timeout=0.2)


def test_a_server_that_is_too_old_is_refused():
    with pytest.raises(ImproperlyConfigured, match=r"Redis 6\.0\.16: expected 6\.2"):
        opened(Answering(redis_version="6.0.16"))


def test_the_servers_time_counts():
    assert opened(Answering()).now() == pytest.approx(1_000_000.5)


def test_nobody_there_is_said_with_the_place_and_without_the_password():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    store = RedisStore(f"redis://:hush@127.0.0.1:{port}/3", clock=VirtualClock())

    with pytest.raises(BrokerUnavailable, match=rf"redis://:\*+@127.0.0.1:{port}/3") as unavailable:
        store.open()

    assert "hush" not in str(unavailable.value)


def test_a_server_that_says_nothing_is_given_up_at_the_deadline():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = RedisStore(f"redis://127.0.0.1:{silent.getsockname()[1]}", clock=VirtualClock())
        began = monotonic()

        with pytest.raises(BrokerUnavailable):
            RedisBroker(store).publish([message("a")], deadline=1)

        assert monotonic() - began < 3
        store.close()


@pytest.mark.needs_server("redis")
def test_a_key_of_another_type_is_told_apart_from_an_outage(redis_url):
    store = RedisStore(redis_url, clock=VirtualClock(), options={"global_keyprefix": "typed:"})
    store.do(lambda client: client.set("typed:jobs", 1))
    try:
        with pytest.raises(BrokerUnavailable, match="global_keyprefix"):
            RedisBroker(store).publish([message("a")], deadline=5)
    finally:
        store.do(lambda client: client.delete("typed:jobs", "typed:celeriac.queues"))
        store.close()


@pytest.mark.needs_server("redis")
def test_a_full_server_is_said_to_be_full(redis_url):
    store = RedisStore(redis_url, clock=VirtualClock())

    def full(client):
        return client.eval("return redis.error_reply('OOM command not allowed')", 0)

    with pytest.raises(StoreFull, match="memory"):
        store.do(full)
    store.close()


@pytest.mark.parametrize("url", ["amqp://h", "redis://h/x", "redis://h?evictions=perhaps"])
def test_a_url_that_cannot_be_is_refused(url):
    with pytest.raises(ImproperlyConfigured):
        RedisStore(url, clock=VirtualClock())
