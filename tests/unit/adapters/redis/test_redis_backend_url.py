"""What settings say beside the URL of a result backend on Redis."""

from __future__ import annotations

import pytest

from celeriac import Celeriac
from celeriac.adapters.redis.backend_url import completed

ALL = {
    "redis_host": "h",
    "redis_port": 7,
    "redis_db": 3,
    "redis_username": "u",
    "redis_password": "p@ss",
}
URLS = {
    "redis": "redis://u:p%40ss@h:7/3",
    "rediss": "rediss://u:p%40ss@h:7/3",
    # Whoever writes a URL has said which database: 0 where none is in it.
    "redis://": "redis://u:p%40ss@h:7",
    "redis://other": "redis://u:p%40ss@other:7",
    "redis://other:99/1": "redis://u:p%40ss@other:99/1",
    "redis://a:b%2F@other:99/1": "redis://a:b%2F@other:99/1",
    "redis://:b@other:99/1": "redis://u:b@other:99/1",
    "redis://a@other:99/1": "redis://a:p%40ss@other:99/1",
    "redis:///5": "redis://u:p%40ss@h:7/5",
    "rediss://[::1]?ssl_cert_reqs=none": "rediss://u:p%40ss@[::1]:7?ssl_cert_reqs=none",
    "redis+socket:///run/r.sock": "redis+socket://u:p%40ss@/run/r.sock?virtual_host=3",
    "unix:///run/r.sock?virtual_host=1": "unix://u:p%40ss@/run/r.sock?virtual_host=1",
    "sentinel://a:1/2;sentinel://b:2": "sentinel://u:p%40ss@a:1/2;sentinel://u:p%40ss@b:2",
    "sentinel://a:1;b:2": "sentinel://u:p%40ss@a:1;sentinel://u:p%40ss@b:2",
}


@pytest.mark.parametrize("url", URLS)
def test_settings_say_what_a_url_leaves_open(url):
    assert completed(url, ALL) == URLS[url]


@pytest.mark.parametrize("url", URLS)
def test_a_url_is_as_it_was_where_settings_say_nothing(url):
    joined_alike = url.replace(";b", ";sentinel://b")

    assert completed(url, dict.fromkeys(ALL)) in (url, joined_alike)


def test_a_provider_of_credentials_is_asked_in_place_of_the_settings():
    said = {**ALL, "redis_backend_credential_provider": "shop.Provider"}

    assert completed("redis://", said) == "redis://h:7"
    assert completed("redis://a:b@", said) == "redis://a:b@h:7"


def test_a_host_may_be_an_address_of_ipv6():
    assert completed("redis", {"redis_host": "::1", "redis_port": 7}) == "redis://[::1]:7"


def test_results_are_where_the_settings_have_them_though_the_broker_has_the_same_url():
    app = Celeriac("shop", broker="redis://", backend="redis://", set_as_current=False)
    app.conf.update(redis_host="results.example.org", redis_password="hush")
    with app:
        assert app.container.broker().url == "redis://localhost:6379/0"
        assert app.container.results().url == "redis://:********@results.example.org:6379/0"
