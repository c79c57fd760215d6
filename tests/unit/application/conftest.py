"""What the use cases are tested with: the in-memory adapters under virtual time."""

import pytest

from celeriac.adapters.memory import MemoryBroker, MemoryResults, MemoryStore, VirtualClock
from celeriac.application.encoding import SerializerCodec
from celeriac.entrypoints.codecs import find_serializer


@pytest.fixture
def clock():
    """Time that stands still."""
    return VirtualClock()


@pytest.fixture
def store(clock):
    """An empty store."""
    return MemoryStore(clock)


@pytest.fixture
def broker(store):
    """A worker's broker."""
    broker = MemoryBroker(store)
    broker.enlist("me@host", lease=10)
    return broker


@pytest.fixture
def results(store):
    """Results in the broker's store."""
    return MemoryResults(store)


@pytest.fixture
def codec():
    """Writes anything there is, reads JSON."""
    return SerializerCodec(find_serializer, "json", ["json"])
