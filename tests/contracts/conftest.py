"""Runs each suite against every adapter that serves its port.

A suite names its port in `PORT` and asks for `place`, or for the clients below.
"""

from __future__ import annotations

from importlib import import_module

import pytest

from tests.integration.redis.private import BINARY, cluster
from tests.servers.moto import moto_server
from tests.servers.moto_tables import moto_tables

from .adapters import ADAPTERS
from .adapters.rooms import Rooms


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give `place` one parameter an adapter."""
    if "place" not in metafunc.fixturenames:
        return
    port = metafunc.module.PORT
    kinds = {name: _load(where) for name, where in ADAPTERS.items()}
    metafunc.parametrize(
        "place",
        [
            pytest.param(kind, id=name, marks=pytest.mark.needs_server(*kind.servers))
            for name, kind in kinds.items()
            if port in kind.ports
        ],
        indirect=True,
    )


@pytest.fixture(scope="session")
def rooms():
    """Rooms on database servers, which tests leave to each other."""
    rooms = Rooms()
    yield rooms
    rooms.close()


@pytest.fixture
def place(request, rooms):
    """An empty store of the adapter under test."""
    place = request.param.make(request)
    yield place
    place.close()


@pytest.fixture(scope="session")
def redis_cluster_url():
    """A Redis Cluster of three nodes, of this session's own."""
    if BINARY is None:
        pytest.skip("there is no redis-server to start")
    with cluster() as nodes:
        yield nodes[0].url.replace("redis", "redis+cluster", 1)


@pytest.fixture(scope="session")
def moto_url():
    """Amazon's services, as moto plays them."""
    with moto_server() as url:
        yield url


@pytest.fixture(scope="session")
def moto_tables_url():
    """DynamoDB, as moto plays it for many threads."""
    with moto_tables() as url:
        yield url


@pytest.fixture
def broker(place):
    """A worker's broker, enlisted with a lease of 10 seconds."""
    broker = place.broker()
    broker.enlist("first@host", lease=10)
    return broker


@pytest.fixture
def other(place):
    """Another worker's broker over the same store, enlisted with a lease of 10 seconds."""
    broker = place.broker()
    broker.enlist("second@host", lease=10)
    return broker


@pytest.fixture
def results(place):
    """A result backend."""
    return place.results()


def _load(where: str) -> type:
    module, _, name = where.partition(":")
    return getattr(import_module(module), name)
