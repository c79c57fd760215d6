"""Where messages go: exchanges and bindings as kombu keeps them in sets.

kombu does not store of what kind an exchange is; we do, beside it. Of an exchange that only
Celery's processes declared, a binding with a pattern is a topic's, another one direct.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from ...domain.errors import QueueNotFound
from ...domain.messaging.message import TaskMessage
from ...domain.messaging.queues import (
    Binding,
    Exchange,
    ExchangeKind,
    Queue,
    binding_of,
    destinations,
)
from .keys import Keys
from .layout import PRIORITIES


class Bindings(dict[str, Sequence[Binding]]):
    """Bindings by exchange, and the priority steps of what is published by them."""

    def __init__(
        self,
        by_exchange: Mapping[str, Sequence[Binding]] | None = None,
        *,
        priorities: Sequence[int] = PRIORITIES,
    ) -> None:
        super().__init__(by_exchange or {})
        self.priorities = priorities


#: Milliseconds for which a binding counts at least, also of a queue that expires sooner.
_SHORTEST: Final = 3_600_000
#: What kombu makes of the words of a topic's key.
_WORDS: Final = {"*": r"[^\.]+", "#": ".*?"}


def declare(client: Any, keys: Keys, queues: Sequence[Queue], now_ms: int) -> None:
    """Make queues and their bindings known, in one step.

    A table of none but queues that expire has a deadline, after which kombu sweeps it away.
    """
    with client.pipeline(transaction=True) as steps:
        for queue in queues:
            steps.sadd(keys.queues, queue.name)
            if binding := binding_of(queue):
                name = binding.exchange.name
                steps.hsetnx(keys.exchanges, name, binding.exchange.kind)
                steps.sadd(keys.bindings(name), _member(keys, binding))
                expires = expiry_of(queue)
                if expires is None:
                    steps.sadd(keys.permanent_bindings(name), _member(keys, binding))
                else:
                    until = now_ms + max(2 * expires, _SHORTEST)
                    steps.zadd(keys.binding_deadlines, {name: until}, gt=True)
        steps.execute()


def expiry_of(queue: Queue) -> int | None:
    """Return after how many milliseconds without use a queue expires, None if it does not."""
    asked = queue.arguments.get("x-expires")
    return None if asked is None else int(asked)


def prolong(client: Any, keys: Keys, queues: Iterable[Queue]) -> None:
    """Let the lists of queues that expire live on, since they were used."""
    with client.pipeline(transaction=False) as steps:
        for queue in queues:
            for step in keys.layout.priorities:
                steps.pexpire(keys.ready(queue.name, step), expiry_of(queue) or 0)
        steps.execute()


def bindings_of(client: Any, keys: Keys, messages: Iterable[TaskMessage]) -> Bindings:
    """Return the bindings of the exchanges these messages name."""
    return bindings_of_exchanges(client, keys, {message.exchange for message in messages} - {""})


def bindings_of_exchanges(client: Any, keys: Keys, exchanges: Collection[str]) -> Bindings:
    """Return the bindings of these exchanges; asks only if there are any."""
    names = sorted(exchanges)
    priorities = keys.layout.priorities
    if not names:
        return Bindings(priorities=priorities)
    with client.pipeline(transaction=False) as steps:
        steps.hmget(keys.exchanges, names)
        for name in names:
            steps.smembers(keys.bindings(name))
        kinds, *tables = steps.execute()
    found = {
        name: [_binding(keys, name, kind, member) for member in sorted(table)]
        for name, kind, table in zip(names, kinds, tables, strict=True)
    }
    return Bindings(found, priorities=priorities)


def queues_of(exchange: str, routing_key: str, bindings: Bindings) -> tuple[str, ...]:
    """Return the queues that a routing key reaches over an exchange."""
    return destinations(bindings.get(exchange, ()), exchange, routing_key)


def route(message: TaskMessage, bindings: Bindings) -> tuple[str, ...]:
    """Return the queues a message reaches. Raises QueueNotFound if there are none."""
    if not message.exchange and message.queue:
        return (message.queue,)
    queues = queues_of(message.exchange, message.routing_key, bindings)
    if not any(queues):
        lost = QueueNotFound(
            f"message {message.id} ({message.task}): exchange {message.exchange!r} with routing key"
            f" {message.routing_key!r} leads to no queue; declare one that is bound to it"
        )
        lost.message_id = message.id
        raise lost
    return queues


def _member(keys: Keys, binding: Binding) -> str:
    pattern = ""
    if binding.exchange.kind == "topic":
        words = (_WORDS.get(word, word) for word in binding.routing_key.split("."))
        pattern = "^" + r"\.".join(words) + "$"
    return keys.layout.separator.join((binding.routing_key, pattern, binding.queue))


def _binding(keys: Keys, exchange: str, stored: bytes | None, member: bytes) -> Binding:
    parts = member.decode(errors="replace").split(keys.layout.separator)
    key, pattern, queue = (*parts, "", "", "")[:3]
    kind: ExchangeKind = "topic" if pattern else "direct"
    if stored == b"fanout":
        kind = "fanout"
    return Binding(Exchange(exchange, kind), key, queue)
