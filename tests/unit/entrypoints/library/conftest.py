"""Apps in memory: one in virtual time that works off its queues when told, one with a worker."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from celeriac import Celeriac
from celeriac.adapters.memory import MemoryBroker, MemoryResults, MemoryStore, VirtualClock
from celeriac.entrypoints.testing import running_worker, work_off


@dataclass
class Shop:
    """An app under virtual time, and what its tasks left behind."""

    clock: VirtualClock
    store: MemoryStore
    app: Celeriac
    seen: list[Any] = field(default_factory=list)

    def work_off(self, seconds: float = 0) -> int:
        """Let time pass, then run what is due."""
        self.clock.advance(seconds)
        return work_off(self.app)

    def state(self, result: Any) -> str:
        """Work off, then look."""
        self.work_off()
        return result.state

    def dead(self, queue: str = "celery") -> list[tuple[str, str]]:
        """Return task and reason of each dead letter."""
        letters = self.app.broker.dead(queue, 10)
        return [(letter.message.task, letter.reason) for letter in letters]


def make_shop(**settings: Any) -> Shop:
    """Make an app in virtual time."""
    clock = VirtualClock()
    store = MemoryStore(clock)
    app = Celeriac(
        "shop",
        broker=MemoryBroker(store),
        backend=MemoryResults(store),
        clock=clock,
        set_as_current=False,
        **settings,
    )
    return Shop(clock, store, app)


@pytest.fixture
def shop():
    """An app in virtual time."""
    shop = make_shop()
    yield shop
    shop.app.close()


@pytest.fixture
def shop_with():
    """A maker of apps in virtual time with settings."""
    shops: list[Shop] = []

    def make(**settings: Any) -> Shop:
        shops.append(make_shop(**settings))
        return shops[-1]

    yield make
    for one in shops:
        one.app.close()


@pytest.fixture
def live():
    """An app in host time whose tasks a worker of two threads runs at once."""
    app = Celeriac("live", broker="memory://", backend="memory://", set_as_current=False)
    with running_worker(app):
        yield app
    app.close()
