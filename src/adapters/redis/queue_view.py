"""What operators see and do: depths, waiting messages, dead letters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from ...domain.messaging.delivery import DeadMessage
from ...domain.messaging.message import TaskMessage
from .envelope import dead_of, message_of
from .keys import Keys

#: How many messages are looked at in one round trip.
_CHUNK: Final = 500


def depth(client: Any, keys: Keys, queues: Sequence[str]) -> Mapping[str, int]:
    """Count what waits in each queue."""
    names = list(dict.fromkeys(queues))
    with client.pipeline(transaction=False) as steps:
        for name in names:
            for step in keys.layout.steps:
                steps.llen(keys.ready(name, step))
            steps.zcard(keys.of_queue(name, "parked"))
        counts = steps.execute()
    each = len(keys.layout.steps) + 1
    return {name: sum(counts[k * each : (k + 1) * each]) for k, name in enumerate(names)}


def peek(client: Any, keys: Keys, queue: str, limit: int) -> list[TaskMessage]:
    """Return what would be claimed next and can be read."""
    chunk = max(1, min(limit, _CHUNK))
    lists = (keys.ready(queue, step) for step in keys.layout.steps)
    raws = (raw for key in lists for raw in _served(client, key, chunk))
    readable = (message for raw in raws if (message := message_of(raw, queue)))
    return list(islice(readable, max(limit, 0)))


def dead(client: Any, keys: Keys, queue: str, limit: int) -> list[DeadMessage]:
    """Return dead letters, newest first."""
    if limit <= 0:
        return []
    numbers = client.zrevrange(keys.of_queue(queue, "dead"), 0, limit - 1)
    if not numbers:
        return []
    letters = client.hmget(keys.of_queue(queue, "letters"), numbers)
    return [
        dead_of(int(number), queue, letter)
        for number, letter in zip(numbers, letters, strict=True)
        if letter is not None
    ]


def _served(client: Any, key: str, chunk: int) -> Iterator[bytes]:
    """Return the messages of a list in the order in which they will be served."""
    end = -1
    while found := client.lrange(key, end - chunk + 1, end):
        yield from reversed(found)
        end -= chunk
