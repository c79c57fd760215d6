"""Tell those who listen what a worker meets in its queues, and what it does not run.

What must stay true: where nobody listens it costs a look at each signal, a batch, and no more.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..domain.errors import NotRegistered, TaskRevokedError
from ..domain.messaging.delivery import Delivery, Undecodable
from ..domain.messaging.message import TaskMessage
from ..domain.messaging.payload import Codec
from ..domain.work.effects import Bury, Note
from ..domain.work.settlement import Settlement
from . import tell_of_publishing
from .requests import Request
from .signals import (
    after_task_publish,
    task_received,
    task_rejected,
    task_revoked,
    task_sent,
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
        """Send the signal of what the core found worth noting, if there is one."""
        match note.error:
            case TaskRevokedError() if note.message is not None:
                self._revoked(note.message, expired="expired" in str(note.error))
            case NotRegistered() if task_unknown.receivers:
                task_unknown.send(
                    sender=self.sender,
                    message=note.message,
                    exc=note.error,
                    name=note.task,
                    id=note.task_id,
                )
            case None if note.what == "undecodable" and task_rejected.receivers:
                why = ValueError(note.detail)
                task_rejected.send(sender=self.sender, message=note.task_id, exc=why)

    def buried(self, bury: Bury) -> None:
        """Send `task_revoked` for a task that was ended while it ran."""
        if isinstance(bury.error, TaskRevokedError):
            self._revoked(bury.delivery.message, terminated=True)

    def published(self, settlements: Sequence[Settlement]) -> None:
        """Send `after_task_publish` for what settlements published."""
        if after_task_publish.receivers or task_sent.receivers:
            for settlement in settlements:
                tell_of_publishing.after(settlement.publish, self._codec)

    def _revoked(
        self, message: TaskMessage, *, terminated: bool = False, expired: bool = False
    ) -> None:
        if task_revoked.receivers:
            task_revoked.send(
                sender=self._find(message.task),
                request=self._request(message),
                terminated=terminated,
                signum="TERM" if terminated else None,
                expired=expired,
            )

    def _request(self, message: TaskMessage) -> Request:
        return Request(message, self._codec, self._node, self._find)
