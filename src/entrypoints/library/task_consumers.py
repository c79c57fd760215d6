"""Consumers of kombu's over an app's queues, for steps of workers and programs of one's own."""

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ...domain.errors import NotSupported
from ...domain.messaging.queues import Queue
from .connections import Channel, Connection

if TYPE_CHECKING:
    from .app import Celeriac


def kombu() -> Any:
    """Return kombu. Raises NotSupported if it is not installed."""
    try:
        return import_module("kombu")
    except ImportError as missing:
        raise NotSupported("consumers need kombu: pip install celeriac[amqp]") from missing


def task_consumer(
    app: "Celeriac",
    channel: Any,
    queues: Any = None,
    accept: Sequence[str] | None = None,
    **options: Any,
) -> Any:
    """Return a consumer over queues; without any over those a worker would work on.

    Raises NotSupported for a channel that is a view of the app's broker.
    """
    if isinstance(channel, Channel | Connection):
        raise NotSupported(
            "there is no channel of kombu's behind app.connection(): take one of a connection of "
            "your own, kombu.Connection(url), or of the connection a ConsumerStep is given"
        )
    known = queues or app.amqp.queues.consume_from.values()
    listened = [as_kombus(queue) if isinstance(queue, Queue) else queue for queue in known]
    allowed = app.conf.accept_content if accept is None else accept
    return app.amqp.Consumer(channel, queues=listened, accept=allowed, **options)


def as_kombus(queue: Queue) -> Any:
    """Return a queue of ours as one of kombu's."""
    library = kombu()
    told: dict[str, Any] = {
        "durable": queue.durable,
        "max_priority": queue.max_priority,
        "queue_arguments": dict(queue.arguments) or None,
    }
    if not queue.exchange.name:
        return library.Queue(queue.name, **told)
    way = queue.exchange
    exchange = library.Exchange(way.name, type=way.kind, durable=way.durable)
    return library.Queue(queue.name, exchange, routing_key=queue.routing_key, **told)
