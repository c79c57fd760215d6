"""Speaking AMQP with the server itself, past all adapters."""

from __future__ import annotations

from contextlib import contextmanager

import kombu


@contextmanager
def channel_of(url):
    """A channel of py-amqp."""
    connection = kombu.Connection(url.replace("amqp://", "pyamqp://"))
    driver = connection.transport.establish_connection()
    try:
        channel = driver.channel()
        channel.auto_decode = False
        yield channel
    finally:
        driver.close()


def count(channel, queue):
    """How many messages are ready in a queue."""
    return channel.queue_declare(queue, passive=True).message_count


def taken(channel, queue):
    """The next message, which is then gone."""
    return channel.basic_get(queue, no_ack=True)
