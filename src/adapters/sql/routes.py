"""Where messages go: exchanges and bindings as the store knows them."""

from __future__ import annotations

from collections.abc import Sequence

from ...domain.errors import QueueNotFound
from ...domain.messaging.message import TaskMessage
from ...domain.messaging.queues import Binding, Exchange, Queue, binding_of, destinations
from .flavour import Flavour
from .transaction import Transaction


def declare(transaction: Transaction, flavour: Flavour, queues: Sequence[Queue]) -> None:
    """Make queues and their bindings known."""
    names = [(queue.name, 0) for queue in queues]
    transaction.many(flavour.keep("celeriac_queue", ["name", "paused"], ["name"]), names)
    bindings = [
        (binding.exchange.name, binding.routing_key, binding.queue, binding.exchange.kind)
        for binding in map(binding_of, queues)
        if binding is not None
    ]
    if bindings:
        key = ["exchange", "routing_key", "queue"]
        transaction.many(flavour.keep("celeriac_binding", [*key, "kind"], key), bindings)


def bindings_of(transaction: Transaction, messages: Sequence[TaskMessage]) -> Sequence[Binding]:
    """Return the rules of the exchanges these messages name; asks only if they name any."""
    if not any(message.exchange for message in messages):
        return ()
    rows = transaction.rows("SELECT exchange, kind, routing_key, queue FROM celeriac_binding")
    return [Binding(Exchange(name, kind), key, queue) for name, kind, key, queue in rows]


def route(message: TaskMessage, bindings: Sequence[Binding]) -> tuple[str, ...]:
    """Return the queues a message reaches. Raises QueueNotFound if there are none."""
    if not message.exchange and message.queue:
        return (message.queue,)
    queues = destinations(bindings, message.exchange, message.routing_key)
    if not any(queues):
        raise QueueNotFound(
            f"message {message.id} ({message.task}): exchange {message.exchange!r} with routing key"
            f" {message.routing_key!r} leads to no queue; declare one that is bound to it"
        )
    return queues
