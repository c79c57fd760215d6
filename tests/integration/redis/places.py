"""One empty place a test on the Redis of the contract suites."""

from __future__ import annotations

import pytest

from tests.contracts.adapters.redis import RedisPlace


@pytest.fixture(name="place")
def empty_place(request):
    """Keys of one prefix on a real server."""
    place = RedisPlace.make(request)
    yield place
    place.close()
