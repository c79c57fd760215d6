"""Other ways to a Redis than one open port: TLS, a socket, users, several servers, Sentinels."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from time import monotonic

import pytest

from celeriac.adapters.host.clock import SystemClock
from celeriac.adapters.redis.broker import RedisBroker
from celeriac.adapters.redis.opening import open_store
from celeriac.adapters.redis.results import RedisResults
from celeriac.adapters.redis.settler import RedisSettler
from celeriac.adapters.redis.store import RedisStore
from celeriac.domain.errors import (
    BrokerUnavailable,
    CeleriacError,
    ImproperlyConfigured,
    StoreReadOnly,
)
from celeriac.domain.work.settlement import DONE, Settlement
from tests.contracts.samples import JOBS, claim, ids, message, publish
from tests.integration.redis.private import (
    eventually,
    needs_redis_server,
    server,
    watched_by_sentinels,
)
from tests.servers.processes import free_port

pytestmark = needs_redis_server
#: Seconds within which work goes on after a server is there again.
RETURN = 5.0


@pytest.fixture(name="store_of")
def stores_by_url():
    """Makes stores, and closes them in the end."""
    stores = []

    def store_of(url, **options):
        store = RedisStore(url, clock=SystemClock(), options=options)
        stores.append(store)
        return store

    yield store_of
    for store in stores:
        store.close()


def works(store):
    """Publish, claim and settle over a store."""
    broker = RedisBroker(store)
    broker.enlist("w@host", lease=60)
    publish(broker, message("a"))
    (held,) = claim(broker)
    settler = RedisSettler(broker, RedisResults(store))
    return settler.settle([Settlement(held.token, DONE)]) == [True]


# -- one server, reached in other ways


def test_a_server_is_reached_by_its_socket(store_of):
    with server("--unixsocket", "redis.sock") as one:
        assert works(store_of(f"unix://{one.folder}/redis.sock?virtual_host=2"))
        assert one.says("INFO", "keyspace")["db2"]["keys"] > 0


@contextmanager
def encrypted(folder):
    """Run a server that speaks TLS only, under a certificate signed by itself."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    make += f" -addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {certificate}"
    subprocess.run(make.split(), check=True, capture_output=True)
    given = f"--tls-cert-file {certificate} --tls-key-file {key} --tls-ca-cert-file {certificate}"
    options = f"{given} --tls-auth-clients no --tls-port".split()
    with server() as plain:
        port = free_port()
        plain.kill()
        plain.options = (*options, str(port))
        plain.start().answering()
        yield f"127.0.0.1:{port}", certificate


def test_tls_is_spoken_and_certificates_are_looked_at_as_asked(store_of, tmp_path):
    with encrypted(tmp_path) as (host, certificate):
        assert works(store_of(f"rediss://{host}/1?ssl_cert_reqs=CERT_NONE"))
        assert works(store_of(f"rediss://{host}/1?ssl_ca_certs={certificate}"))
        with pytest.raises(BrokerUnavailable, match=r"(?i)certificate"):
            store_of(f"rediss://{host}/1?ssl_cert_reqs=required").open()


def test_tls_may_be_asked_for_by_a_setting(tmp_path):
    with encrypted(tmp_path) as (host, certificate):
        url = f"redis://{host}/1"
        tls = {"ssl_cert_reqs": "CERT_REQUIRED", "ssl_ca_certs": str(certificate)}
        settings = {"broker_url": url, "broker_use_ssl": tls}
        store = open_store(url, clock=SystemClock(), settings=settings)

        assert works(store)
        store.close()


# -- users


USER = "ACL SETUSER {name} on >secret +@all -@dangerous +info {keys} &*"


def user(one, name, keys="~*", more=""):
    assert one.says(*USER.format(name=name, keys=keys).split(), *more.split()) in ("OK", True)


def test_a_user_with_the_rights_that_the_docs_name_can_do_all_of_it(store_of):
    with server() as one:
        user(one, "shop", "~shop:*")
        url = one.url.replace("redis://", "redis://shop:secret@")

        assert works(store_of(url, global_keyprefix="shop:"))
        assert works(
            store_of(one.url, global_keyprefix="shop:", username="shop", password="secret")
        )


@pytest.mark.parametrize(
    ("keys", "more", "said"),
    [
        ("~other:*", "", "ACL SETUSER"),
        ("~*", "-evalsha", "'evalsha' command"),
        ("~*", "-@write", "ACL SETUSER"),
    ],
)
def test_a_user_without_a_right_is_told_which_is_missing(store_of, keys, more, said):
    with server() as one:
        user(one, "guest", keys, more)
        url = one.url.replace("redis://", "redis://guest:secret@")

        with pytest.raises(BrokerUnavailable, match=said) as refused:
            works(store_of(url))

        assert "does not let this user do that" in str(refused.value)
        assert "secret" not in str(refused.value)


def test_a_database_that_the_server_does_not_have_is_named(store_of):
    with server() as one, pytest.raises(ImproperlyConfigured, match=r"/99: .*`databases`"):
        store_of(f"{one.url}/99").open()


# -- servers that are not fit, and get fit


