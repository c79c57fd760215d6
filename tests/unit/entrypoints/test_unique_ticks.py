"""Beat sends no tick of a unique task that is still on its way."""

import pytest

from celeriac import Celeriac
from celeriac.adapters.memory import MemoryBroker, MemoryResults, MemoryStore, VirtualClock
from celeriac.domain.errors import BrokerUnavailable, NotSupported
from celeriac.domain.work.uniqueness import HEADER
from celeriac.entrypoints.beat import AppBeat
from celeriac.entrypoints.testing import work_off
from celeriac.entrypoints.worker import AppWorker, WorkerOptions


class Shaky(MemoryBroker):
    """Takes no message as often as it is told."""

    failures = 0

    def publish(self, messages, **how):
        if self.failures:
            self.failures -= 1
            raise BrokerUnavailable("it is away")
        super().publish(messages, **how)


@pytest.fixture
def app():
    clock = VirtualClock()
    store = MemoryStore(clock)
    app = Celeriac(
        "shop",
        broker=Shaky(store),
        backend=MemoryResults(store),
        clock=clock,
        set_as_current=False,
        task_publish_retry=False,
    )
    app.task(name="shop.report", unique=True)(lambda: 1)
    app.conf.beat_schedule = {"report": {"task": "shop.report", "schedule": 30}}
    return app


def beaten(app, seconds):
    """Run a beat for some virtual seconds; return what waits then of the reports."""
    beat, clock = AppBeat(app), app.container.clock()
    beat.start()
    end = clock.monotonic() + seconds
    while clock.monotonic() + (wait := max(beat.beat.step(), 0.001)) <= end:
        clock.advance(wait)
    beat.beat.resign()
    return [one for one in app.broker.peek("celery", 100) if one.task == "shop.report"]


def test_while_one_waits_no_other_is_sent(app):
    (waiting,) = beaten(app, 300)

    assert app.tasks["shop.report"].delay().id == waiting.id
    assert HEADER in waiting.headers


def test_when_it_is_done_the_next_tick_is_sent(app):
    (first,) = beaten(app, 100)
    work_off(app)

    (second,) = beaten(app, 100)

    assert first.id != second.id


def test_a_tick_that_could_not_be_published_is_sent_later_under_its_key(app):
    app.broker.failures = 2

    (waiting,) = beaten(app, 300)

    assert HEADER in waiting.headers


def test_a_worker_whose_tasks_need_the_cluster_does_not_start_where_nobody_can_be_asked():
    # RabbitMQ is not reached: what is missing is said before.
    with Celeriac("shop", broker="amqp://guest@127.0.0.1:1//", set_as_current=False) as app:
        app.task(name="shop.query", max_concurrency=1)(lambda: 1)
        worker = AppWorker(app, WorkerOptions(pool="threads", concurrency=1))

        with pytest.raises(NotSupported, match=r"cannot serve as coordinator"):
            worker.start()
