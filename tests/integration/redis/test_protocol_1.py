"""Messages of protocol 1 on a Redis queue, as kombu and Celery put them there, run by a worker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from kombu import Connection, Exchange, Producer, Queue

from celeriac import Celeriac
from celeriac.entrypoints.testing import running_worker
from tests.contracts.samples import JOBS
from tests.integration.redis.places import empty_place

pytestmark = pytest.mark.needs_server("redis")
__all__ = ["empty_place"]

OLD = {"task": "tasks.add", "id": "v1", "args": [2], "kwargs": {"y": 3}}
MODULE = "tests.integration.redis.celery_v1_app"


@pytest.fixture
def app(place):
    options = {"global_keyprefix": place.prefix}
    one = Celeriac(
        "new",
        broker=place.url,
        backend=place.url,
        set_as_current=False,
        broker_transport_options=options,
        result_backend_transport_options=options,
        task_default_queue=JOBS,
        accept_content=["json", "yaml", "msgpack"],
    )
    one.task(name="tasks.add")(lambda x, y: x + y)
    one.task(name="tasks.retries", bind=True)(lambda self: [self.request.retries, self.request.id])
    yield one
    one.results.close()
    one.container.bus().close()
    one.close()


@pytest.fixture
def worker(app):
    with running_worker(app, pool="threads") as running:
        yield running


@pytest.fixture
def publish(place):
    """Publish with kombu, to the queue of the app."""
    options = {"global_keyprefix": place.prefix}
    with Connection(place.url, transport_options=options) as connection:
        channel = connection.channel()
        producer = Producer(channel, Exchange(""))

        def publish(body, **kwargs):
            producer.publish(
                body, routing_key=JOBS, declare=[Queue(JOBS, channel=channel)], **kwargs
            )

        yield publish


@pytest.mark.parametrize("serializer", ["json", "yaml", "msgpack"])
@pytest.mark.parametrize("compression", [None, "zlib", "zstd"])
def test_an_old_message_is_run(app, worker, publish, serializer, compression):
    publish(OLD, serializer=serializer, compression=compression)

    assert app.AsyncResult("v1").get(timeout=20) == 5


def test_a_hybrid_is_run_with_what_its_body_says(app, worker, publish):
    body = {**OLD, "task": "?", "args": [], "kwargs": {}, "retries": 2}

    publish(body, serializer="json", headers={"task": "tasks.retries", "id": "hybrid"})

    assert app.AsyncResult("hybrid").get(timeout=20) == [2, "hybrid"]


def test_an_old_message_waits_for_its_time_in_the_store(app, worker, publish):
    later = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=1.5)

    publish({**OLD, "eta": later.isoformat()}, serializer="json")

    assert app.AsyncResult("v1").get(timeout=20) == 5
    assert datetime.now(UTC).replace(tzinfo=None) >= later


def test_an_old_message_that_expired_is_recorded_as_such(app, worker, publish):
    publish({**OLD, "expires": "2020-01-01T00:00:00"}, serializer="json")

    app.AsyncResult("v1").get(timeout=20, propagate=False)

    assert app.AsyncResult("v1").state == "REVOKED"


def test_the_callbacks_of_an_old_message_are_called(app, worker, publish):
    link = {"task": "tasks.add", "args": [10], "kwargs": {}, "options": {"task_id": "next"}}

    publish({**OLD, "callbacks": [link]}, serializer="json")

    assert app.AsyncResult("next").get(timeout=20) == 15


@pytest.mark.parametrize(
    ("body", "options", "reason"),
    [
        (OLD, {"serializer": "pickle"}, "not-accepted"),
        (b"\x00garbage", {"content_type": "application/json"}, "undecodable"),
        ([1, 2], {"serializer": "json"}, "undecodable"),
        ({"no": "task"}, {"serializer": "json"}, "undecodable"),
        ({**OLD, "id": None}, {"serializer": "json"}, "undecodable"),
        ({**OLD, "eta": "soon"}, {"serializer": "json"}, "undecodable"),
        ({**OLD, "task": "nobody"}, {"serializer": "json"}, "unknown-task"),
    ],
)
def test_what_cannot_be_run_is_put_aside_and_the_worker_goes_on(
    app, worker, publish, body, options, reason
):
    if isinstance(body, bytes):
        options = {**options, "content_encoding": "binary"}

    publish(body, **options)
    publish({**OLD, "id": "after"}, serializer="json")

    assert app.AsyncResult("after").get(timeout=20) == 5
    assert [dead.reason for dead in app.broker.dead(JOBS, 9)] == [reason]


def test_what_celery_sends_in_protocol_1_is_run(app, worker, place):
    call = (
        f"from {MODULE} import add; "
        "add.apply_async((2, 3), task_id='a', countdown=0.5, link=add.s(10).set(task_id='b'))"
    )
    environment = os.environ | {"TEST_REDIS": place.url, "TEST_PREFIX": place.prefix}

    subprocess.run([sys.executable, "-c", call], env=environment, check=True, timeout=60)

    assert app.AsyncResult("b").get(timeout=20) == 15
    assert app.AsyncResult("a").get(timeout=20) == 5


def test_an_old_message_keeps_its_layout_while_it_waits(app, place, publish):
    publish(OLD, serializer="json")

    (message,) = app.broker.peek(JOBS, 5)

    assert (message.task, message.id) == ("", "")
    assert json.loads(message.body) == OLD