def test_a_server_that_loads_its_data_is_waited_for(store_of):
    with server("--appendonly", "yes", "--key-load-delay", "0") as one:
        one.says("EVAL", "for i = 1, 3000 do redis.call('SET', i, string.rep('x', 500)) end", 0)
        one.kill()
        one.options = (*one.options[:3], "500")
        one.start()
        eventually(lambda: "loading:1" in one.raw("INFO persistence"), "it does not load")

        assert works(store_of(one.url))


# -- several servers


def test_the_first_of_several_servers_that_is_fit_is_used(store_of):
    with server() as down, server("--replicaof", "127.0.0.1", "1") as replica, server() as fit:
        down.kill()

        assert works(store_of(f"{down.url};{replica.url};{fit.url}"))

        assert fit.says("EXISTS", "celeriac.enlisted") == 1


def test_another_server_of_the_list_is_used_when_the_present_one_is_lost(store_of):
    with server() as first, server() as second:
        store = store_of(f"{first.url};{second.url}")
        assert works(store)

        first.kill()

        with pytest.raises(BrokerUnavailable):
            works(store)
        assert works(store)


def test_another_server_of_the_list_is_used_when_the_present_one_becomes_its_replica(store_of):
    with server() as first, server() as second:
        store = store_of(f"{first.url};{second.url}")
        assert works(store)

        first.says("REPLICAOF", "127.0.0.1", second.port)

        with pytest.raises(StoreReadOnly):
            works(store)
        assert works(store)


def test_when_no_server_of_the_list_is_there_it_takes_no_longer_than_the_deadline(store_of):
    with server() as one, server() as other:
        store = store_of(f"{one.url};{other.url}")
        one.hold()
        other.hold()
        began = monotonic()

        with pytest.raises(BrokerUnavailable):
            RedisBroker(store).publish([message("a")], deadline=2)

        assert monotonic() - began < 3


# -- Sentinels


def test_the_primary_is_followed_from_one_server_to_the_other(store_of):
    with watched_by_sentinels() as (primary, replica, sentinels):
        url = ";".join(one.url.replace("redis", "sentinel", 1) for one in sentinels)
        store = store_of(url, master_name="mymaster")
        broker = RedisBroker(store)
        broker.enlist("w@host", lease=60)
        publish(broker, message("before"))
        (held,) = claim(broker)
        publish(broker, message("waits"))
        assert primary.says("WAIT", 1, 2000) == 1
        sentinels[0].kill()

        primary.kill()
        eventually(lambda: replica.says("ROLE")[0] == "master", "nobody became the primary")
        began = monotonic()
        eventually(lambda: ids(tried(broker)) == ["waits"], "the new primary is not used")

        assert monotonic() - began < RETURN
        assert broker.settle([(held.token, DONE)]) == [True]
        assert replica.says("LLEN", JOBS) == 0


def tried(broker):
    try:
        return claim(broker)
    except CeleriacError:
        return []


def test_a_name_that_no_sentinel_knows_is_said_to_be_unknown(store_of):
    with watched_by_sentinels() as (_, _, sentinels):
        url = sentinels[0].url.replace("redis", "sentinel", 1)

        with pytest.raises(BrokerUnavailable, match="master_name"):
            store_of(url, master_name="yours").open()


def test_sentinels_may_have_a_password_of_their_own(store_of):
    with watched_by_sentinels() as (primary, replica, sentinels):
        for one in (primary, replica):
            one.says("CONFIG", "SET", "masterauth", "secret")
            one.says("CONFIG", "SET", "requirepass", "secret")
        for one in sentinels:
            one.says("SENTINEL", "SET", "mymaster", "auth-pass", "secret")
            one.says("ACL", "SETUSER", "default", "resetpass", ">other")
        hosts = [one.url.removeprefix("redis://") for one in sentinels]
        url = f"sentinel://:secret@{hosts[0]}/3;sentinel://{hosts[1]}"
        told = {"master_name": "mymaster", "sentinel_kwargs": {"password": "other"}}

        assert works(store_of(url, **told))
        with pytest.raises(BrokerUnavailable, match=r"AuthenticationError.*kwargs") as refused:
            store_of(url, master_name="mymaster").open()
        assert "redis.client" not in str(refused.value)


# -- replicas


def test_what_is_published_has_reached_a_replica_if_that_is_asked_for(store_of):
    with server("--repl-diskless-sync-delay", "0") as primary:
        with server("--replicaof", "127.0.0.1", str(primary.port)) as replica:
            eventually(lambda: primary.says("WAIT", 1, 100) == 1, "the replica does not follow")
            broker = RedisBroker(store_of(primary.url, wait_for_replicas=1))
            publish(broker, message("a"))

            assert replica.says("LLEN", JOBS) == 1

        began = monotonic()
        with pytest.raises(BrokerUnavailable, match="wait_for_replicas"):
            broker.publish([message("b")], deadline=2)
        assert monotonic() - began < 3


@pytest.mark.parametrize("asked", [-1, "one", 1.5])
def test_a_number_of_replicas_that_cannot_be_is_refused(store_of, asked):
    with pytest.raises(ImproperlyConfigured, match="wait_for_replicas"):
        RedisBroker(store_of("redis://h", wait_for_replicas=asked))


def test_replicas_are_not_waited_for_in_a_cluster(store_of):
    store = store_of("redis+cluster://h", wait_for_replicas=1)

    with pytest.raises(ImproperlyConfigured, match="Cluster"):
        RedisBroker(store, "queue")
