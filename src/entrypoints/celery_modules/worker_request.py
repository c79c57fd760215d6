"""`celery.worker.request`."""

from typing import Any

from ...application.requests import Request
from ..received import received_class

__all__ = ["Request", "create_request_cls"]


def create_request_cls(
    base: Any, task: Any, pool: Any, hostname: str, eventer: Any, *args: Any, **kwargs: Any
) -> Any:
    """Return a class of requests for a strategy, made of the messages that it is given.

    Its requests acknowledge and reject; they do not bring themselves to the pool, which is the
    strategy's to do: `consumer.pool.apply_async`.
    """
    return received_class(base, task, hostname)
