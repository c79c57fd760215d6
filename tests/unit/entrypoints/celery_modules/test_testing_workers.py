"""Workers of tests, derived from `TestWorkController`, and messages of protocol 1."""

import json
import logging
import threading

import pytest

from celeriac import Celeriac
from celeriac.entrypoints.celery_modules import contrib_testing_mocks as mocks
from celeriac.entrypoints.celery_modules import contrib_testing_worker as testing


@pytest.fixture
def app(tmp_path):
    url = f"sqlite:///{tmp_path}/shop.db"
    with Celeriac("shop", broker=url, backend=url, set_as_current=False) as app:
        app.task(name="add")(lambda x, y: x + y)
        yield app


def test_a_worker_may_be_of_ones_own_class(app):
    told = []

    class Mine(testing.TestWorkController):
        def on_consumer_ready(self, consumer):
            told.append(consumer.hostname)
            super().on_consumer_ready(consumer)

    started = []

    def note(sender, worker, **_):
        started.append((sender, worker))

    testing.test_worker_started.connect(note)
    try:
        with testing.start_worker(app, WorkController=Mine, perform_ping_check=False) as worker:
            worker.ensure_started()
            assert app.send_task("add", (1, 2)).get(timeout=20) == 3
    finally:
        testing.test_worker_started.disconnect(note)

    assert type(worker) is Mine
    assert told == [worker.hostname]
    assert started == [(app, worker)]
    assert worker.logger_queue is None


def test_what_processes_of_the_pool_log_is_seen_by_the_test(app, caplog):
    @app.task(name="say")
    def say(what):
        logging.getLogger("shop").error("said %s", what)

    options = {"pool": "prefork", "perform_ping_check": False}
    with testing.start_worker(app, **options) as worker:
        assert worker.logger_queue is not None
        say.delay("hello").get(timeout=30)

    (record,) = [record for record in caplog.records if record.name == "shop"]
    assert (record.getMessage(), record.from_queue) == ("said hello", True)
    assert record.process != worker.pid


def test_a_worker_that_cannot_start_leaves_nothing_that_listens(app):
    worker = testing.TestWorkController(app, testing.WorkerOptions(pool="prefork"))

    def fails(*_, **__):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        worker.start(fails)

    assert worker._listening is None


def test_a_message_of_protocol_1_names_all_in_its_body(app):
    message = mocks.TaskMessage1(
        "add", "some-id", (1, 2), {"z": 3}, callbacks=[{"task": "mail"}], app=app
    )

    said = {"task": "add", "id": "some-id", "kwargs": {"z": 3}, "callbacks": [{"task": "mail"}]}
    assert message.headers == {}
    assert said.items() <= message.payload.items()
    assert json.loads(message.body)["args"] == [1, 2]
    assert (message.content_type, message.decode()) == ("application/json", message.payload)


def test_a_derived_worker_is_told_of_its_life(app):
    told = []

    class Mine(testing.TestWorkController):
        def on_before_init(self, **kwargs):
            told.append(("before", self.app is app, kwargs["concurrency"], hasattr(self, "pool")))

        def on_after_init(self, **kwargs):
            told.append(("after", self.queues))

        def on_start(self):
            told.append("start")

        def on_close(self):
            told.append("close")

        def on_stopped(self):
            told.append("stopped")

    options = {"WorkController": Mine, "perform_ping_check": False, "concurrency": 3}
    with testing.start_worker(app, pool="threads", **options) as worker:
        app.send_task("add", (1, 2)).get(timeout=20)
        worker.stop(exitcode=7)

    assert told == [
        ("before", True, 3, False),
        ("after", ["celery"]),
        *("start", "close", "stopped"),
    ]
    assert worker.exitcode == 7


def test_a_worker_may_be_asked_what_it_has_done(app):
    with testing.start_worker(app, perform_ping_check=False) as worker:
        app.send_task("add", (1, 2)).get(timeout=20)
        stats, info = worker.stats(), worker.info()
        used = worker.rusage()
        with pytest.raises(ValueError, match="Pool restarts not enabled"):
            worker.reload()

    assert stats["total"] == info["total"] == {"add": 1}
    assert set(info) == {"total", "pid", "clock", "uptime"}
    assert (info["pid"], used["utime"] > 0) == (worker.pid, True)


def test_a_worker_may_be_told_to_end_at_once(app):
    begun, gone = threading.Event(), threading.Event()

    @app.task(name="wait", acks_late=True)
    def wait():
        begun.set()
        gone.wait(20)

    with testing.start_worker(app, pool="threads", perform_ping_check=False) as worker:
        wait.delay()
        assert begun.wait(20)
        worker.terminate()
        gone.set()

    assert worker.worker.cold
    with pytest.raises(RuntimeError, match="has not been started"):
        testing.TestWorkController(app).stats()
