"""Tell those who listen what a worker meets in its queues, and what it does not run.

What must stay true: where nobody listens it costs a look at each signal, a batch, and no more.
"""

import signal
from collections.abc import Callable, Iterable
from typing import Any

from ..domain.errors import DecodeError, NotRegistered, TaskRevokedError
from ..domain.messaging.delivery import Delivery, Undecodable
from ..domain.messaging.message import TaskMessage
from ..domain.messaging.payload import Codec
from ..domain.work.effects import Bury, Note
from .requests import Request
from .signals import (
    task_received,
    task_rejected,
    task_revoked,
    task_unknown,
)


class Arrivals:
    """Sends the signals of one worker."""

    def __init__(self, node: str, codec: Codec, find: Callable[[str], Any]) -> None:
        """Show requests as this node's."""
        self._node, self._codec, self._find = node, codec, find
        #: Who they come from; the worker that users know, once it is there.
        self.sender: Any = None

    def received(self, batch: Iterable[Delivery | Undecodable]) -> None:
        """Send `task_received` for what was claimed."""
        if not task_received.receivers:
            return
        for item in batch:
            if isinstance(item, Delivery):
                request = self._request(item.message)
                task_received.send(sender=self.sender, request=request)

    def noted(self, note: Note) -> None:
        """Send `task_rejected` for a message that could not be read."""
        if note.what == "undecodable" and task_rejected.receivers:
            why = DecodeError(note.detail)
            task_rejected.send(sender=self.sender, message=note.task_id, exc=why)

    def buried(self, bury: Bury) -> None:
        """Send the signal of a task that is not run, or was ended while it ran."""
        match bury.error:
            case TaskRevokedError() if task_revoked.receivers:
                self._revoked(bury.delivery.message, str(bury.error))
            case NotRegistered() if task_unknown.receivers:
                self._unknown(bury.delivery.message, bury.error)

    def _revoked(self, message: TaskMessage, why: str) -> None:
        terminated = "terminated" in why
        task_revoked.send(
            sender=self._find(message.task),
            request=self._request(message),
            terminated=terminated,
            signum=signal.SIGTERM if terminated else None,
            expired="expired" in why,
        )

    def _unknown(self, message: TaskMessage, why: Exception) -> None:
        request = self._request(message)
        task_unknown.send(
            sender=self.sender, message=request, exc=why, name=message.task, id=message.id
        )

    def _request(self, message: TaskMessage) -> Request:
        return Request(message, self._codec, self._node, self._find)
