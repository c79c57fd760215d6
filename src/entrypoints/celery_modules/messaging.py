"""`celery.messaging`: the way to the current app's broker, by the names of old."""

from typing import Any

from ..library.current import get_current


def TaskConsumer(*args: Any, **kwargs: Any) -> Any:
    """Return a consumer of kombu's over the queues a worker would work on."""
    return get_current().amqp.TaskConsumer(*args, **kwargs)


get_consumer_set = TaskConsumer


def establish_connection(*args: Any, **kwargs: Any) -> Any:
    """Return a view of the broker."""
    return get_current().connection(*args, **kwargs)
