"""`celery.app.amqp`."""

from collections.abc import Mapping
from typing import Any, Final

from ..library.amqp import AMQP
from ..library.message_parts import TaskMessageParts as task_message
from ..library.queues import QUEUE_FORMAT, Queues

__all__ = ["AMQP", "INT_MIN", "QUEUE_FORMAT", "Queues", "task_message", "utf8dict"]

#: The least number that peers of AMQP read where an integer is expected.
INT_MIN: Final = -(2**31)


def utf8dict(d: Mapping[Any, Any], encoding: str = "utf-8") -> dict[str, Any]:
    """Return a mapping with its names as texts."""
    return {
        name.decode(encoding) if isinstance(name, bytes) else name: what for name, what in d.items()
    }
