"""`celery.app.amqp`."""

from ..library.amqp import AMQP, Queues
from ..library.amqp import TaskMessageParts as task_message

__all__ = ["AMQP", "Queues", "task_message"]
