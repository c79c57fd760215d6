"""Redis URLs taken apart."""

from __future__ import annotations

import ssl

import pytest

from celeriac.adapters.memory import VirtualClock
from celeriac.adapters.redis.opening import open_store, tls_options
from celeriac.adapters.redis.urls import Address, Place, parse
from celeriac.domain.errors import ImproperlyConfigured

URLS = {
    "redis://": (
        "redis://localhost:6379/0",
        "redis://localhost:6379/0",
        Place("localhost:6379", 0, ""),
    ),
    "redis": (
        "redis://localhost:6379/0",
        "redis://localhost:6379/0",
        Place("localhost:6379", 0, ""),
    ),
    "redis://h/3": ("redis://h:6379/3", "redis://h:6379/3", Place("h:6379", 3, "")),
    "redis://h?db=4": ("redis://h:6379/4", "redis://h:6379/4", Place("h:6379", 4, "")),
    "redis://[::1]:7/1": ("redis://[::1]:7/1", "redis://[::1]:7/1", Place("[::1]:7", 1, "")),
    "redis://:hush@h": (
        "redis://:hush@h:6379/0",
        "redis://:********@h:6379/0",
        Place("h:6379", 0, ""),
    ),
    "rediss://u:p%40@h:7?ssl_cert_reqs=CERT_NONE": (
        "rediss://u:p%40@h:7/0?ssl_cert_reqs=none",
        "rediss://u:********@h:7/0",
        Place("h:7", 0, ""),
    ),
    "redis+socket:///run/r.sock?virtual_host=2": (
        "unix:///run/r.sock?db=2",
        "unix:///run/r.sock",
        Place("/run/r.sock", 2, ""),
    ),
    "unix://:hush@/run/r.sock": (
        "unix://:hush@/run/r.sock?db=0",
        "unix://:********@/run/r.sock",
        Place("/run/r.sock", 0, ""),
    ),
    "redis://h?global_keyprefix=shop:": (
        "redis://h:6379/0",
        "redis://h:6379/0",
        Place("h:6379", 0, "shop:"),
    ),
}


@pytest.mark.parametrize(("url", "told"), URLS.items(), ids=URLS.keys())
def test_a_url_says_what_redis_py_a_log_and_we_want_to_know(url, told):
    assert parse(url, {}) == Address(*told, evictions_allowed=False)


def test_the_prefix_may_come_from_the_options_and_evictions_may_be_allowed():
    assert parse("redis://h/1?evictions=allowed", {"global_keyprefix": "shop."}) == Address(
        "redis://h:6379/1", "redis://h:6379/1", Place("h:6379", 1, "shop."), evictions_allowed=True
    )


def test_a_list_names_servers_to_fail_over_to():
    told = parse("redis://:hush@a/1;redis://b:7/1;c", {})

    assert told.urls == ("redis://:hush@a:6379/1", "redis://b:7/1", "redis://c:6379/1")
    assert told.shown == "redis://:********@a:6379/1;redis://b:7/1;redis://c:6379/1"
    assert told.place == Place("a:6379,b:7,c:6379", 1, "")


def test_sentinels_are_asked_for_the_primary_of_a_name():
    told = parse("sentinel://:hush@b/2;sentinel://a:7", {"master_name": "mine"})

    assert (told.topology, told.urls) == (
        "sentinel",
        ("redis://:hush@b:26379/2", "redis://a:7/2"),
    )
    assert told.shown == "sentinel://:********@b:26379/2;sentinel://a:7/2"
    assert told.place == Place("mine@a:7,b:26379", 2, "")


def test_the_order_in_which_sentinels_are_named_makes_no_other_place():
    options = {"master_name": "mine"}

    one, other = (parse(f"sentinel://{text}", options) for text in ("a;b", "b;sentinel://a"))

    assert one.place == other.place


