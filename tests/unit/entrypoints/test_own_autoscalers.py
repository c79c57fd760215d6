"""Autoscalers that a site has derived from Celery's."""

import time
from typing import ClassVar

import pytest

from celeriac import Celeriac
from celeriac.domain.errors import ImproperlyConfigured
from celeriac.entrypoints.celery_modules.worker_autoscale import Autoscaler
from celeriac.entrypoints.testing import running_worker
from celeriac.entrypoints.worker import AppWorker, WorkerOptions


class OneByOne(Autoscaler):
    """Grows by one slot at each look, whatever there is to do."""

    seen: ClassVar[list[tuple[int, int]]] = []

    def _maybe_scale(self, req=None):
        self.seen.append((self.processes, self.max_concurrency))
        if self.processes < self.max_concurrency:
            self.scale_up(1)
        return True


@pytest.fixture
def app():
    with Celeriac("shop", broker="memory://", set_as_current=False) as app:
        yield app


def looked(scaler, slots, wanted):
    return scaler.change(slots, wanted, 0.0)


def test_a_class_of_ones_own_decides_how_the_pool_grows(app):
    OneByOne.seen.clear()
    app.conf.worker_autoscaler = f"{__name__}:OneByOne"

    with running_worker(app, autoscale=(4, 1)) as worker:
        before, ends = worker.pool.slots, time.monotonic() + 20
        while worker.pool.slots < 4 and time.monotonic() < ends:
            worker.worker.autoscaling.set_bounds(4, 1)  # it looks at once
            time.sleep(0.01)

        assert worker.pool.slots == 4
        assert [slots for slots, _ in OneByOne.seen][: 4 - before] == list(range(before, 4))


def test_the_usual_one_keeps_between_its_bounds_and_shrinks_late():
    scaler = Autoscaler(pool=None, max_concurrency=4, min_concurrency=2)

    assert looked(scaler, 1, 0) == 1
    assert looked(scaler, 2, 3) == 1
    assert looked(scaler, 3, 9) == 1
    assert looked(scaler, 4, 0) == 0, "it grew a moment ago"
    assert looked(Autoscaler(None, 4, 2), 4, 0) == -2
    assert looked(Autoscaler(None, 4, 0), 4, 0) == -3, "one slot is left"
    assert scaler.info() == {"max": 4, "min": 2, "current": 4, "qty": 0}


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("nowhere:Scaler", r"worker_autoscaler='nowhere:Scaler' cannot be imported"),
        ("datetime:timedelta", r"expected a class derived from Autoscaler"),
    ],
)
def test_what_is_no_autoscaler_is_refused_when_the_worker_starts(app, asked, why):
    app.conf.worker_autoscaler = asked

    with pytest.raises(ImproperlyConfigured, match=why):
        AppWorker(app, WorkerOptions(pool="threads", autoscale=(2, 1))).start()
