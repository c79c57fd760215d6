"""What is kept under a task id, and under a group id."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..messaging.payload import Payload
from ..quick_values import quickly_made
from . import states


@dataclass(frozen=True, slots=True)
class Extended:
    """What `result_extended` adds to a record.

    `headers` are those of the message that are no part of the protocol; only backends of users'
    own are shown them.
    """

    name: str | None = None
    args: Payload | None = None
    kwargs: Payload | None = None
    worker: str | None = None
    retries: int | None = None
    queue: str | None = None
    stamped_headers: tuple[str, ...] | None = None
    stamps: Mapping[str, Any] | None = None
    headers: Mapping[str, Any] | None = None


@quickly_made
@dataclass(frozen=True, slots=True)
class ResultRecord:
    """The state of one task and what came of it.

    `result` is the encoded value on SUCCESS; on FAILURE, RETRY and REVOKED the encoded mapping
    `{"exc_type", "exc_message", "exc_module"}`; else whatever `update_state` gave. `children` are
    result tuples. `date_done` (aware UTC) is None in unready states.
    """

    task_id: str
    state: str
    result: Payload | None = None
    traceback: str | None = None
    children: tuple[Any, ...] = ()
    date_done: datetime | None = None
    group_id: str | None = None
    parent_id: str | None = None
    extended: Extended | None = None
    #: Whom the sender wants to be told; what is kept of a record does not include it.
    reply_to: str | None = field(default=None, compare=False)

    @property
    def ready(self) -> bool:
        """Whether the task has come to its end."""
        return self.state in states.READY_STATES


@dataclass(frozen=True, slots=True)
class GroupRecord:
    """A saved group: its id and its result tuple as data, and when it was saved (aware UTC)."""

    group_id: str
    result: Any
    date_done: datetime
