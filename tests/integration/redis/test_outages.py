"""Servers that go away and come back, replicas, servers that evict: real ones."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import contextmanager
from time import monotonic, sleep

import pytest

from celeriac.adapters.host.clock import SystemClock
from celeriac.adapters.redis.broker import RedisBroker
from celeriac.adapters.redis.store import RedisStore
from celeriac.domain.errors import BrokerUnavailable, ImproperlyConfigured, StoreReadOnly
from celeriac.domain.work.settlement import DONE
from tests.contracts.samples import JOBS, claim, ids, message, publish
from tests.servers.processes import free_port

BINARY = shutil.which("redis-server") or shutil.which("valkey-server")
pytestmark = pytest.mark.skipif(BINARY is None, reason="there is no redis-server to start")


@contextmanager
def server(folder, port, *options):
    """Run a server that keeps what it is told in a folder."""
    command = [BINARY, "--port", str(port), "--dir", str(folder), "--bind", "127.0.0.1", *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        answer_of(port)
        yield process
    finally:
        process.kill()
        process.wait()


def answer_of(port):
    store = RedisStore(f"redis://127.0.0.1:{port}", clock=SystemClock())
    end = monotonic() + 20
    while True:
        try:
            store.open()
        except BrokerUnavailable as unavailable:
            if not isinstance(unavailable, StoreReadOnly):
                assert monotonic() < end, "the server did not start"
                sleep(0.05)
                continue
        except ImproperlyConfigured:
            pass
        store.close()
        return


@pytest.fixture(name="store_on")
def stores_by_port():
    """Makes stores, and closes them in the end."""
    stores = []

    def store_on(port, login="", query=""):
        store = RedisStore(f"redis://{login}127.0.0.1:{port}{query}", clock=SystemClock())
        stores.append(store)
        return store

    yield store_on
    for store in stores:
        store.close()


@pytest.fixture(name="broker_on")
def brokers_by_port(store_on):
    """Makes brokers of stores of their own."""
    return lambda port, query="": RedisBroker(store_on(port, query=query))


def test_a_restarted_server_is_used_again_with_all_it_kept(tmp_path, broker_on):
    port = free_port()
    keeping = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")
    with server(tmp_path, port, *keeping):
        broker = broker_on(port)
        broker.enlist("w@host", lease=60)
        publish(broker, message("held"), message("waits"))
        (held,) = claim(broker, limit=1)

    with pytest.raises(BrokerUnavailable):
        claim(broker)
    with pytest.raises(BrokerUnavailable):
        publish(broker, message("lost"))

    with server(tmp_path, port, *keeping):
        assert broker.renew() is True
        assert ids(claim(broker)) == ["waits"]
        assert broker.settle([(held.token, DONE)]) == [True]


def test_after_a_loss_of_all_data_no_old_token_fits_a_new_claim(tmp_path, broker_on):
    port = free_port()
    with server(tmp_path, port, "--save", ""):
        broker = broker_on(port)
        broker.enlist("w@host", lease=60)
        publish(broker, message("a"))
        (old,) = claim(broker)

    with server(tmp_path, port, "--save", ""):
        assert broker.renew() is False
        broker.enlist("w@host", lease=60)
        publish(broker, message("b"))
        (new,) = claim(broker)

        assert broker.settle([(old.token, DONE), (new.token, DONE)]) == [False, True]


def test_a_server_that_evicts_keys_is_refused_unless_told_otherwise(tmp_path, broker_on):
    port = free_port()
    with server(tmp_path, port, "--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru"):
        with pytest.raises(ImproperlyConfigured, match="maxmemory-policy allkeys-lru"):
            broker_on(port).open()

        allowed = broker_on(port, "/0?evictions=allowed")
        publish(allowed, message("a"))
        assert allowed.depth([JOBS]) == {JOBS: 1}


def test_a_replica_is_refused(tmp_path, broker_on):
    port, nobody = free_port(), str(free_port())

    with (
        server(tmp_path, port, "--replicaof", "127.0.0.1", nobody),
        pytest.raises(StoreReadOnly, match="replica"),
    ):
        broker_on(port).open()


def test_a_wrong_password_is_said_to_be_one(tmp_path, store_on):
    port = free_port()
    with server(tmp_path, port):
        store_on(port).do(lambda client: client.config_set("requirepass", "right"))

        for login in ("", ":wrong@"):
            with pytest.raises(BrokerUnavailable, match="password"):
                store_on(port, login).open()
        store_on(port, ":right@").open()


def test_a_full_server_stores_nothing_and_says_so(tmp_path, broker_on):
    port = free_port()
    with server(tmp_path, port, "--maxmemory", "1"):
        broker = broker_on(port)

        with pytest.raises(BrokerUnavailable, match="memory") as full:
            publish(broker, message("a"))

        assert type(full.value).__name__ == "StoreFull"
        assert broker.depth([JOBS]) == {JOBS: 0}
