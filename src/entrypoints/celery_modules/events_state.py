"""`celery.events.state`."""

from ...domain.cluster.seen_tasks import STATE_OF as TASK_EVENT_TO_STATE
from ...domain.cluster.seen_tasks import Task
from ...domain.cluster.seen_workers import HEARTBEAT_EXPIRE_WINDOW, Worker, heartbeat_expires
from ..library.events import State

__all__ = [
    "HEARTBEAT_EXPIRE_WINDOW",
    "TASK_EVENT_TO_STATE",
    "State",
    "Task",
    "Worker",
    "heartbeat_expires",
]
