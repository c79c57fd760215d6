"""What is said to everybody who listens, and where it can be heard.

A channel is an exchange of Celery's. What is said there may carry a key of dotted words, such as
`worker.heartbeat`, and listeners choose by patterns over keys, as in AMQP.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..messaging.queues import Exchange, topic_matches


@dataclass(frozen=True, slots=True)
class BusMessage:
    """Something said: a JSON-able body on a channel, with a key and headers."""

    channel: str
    body: Any
    key: str = ""
    headers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Topic:
    """What is listened to: messages of a channel whose key matches an AMQP topic pattern."""

    channel: str
    pattern: str = "#"


@dataclass(frozen=True, slots=True)
class ReplyAddress:
    """Where a reply is to go: a routing key of a direct exchange."""

    exchange: str
    routing_key: str


def is_for(topics: Iterable[Topic], message: BusMessage) -> bool:
    """Tell whether a message is for somebody who listens to these topics."""
    return any(
        topic.channel == message.channel and topic_matches(topic.pattern, message.key)
        for topic in topics
    )


def exchange_of(channel: str) -> Exchange:
    """Return the exchange that Celery declares for a channel, where there are exchanges."""
    if channel.endswith(".pidbox"):
        return Exchange(channel, "fanout", durable=False)
    return Exchange(channel, "topic")
