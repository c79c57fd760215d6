"""What operators see and do: depths, waiting messages, dead letters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from ...domain.messaging.delivery import DeadMessage
from ...domain.messaging.message import TaskMessage
from .envelope import dead_of, message_of
from .keys import Keys

#: How many messages are looked at in one round trip.
_CHUNK: Final = 500
#: What stands before the bytes of a parked message: its step and its place.
_PLACE: Final = 23


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
    raws = (raw for step in keys.layout.steps for raw in _served(client, keys.ready(queue, step)))
    readable = (message for raw in raws if (message := message_of(raw, queue)))
    return list(islice(readable, max(limit, 0)))


def remove(client: Any, keys: Keys, task_ids: Collection[str]) -> list[TaskMessage]:
    """Delete waiting messages of these tasks; return them."""
    found: list[TaskMessage] = []
    for name in sorted(client.smembers(keys.queues)):
        queue = name.decode()
        for step in keys.layout.steps:
            key = keys.ready(queue, step)
            drop = _from_list(client, key)
            found += _removed(client.lrange(key, 0, -1), queue, 0, task_ids, drop)
        key = keys.of_queue(queue, "parked")
        drop = _from_set(client, key)
        found += _removed(client.zrange(key, 0, -1), queue, _PLACE, task_ids, drop)
    return found


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


def _served(client: Any, key: str) -> Iterator[bytes]:
    """Return the messages of a list in the order in which they will be served."""
    end = -1
    while chunk := client.lrange(key, end - _CHUNK + 1, end):
        yield from reversed(chunk)
        end -= _CHUNK


def _removed(
    members: Sequence[bytes],
    queue: str,
    begins: int,
    task_ids: Collection[str],
    drop: Callable[[bytes], int],
) -> list[TaskMessage]:
    found: list[TaskMessage] = []
    for member in members:
        message = message_of(member[begins:], queue)
        if message and message.id in task_ids and drop(member):
            found.append(message)
    return found


def _from_list(client: Any, key: str) -> Callable[[bytes], int]:
    return lambda member: int(client.lrem(key, 1, member))


def _from_set(client: Any, key: str) -> Callable[[bytes], int]:
    return lambda member: int(client.zrem(key, member))