@pytest.mark.parametrize(("scheme", "tls"), [("redis+cluster", False), ("rediss+cluster", True)])
def test_a_cluster_is_reached_by_any_of_its_nodes(scheme, tls):
    told = parse(f"{scheme}://a;{scheme}://b:7", {})

    assert (told.topology, told.tls, told.shown) == (
        "cluster",
        tls,
        f"{scheme}://a:6379/0;{scheme}://b:7/0",
    )


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("sentinel://a", "master_name"),
        ("redis+cluster://a/1", "no database but 0"),
        ("redis://a/1;redis://b/2", "two databases"),
        ("sentinel://a;sentinel://b/2", "name the database there"),
        ("redis://a;sentinel://b", "all Sentinels"),
    ],
)
def test_addresses_that_do_not_fit_together_are_refused_with_the_reason(url, why):
    options = {} if why == "master_name" else {"master_name": "mine"}

    with pytest.raises(ImproperlyConfigured, match=why):
        parse(url, options)


def test_evictions_may_be_allowed_by_an_option_too():
    assert parse("redis://h", {"evictions": "allowed"}).evictions_allowed


@pytest.mark.parametrize(
    "url", ["amqp://h", "redis://h/x", "redis://h:port", "redis://[", "redis://h?evictions=perhaps"]
)
def test_a_url_that_cannot_be_is_refused(url):
    with pytest.raises(ImproperlyConfigured):
        parse(url, {})


# -- settings


def test_the_brokers_options_are_the_brokers():
    settings = {
        "broker_url": ["redis://h/1", "redis://spare/1"],
        "broker_transport_options": {"global_keyprefix": "b."},
        "result_backend_transport_options": {"global_keyprefix": "r."},
    }

    stores = [
        open_store(url, clock=VirtualClock(), settings=settings) for url in settings["broker_url"]
    ]
    results = open_store("redis://h/2", clock=VirtualClock(), settings=settings)

    assert [store.prefix for store in (*stores, results)] == ["b.", "b.", "r."]


@pytest.mark.parametrize("asked", ["round-robin", "shuffle", None])
def test_servers_are_chosen_in_order_or_at_random(asked):
    settings = {"broker_url": ["redis://a", "redis://b"], "broker_failover_strategy": asked}

    store = open_store("redis://a;redis://b", clock=VirtualClock(), settings=settings)

    assert store.options["failover_strategy"] == asked


def test_a_function_that_chooses_servers_is_refused():
    settings = {"broker_url": "redis://a", "broker_failover_strategy": iter}

    with pytest.raises(ImproperlyConfigured, match="broker_failover_strategy"):
        open_store("redis://a", clock=VirtualClock(), settings=settings)


def test_one_url_is_one_store():
    clock = VirtualClock()

    stores = [open_store("redis://h/1", clock=clock, settings={}) for _ in range(2)]

    assert stores[0] is stores[1]
    assert open_store("redis://h/2", clock=clock, settings={}) is not stores[0]


@pytest.mark.parametrize("asked", [True, {"ssl_cert_reqs": ssl.CERT_NONE}])
def test_tls_asked_for_by_a_setting_is_had_by_a_plain_url(asked):
    settings = {"broker_url": "redis://h/1", "broker_use_ssl": asked}

    store = open_store("redis://h/1", clock=VirtualClock(), settings=settings)

    assert store.address.tls
    assert store.url == "rediss://h:6379/1"


def test_what_tls_asks_of_certificates_is_written_as_celery_writes_it():
    assert tls_options({"ssl_cert_reqs": "CERT_OPTIONAL"}) == {"ssl_cert_reqs": "optional"}
    assert tls_options({"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_ca_certs": "ca.pem"}) == {
        "ssl_cert_reqs": "required",
        "ssl_ca_certs": "ca.pem",
    }
    with pytest.raises(ImproperlyConfigured, match="CERT_REQUIRED"):
        tls_options({"ssl_cert_reqs": "sometimes"})
