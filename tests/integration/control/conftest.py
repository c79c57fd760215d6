"""One site a test module: its processes are slow to start."""

import secrets
from collections.abc import Iterator

import pytest
import redis

from tests.integration.control.site import Site


@pytest.fixture(scope="module")
def site(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Keys of one prefix, and what is started over them."""
    site = Site(redis_url, f"test_{secrets.token_hex(6)}:", tmp_path_factory.mktemp("site"))
    yield site
    site.close()
    with redis.Redis.from_url(redis_url) as client:
        for key in list(client.scan_iter(f"{site.prefix}*", count=1000)):
            client.delete(key)
