"""Autoscaling at work: what the hub is asked to do once a second."""

import pytest

from celeriac import Celeriac
from celeriac.adapters.memory import VirtualClock
from celeriac.adapters.memory.pool import SimulatedPool
from celeriac.application.autoscale import Autoscaling
from celeriac.domain.errors import NotSupported
from celeriac.domain.tasks.options import TaskOptions
from celeriac.domain.work.capacity import Autoscaler
from celeriac.domain.work.core import WorkerCore, WorkerPolicy
from celeriac.domain.work.job import PoolEvent
from celeriac.entrypoints.testing import running_worker
from tests.unit.domain.samples import NOON, delivered, message
from tests.waiting import eventually


class NoRunner:
    """Nothing is run here."""


class Bench:
    """A core and a pool without a worker around them."""

    def __init__(self, most: int, least: int, multiplier: int = 4) -> None:
        self.clock = VirtualClock()
        self.core = WorkerCore(WorkerPolicy(1, multiplier), TaskOptions)
        self.pool = SimulatedPool(self.clock, 1)
        self.pool.start(NoRunner(), self._hear)
        scaler = Autoscaler(most, least)
        self.autoscaling = Autoscaling(scaler, self.pool, self.clock, lambda act: act(self.core))

    def _hear(self, event: PoolEvent) -> None:
        self.core.on_pool(event, NOON)

    def turn(self) -> int:
        self.autoscaling.turn(self.core)
        return self.pool.slots


@pytest.fixture
def bench() -> Bench:
    return Bench(5, 1)


def claimed(count: int) -> list:
    return [delivered(message(f"id-{tag}", "shop.add"), tag) for tag in range(count)]


def test_a_pool_follows_the_work_in_hand(bench: Bench):
    bench.core.on_deliveries(claimed(3), NOON, 0.0)

    assert bench.turn() == 3
    assert bench.core.slots == 3
    assert bench.autoscaling.info() == {"max": 5, "min": 1, "current": 3, "qty": 3}
    bench.core.stop()
    bench.clock.advance(60)
    assert bench.turn() == 3


def test_bounds_changed_from_outside_hold_at_once(bench: Bench):
    assert bench.autoscaling.set_bounds(6, 4) == (6, 4)
    assert bench.pool.slots == 4


def test_a_worker_with_bounds_refuses_to_be_resized_otherwise_and_takes_new_ones():
    app = Celeriac("scaled", broker="memory://", set_as_current=False)

    with running_worker(app, hostname="w@h", autoscale=(4, 2)) as worker:
        inspect = app.control.inspect(["w@h"], timeout=10, limit=1)
        before = inspect.stats()["w@h"]
        grown = app.control.pool_grow(1, reply=True, timeout=10, limit=1)
        changed = app.control.autoscale(3, 3, reply=True, timeout=10, limit=1)
        # The answer comes from the bus's thread; the hub resizes the pool in its next turn.
        eventually(lambda: worker.pool.slots == 3)
        after = inspect.stats()["w@h"]

    assert (before["autoscaler"]["max"], before["pool"]["max-concurrency"]) == (4, 2)
    assert "change its bounds instead" in grown[0]["w@h"]["error"]
    assert changed == [{"w@h": {"ok": "autoscale now max=3 min=3"}}]
    assert after["autoscaler"]["current"] == 3
    app.close()


def test_a_pool_that_cannot_be_resized_cannot_be_scaled():
    app = Celeriac("solo", broker="memory://", set_as_current=False)

    with (
        pytest.raises(NotSupported, match=r"autoscale=4,2: this pool cannot be resized"),
        running_worker(app, pool="solo", autoscale=(4, 2)),
    ):
        raise AssertionError("it runs")
    app.close()
