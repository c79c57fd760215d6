"""What settings say of the connections of a result backend on Redis, beside what Celery does."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor

import celery
import pytest
import redis
from redis.connection import parse_url

from celeriac import Celeriac
from celeriac.adapters.host.clock import SystemClock
from celeriac.adapters.redis.backend_url import completed
from celeriac.adapters.redis.opening import open_store
from celeriac.adapters.redis.urls import parse
from celeriac.domain.errors import BackendUnavailable, ImproperlyConfigured
from tests.integration.redis.private import (
    cluster,
    needs_redis_server,
    server,
    watched_by_sentinels,
)

SAID = {
    "redis_host": "h",
    "redis_port": 7,
    "redis_db": 3,
    "redis_username": "u",
    "redis_password": "p@ss",
}
URLS = (
    *("redis", "redis://", "redis://other", "redis://other:99/1", "redis:///5"),
    *("redis://a:b@other:99/1", "redis://:b@other", "redis+socket:///run/r.sock"),
    "redis+socket:///run/r.sock?virtual_host=1",
)
WHERE = ("host", "port", "db", "username", "password", "path")


class Login(redis.CredentialProvider):
    """Knows who may do anything."""

    def get_credentials(self):
        return ("shop", "secret")


@pytest.fixture(name="locked", scope="module")
def private_server_that_wants_a_login():
    with server() as one:
        one.says("ACL", "SETUSER", "shop", "on", ">secret", "~*", "&*", "+@all")
        one.says("ACL", "SETUSER", "default", "off")
        yield one


@pytest.mark.parametrize("url", URLS)
def test_a_result_backend_is_where_celery_has_it(url):
    app = celery.Celery("shop", broker="memory://", backend=url, changes=SAID, set_as_current=False)
    theirs = app.backend.connparams
    ours = parse_url(parse(completed(url, SAID), {}).url)

    told = {"host": "localhost", "port": 6379, "db": 0}
    if "socket" in url:
        told = {"db": 0}
    assert {**told, **{k: v for k, v in ours.items() if k in WHERE}} == {
        name: value for name, value in theirs.items() if name in WHERE
    }


@needs_redis_server
@pytest.mark.parametrize("provider", [Login(), f"{__name__}.Login", f"{__name__}:Login"])
def test_a_provider_of_credentials_lets_results_in(provider, locked):
    app = Celeriac("shop", broker="memory://", backend=locked.url, set_as_current=False)
    app.conf.redis_backend_credential_provider = provider
    app.conf.redis_password = "that of somebody else"

    with app:
        assert app.container.results().fetch(["nobody"]) == [None]


@needs_redis_server
@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("", {"credential_provider": Login()}),
        ("", {"credential_provider": f"{__name__}.Login"}),
        (f"?credential_provider={__name__}.Login", {}),
    ],
)
def test_a_provider_of_credentials_lets_the_broker_in(query, options, locked):
    app = Celeriac("shop", broker=f"{locked.url}{query}", set_as_current=False)
    app.conf.broker_transport_options = options

    with app:
        assert app.container.broker().depth(["nobodys"]) == {"nobodys": 0}


@needs_redis_server
def test_without_it_nobody_gets_in(locked):
    with Celeriac("shop", backend=locked.url, broker="memory://", set_as_current=False) as app:
        results = app.container.results()
        with pytest.raises(BackendUnavailable):
            results.fetch(["nobody"])


@pytest.mark.parametrize(
    ("url", "provider", "complaint"),
    [
        ("redis://h", "builtins.dict", "expected an instance of redis.CredentialProvider"),
        ("redis://h", "nowhere.Provider", "it cannot be made"),
        ("redis://h", "plain", "it cannot be made"),
        ("redis://u:p@h", Login(), "leave either out"),
    ],
)
def test_a_provider_that_cannot_be_is_refused(url, provider, complaint):
    settings = {"redis_backend_credential_provider": provider}

    with pytest.raises(ImproperlyConfigured, match=complaint):
        open_store(url, clock=SystemClock(), settings=settings)


def test_connections_wait_as_long_as_is_said_and_no_longer_than_before_where_nothing_is():
    with app_at("redis://127.0.0.1:1") as app:
        usual = how_connected(app.container.results().redis)
    said = {
        "redis_socket_timeout": 0.75,
        "redis_socket_connect_timeout": 0.5,
        "redis_backend_health_check_interval": 7,
    }
    with app_at("redis://127.0.0.1:1", **said) as app:
        asked = how_connected(app.container.results().redis)
    with app_at("redis://127.0.0.1:1", redis_socket_timeout=60) as app:
        patient = how_connected(app.container.results().redis)
        hurried = how_connected(app.container.results().redis, deadline=4.0)

    with app_at("redis://127.0.0.1:1", broker="redis://", broker_host="h") as app:
        beside = how_connected(app.container.results().redis)

    assert usual == beside == (5.0, 3.0, 15)
    assert asked == (0.75, 0.5, 7)
    assert patient == (60.0, 3.0, 15)
    assert hurried == (2.0, 2.0, 15)


@pytest.mark.needs_server("redis")
def test_there_are_no_more_connections_than_allowed(redis_url):
    name = f"c{secrets.token_hex(6)}"
    said = {"redis_max_connections": 2, "redis_client_name": name}
    with app_at(redis_url, **said) as app, ThreadPoolExecutor(8) as crowd:
        results = app.container.results()
        answers = list(crowd.map(lambda _: results.fetch(["nobody"]), range(200)))
        with redis.Redis.from_url(redis_url) as client:
            named = [one for one in client.client_list() if one["name"] == name]

    assert answers == [[None]] * 200
    assert 1 <= len(named) <= 2


@needs_redis_server
def test_a_cluster_and_sentinels_take_these_settings_too():
    said = {
        "redis_socket_timeout": 4.0,
        "redis_socket_connect_timeout": 2.0,
        "redis_max_connections": 3,
        "redis_backend_health_check_interval": 7,
    }
    primary = {"result_backend_transport_options": {"master_name": "mymaster"}}

    with cluster() as nodes, app_at(f"redis+cluster://127.0.0.1:{nodes[0].port}", **said) as app:
        assert app.container.results().fetch(["nobody"]) == [None]
    with watched_by_sentinels() as (_, _, watching):
        url = ";".join(f"sentinel://127.0.0.1:{one.port}" for one in watching)
        with app_at(url, **said, **primary) as app:
            assert app.container.results().fetch(["nobody"]) == [None]


def app_at(url, broker="memory://", **said):
    app = Celeriac("shop", broker=broker, backend=url, set_as_current=False)
    app.conf.update(said)
    return app


def how_connected(store, deadline=None):
    """How long sockets of a store may wait for an answer, for a connection, and untried (s)."""
    told = {}

    def look(client):
        told.update(client.connection_pool.connection_kwargs)

    store._with_client(look, deadline)
    names = ("socket_timeout", "socket_connect_timeout", "health_check_interval")
    return tuple(told[name] for name in names)
