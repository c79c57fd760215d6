"""The queues of those who listen, as settings have them, beside those that Celery declares."""

from __future__ import annotations

import socket
from contextlib import suppress

import amqp
import celery
import kombu
import pytest

from celeriac import Celeriac
from celeriac.domain.cluster.speech import BusMessage, Topic
from celeriac.domain.errors import BrokerUnavailable, ImproperlyConfigured
from tests.waiting import eventually

from .talking import channel_of, count

pytestmark = pytest.mark.needs_server("rabbitmq")

#: They stay when their connection is lost.
LASTING = {
    "control_queue_exclusive": False,
    "control_queue_durable": True,
    "event_queue_exclusive": False,
    "event_queue_durable": True,
}
CONFIGURATIONS = {
    "defaults": {},
    "times": {
        "control_queue_ttl": 20,
        "control_queue_expires": 31.5,
        "event_queue_ttl": 0,
        "event_queue_expires": 11,
    },
    "no times": {
        "control_queue_ttl": None,
        "control_queue_expires": None,
        "event_queue_ttl": None,
        "event_queue_expires": None,
    },
    "lasting": LASTING,
}


@pytest.fixture
def declared(monkeypatch):
    """What is declared from now on: queues by the last word of their names."""
    found = {}
    declare = amqp.Channel.queue_declare

    def noted(channel, queue="", *args, **options):
        if not options.get("passive"):
            kind = "control" if queue.endswith("pidbox") else "event"
            kind = f"reply of {kind}" if ".reply." in queue else kind
            names = ("durable", "exclusive", "auto_delete", "arguments")
            found[kind] = {name: options.get(name) for name in names}
        return declare(channel, queue, *args, **options)

    monkeypatch.setattr(amqp.Channel, "queue_declare", noted)
    return found


@pytest.mark.parametrize("conf", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_ears_are_declared_as_celery_declares_them(conf, rabbitmq_url, declared):
    listen_by_celery(rabbitmq_url, conf)
    theirs = dict(declared)
    declared.clear()

    with app_on(rabbitmq_url, conf) as app:
        bus = app.container.bus()
        for topic in (Topic("celery.pidbox"), Topic("celeryev")):
            bus.subscribe([topic]).close()
        bus.open_mailbox("reply.celery.pidbox").close()

    assert theirs.keys() == {"control", "reply of control", "event"}
    assert declared == theirs


def test_a_lasting_ear_hears_what_was_said_while_its_connection_was_lost(rabbitmq_url):
    with app_on(rabbitmq_url, LASTING) as listening, app_on(rabbitmq_url, {}) as speaking:
        ear = listening.container.bus().subscribe([Topic("celery.pidbox")])
        said = BusMessage("celery.pidbox", {"n": 1})
        lose(ear)
        with channel_of(rabbitmq_url) as channel:
            eventually(lambda: is_unused(channel, ear._queue))
            speaking.container.bus().broadcast([said])
            eventually(lambda: count(channel, ear._queue) == 1)

        heard = []
        eventually(lambda: bool(heard.extend(received(ear)) or heard))

        assert [message.body for message in heard] == [{"n": 1}]


def test_a_lasting_ear_leaves_no_queue_when_it_is_closed(rabbitmq_url):
    with app_on(rabbitmq_url, LASTING) as app, channel_of(rabbitmq_url) as channel:
        ear = app.container.bus().subscribe([Topic("celery.pidbox")])
        assert count(channel, ear._queue) == 0

        ear.close()

        with pytest.raises(amqp.NotFound):
            count(channel, ear._queue)


@pytest.mark.parametrize(
    ("conf", "complaint"),
    [
        ({"control_queue_durable": True}, "set control_queue_exclusive=False beside it"),
        ({"event_queue_durable": True}, "set event_queue_exclusive=False beside it"),
        ({"control_queue_expires": 0}, "control_queue_expires=0.*at least a millisecond"),
        ({"event_queue_expires": 0.0001}, "event_queue_expires=0.0001.*at least a millisecond"),
    ],
)
def test_queues_that_cannot_be_are_refused_before_a_server_is_asked(conf, complaint):
    with app_on("amqp://127.0.0.1:1//", conf) as app, pytest.raises(ImproperlyConfigured) as raised:
        app.container.bus()

    raised.match(complaint)


def app_on(url, conf):
    return Celeriac("shop", broker=url, set_as_current=False, changes=conf)


def listen_by_celery(url, conf):
    app = celery.Celery("shop", broker=url, set_as_current=False, changes=conf)
    with app.connection_for_read() as connection:
        node = app.control.mailbox.Node("w@host")
        node.listen(channel=connection.channel()).channel.close()
        events = app.events.Receiver(connection, handlers={})
        (consumer,) = events.get_consumers(
            lambda **told: kombu.Consumer(connection.default_channel, **told),
            connection.default_channel,
        )
        consumer.consume()
        consumer.cancel()
        app.control.inspect(timeout=0.1, connection=connection).ping()
    app.close()


def lose(ear):
    with ear._link.lock:
        ear._link.connection.transport.sock.shutdown(socket.SHUT_RDWR)


def received(ear):
    with suppress(BrokerUnavailable):  # it looks for the server again at the next call
        return ear.receive(1)
    return ()


def is_unused(channel, queue):
    return channel.queue_declare(queue, passive=True).consumer_count == 0
