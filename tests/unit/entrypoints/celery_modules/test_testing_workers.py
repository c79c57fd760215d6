"""Workers of tests, derived from `TestWorkController`, and messages of protocol 1."""

import json
import logging

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
