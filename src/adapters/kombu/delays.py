"""Messages that wait in RabbitMQ: Celery's native delayed delivery, and a way from it to any queue.

A ladder of queues, each of which holds a message twice as long as the next lower one and then lets
it sink. The first 28 words of the routing key are the seconds to wait, as binary digits: at each
level a 1 waits in the queue and a 0 goes past it. Names, arguments and bindings are those of kombu
5.7, so that Celery's processes share the ladder. What comes out of it is led on by the rest of its
key: to its topic exchange, as kombu does it; or, which is ours, to a queue by its name.
"""

from __future__ import annotations

import re
from typing import Any, Final

from .settings import Ladder

#: The word in a key after which the name of a queue follows. No key of Celery's begins so.
TO_QUEUE: Final = "celeriac-queue"


def declare(channel: Any, ladder: Ladder) -> None:
    """Make the ladder; what is there already is left as it is."""
    top = ladder.levels - 1
    for number in range(top, -1, -1):
        name = ladder.level(number)
        channel.exchange_declare(name, "topic", durable=True, auto_delete=False)
        channel.queue_declare(
            name, durable=True, auto_delete=False, arguments=_arguments(ladder, number)
        )
        channel.queue_bind(name, name, _key(ladder, number, "1"))
    channel.exchange_declare(ladder.way_out, "topic", durable=True, auto_delete=False)
    for number in range(top, -1, -1):
        lower = ladder.level(number - 1)
        channel.exchange_bind(lower, ladder.level(number), _key(ladder, number, "0"))


def bind_queue(channel: Any, ladder: Ladder, queue: str) -> None:
    """Lead what is parked for a queue to it."""
    channel.queue_bind(queue, ladder.way_out, f"#.{TO_QUEUE}.{queue}")


def bind_exchange(channel: Any, ladder: Ladder, exchange: str, key: str, queue: str) -> None:
    """Lead what waits for a topic to its exchange, and from there to the queue, as kombu does."""
    pattern = key if key.startswith("#") else f"#.{key}"
    channel.exchange_bind(exchange, ladder.way_out, pattern)
    channel.queue_bind(queue, exchange, pattern)


def way_in(ladder: Ladder, seconds: float, key: str) -> tuple[str, str]:
    """Return exchange and routing key that let a message wait so many whole seconds."""
    units = min(int(seconds), 2**ladder.levels - 1)
    bits = ".".join(f"{units:0{ladder.levels}b}")
    return ladder.level(ladder.levels - 1), f"{bits}.{without_bits(ladder, key)}"


def key_of_queue(queue: str) -> str:
    """Return the routing key that leads out of the ladder to a queue."""
    return f"{TO_QUEUE}.{queue}"


def without_bits(ladder: Ladder, key: str) -> str:
    """Return a routing key without what it says of waiting."""
    return re.sub(rf"^(?:[01]\.){{{ladder.levels}}}", "", key, count=1)


def _key(ladder: Ladder, number: int, digit: str) -> str:
    return "*." * (ladder.levels - 1 - number) + f"{digit}.#"


def _arguments(ladder: Ladder, number: int) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "x-queue-type": ladder.queue_type,
        "x-overflow": "reject-publish",
        "x-message-ttl": 2**number * ladder.unit,
        "x-dead-letter-exchange": ladder.level(number - 1),
    }
    if ladder.queue_type == "quorum":
        arguments["x-dead-letter-strategy"] = "at-least-once"
    return arguments
