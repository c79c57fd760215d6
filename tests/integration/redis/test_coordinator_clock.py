"""Whose clock agreements on Redis go by."""

from __future__ import annotations

from contextlib import closing

import pytest

from celeriac.adapters.redis.coordinator import RedisCoordinator
from celeriac.adapters.redis.store import RedisStore

from .places import empty_place  # noqa: F401 - a fixture

pytestmark = pytest.mark.needs_server("redis")


def test_agreements_go_by_the_servers_clock_where_they_should(place):
    options = {"global_keyprefix": place.prefix}
    store = RedisStore(place.url, clock=place.clock, server_time=True, options=options)
    with closing(store):
        coordinator = RedisCoordinator(store)

        grant = coordinator.acquire("beat", "one", ttl=60)

        # A host whose clock is a day ahead neither sees the lease as over nor takes it.
        place.advance(86_400)
        assert coordinator.holder("beat") == grant
        assert coordinator.acquire("beat", "two", ttl=60) is None
        assert coordinator.take_tokens("mail", 2, rate=0.001, burst=2) == 0.0
        assert 990 < coordinator.take_tokens("mail", 1, rate=0.001, burst=2) <= 1000
