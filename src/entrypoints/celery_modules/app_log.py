"""`celery.app.log`: how the lines of tasks are formatted."""

import logging

from ...application.context import running
from ..library.log import Logging
from .log import ColorFormatter

__all__ = ["MP_LOG", "Logging", "TaskFormatter"]

MP_LOG = False


class TaskFormatter(ColorFormatter):
    """Lines that may hold %(task_id)s and %(task_name)s; outside of tasks these are `???`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        frame = running()
        if frame is not None:
            record.__dict__.update(task_id=frame[1].id, task_name=frame[0].name)
        else:
            record.__dict__.setdefault("task_id", "???")
            record.__dict__.setdefault("task_name", "???")
        return super().format(record)
