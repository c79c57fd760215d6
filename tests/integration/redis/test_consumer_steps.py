"""A step of a user's own that takes messages by kombu, beside a worker on Redis."""

from uuid import uuid4

import pytest
from kombu import Connection, Consumer, Producer, Queue

from celeriac import Celeriac
from celeriac.entrypoints.library.bootsteps import ConsumerStep
from celeriac.entrypoints.testing import running_worker
from tests.integration.cli.running import eventually


@pytest.mark.needs_server("redis")
def test_a_consumer_step_hears_what_is_said_on_a_queue_of_its_own(redis_url: str):
    name = f"steps-{uuid4().hex}"
    queue = Queue(name, routing_key=name)
    heard: list[object] = []

    class Listening(ConsumerStep):
        def get_consumers(self, channel):
            return [Consumer(channel, queues=[queue], callbacks=[self.hear], accept=["json"])]

        def hear(self, body, message):
            heard.append(body)
            message.ack()

    with Celeriac("shop", broker=redis_url, set_as_current=False) as app:
        app.conf.task_default_queue = f"tasks-{name}"
        app.steps["consumer"].add(Listening)
        with running_worker(app):
            with Connection(redis_url) as connection:
                Producer(connection.channel()).publish(
                    {"word": "hello"}, routing_key=name, declare=[queue], serializer="json"
                )
            eventually(lambda: heard == [{"word": "hello"}], lambda: str(heard))
