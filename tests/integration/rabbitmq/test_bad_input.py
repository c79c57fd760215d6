"""What strangers may put on a queue, and what an operator may get wrong."""

import json

import pytest
from amqp.basic_message import Message

from celeriac import Celeriac
from celeriac.domain.errors import BrokerUnavailable, ImproperlyConfigured
from celeriac.domain.tasks import states
from tests.integration.cli.running import eventually

from .talking import channel_of

pytestmark = pytest.mark.needs_server("rabbitmq", "redis")


def headers(task, task_id="strange"):
    return {"task": task, "id": task_id, "lang": "py"}


STRANGE = {
    "nothing": Message(b""),
    "garbage": Message(b"\x80\x04\xff garbage", content_type="\xff\xfe"),
    "no-headers": Message(json.dumps({"hello": "world"}).encode(), content_type="application/json"),
    "bad-headers": Message(b"[[], {}, {}]", application_headers={"task": 7, "id": b"\xff"}),
    "refused": Message(
        b"\x80\x04.",
        content_type="application/x-python-serialize",
        content_encoding="binary",
        application_headers=headers("shop.add", "refused"),
    ),
    "unknown": Message(
        b"[[], {}, {}]",
        content_type="application/json",
        content_encoding="utf-8",
        application_headers=headers("shop.unheard", "unheard"),
    ),
}


def test_a_worker_outlives_what_strangers_send(place, rabbitmq_url):
    worker = place.worker("-c", "1")
    with channel_of(rabbitmq_url) as channel:
        for message in STRANGE.values():
            channel.basic_publish(message, "", place.queue)

    assert place.send("add", 2, 3).get(timeout=20) == 5
    broker = place.app.broker
    eventually(lambda: len(broker.dead(place.queue, 100)) >= 4, lambda: str(place))
    letters = broker.dead(place.queue, 100)
    assert {"undecodable", "unknown-task"} <= {letter.reason for letter in letters}
    assert b"\x80\x04\xff garbage" in {letter.raw for letter in letters}
    assert place.app.AsyncResult("unheard").state == states.FAILURE
    assert worker.stop() == 0


def test_a_body_of_ten_megabytes_comes_through(place):
    place.worker("-c", "1")

    result = place.send("add", "x" * 10_000_000, "y")

    assert len(result.get(timeout=30)) == 10_000_001


def refusal(url, **conf):
    app = Celeriac("shop", set_as_current=False)
    app.conf.update({"broker_url": url, "task_publish_retry": False, **conf})
    try:
        with pytest.raises(BrokerUnavailable) as refused:
            app.send_task("shop.add", (2, 3))
        return str(refused.value)
    finally:
        app.close()


def test_a_wrong_password_is_told_without_showing_it(rabbitmq_url):
    said = refusal(rabbitmq_url.replace("guest:guest", "guest:wrong"))

    assert "does not let this client in" in said
    assert "user and password in broker_url" in said
    assert "wrong" not in said


def test_a_virtual_host_that_is_not_there_is_told(rabbitmq_url):
    said = refusal(rabbitmq_url.rpartition("/")[0] + "/no-such-host")

    assert "virtual host" in said
    assert "rabbitmqctl add_vhost" in said


def test_a_server_that_is_not_there_is_told(rabbitmq_url):
    assert "is it running, and is broker_url right?" in refusal("amqp://guest@127.0.0.1:1//")


def test_the_next_server_of_a_list_is_used(rabbitmq_url, place):
    place.app.conf.update(broker_url=f"amqp://127.0.0.1:1//;{rabbitmq_url}")

    place.send("add", 2, 3)

    assert place.app.broker.depth([place.queue]) == {place.queue: 1}


def test_a_url_that_cannot_be_is_refused():
    app = Celeriac("shop", set_as_current=False)
    app.conf.update(broker_url="amqp://host:port//")

    with pytest.raises(ImproperlyConfigured, match="no AMQP URL"):
        app.send_task("shop.add", (2, 3))
