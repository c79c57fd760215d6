"""One task call as it travels: a body nobody on the way needs to decode, and what it says outside.

Field names and header names are those of Celery's task message protocol 2. `headers` holds only
what differs from the protocol's defaults, and whatever foreign senders added; `protocol.py`
turns a message into the full header table and back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from ..quick_values import quickly_made
from .payload import Payload

EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})
#: The delivery mode of a message that survives a restart of its broker.
PERSISTENT: Final = 2


class Likeness:
    """What messages are known by that are alike but for id, body, reprs and place in a group."""

    __slots__ = ()

    def __reduce__(self) -> Any:
        """Stay in this process: elsewhere nothing is known of it."""
        return type(None), ()


@quickly_made
@dataclass(frozen=True, slots=True)
class TaskMessage:
    """A task call on its way. Times are aware UTC; `priority` grows with importance (0-255)."""

    id: str
    task: str
    body: bytes
    content_type: str = "application/json"
    content_encoding: str = "utf-8"
    queue: str = ""
    exchange: str = ""
    routing_key: str = ""
    priority: int = 0
    eta: datetime | None = None
    expires: datetime | None = None
    headers: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    properties: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    #: Spares those who write many messages a comparison. A copy with changes has none.
    likeness: Likeness | None = field(default=None, init=False, compare=False, repr=False)

    def note_likeness(self, likeness: Likeness) -> None:
        """Be known to be like others. It says nothing that the other fields do not."""
        object.__setattr__(self, "likeness", likeness)

    @property
    def payload(self) -> Payload:
        """The encoded body with its content type."""
        compression = self.headers.get("compression")
        return Payload(self.body, self.content_type, self.content_encoding, compression)

    @property
    def retries(self) -> int:
        """How many times this call was retried already."""
        return int(self.headers.get("retries") or 0)

    @property
    def root_id(self) -> str:
        """Id of the first task of the work-flow."""
        return str(self.headers.get("root_id") or self.id)

    @property
    def parent_id(self) -> str | None:
        """Id of the task that sent this one."""
        return self.headers.get("parent_id")

    @property
    def group_id(self) -> str | None:
        """Id of the group this call is a member of."""
        return self.headers.get("group")

    @property
    def group_index(self) -> int | None:
        """Position in the group."""
        return self.headers.get("group_index")

    @property
    def ignore_result(self) -> bool:
        """Whether the sender asked that no result be kept."""
        return bool(self.headers.get("ignore_result"))

    @property
    def time_limits(self) -> tuple[float | None, float | None]:
        """Hard and soft time limit in seconds, in the protocol's order."""
        hard, soft = self.headers.get("timelimit") or (None, None)
        return hard, soft

    @property
    def shadow(self) -> str | None:
        """Another name for logs."""
        return self.headers.get("shadow")

    @property
    def reply_to(self) -> str | None:
        """Where results go that travel back over the broker."""
        return self.properties.get("reply_to")

    @property
    def delivery_mode(self) -> int:
        """2 for a message that survives a restart of the store, 1 for one that need not."""
        return 1 if self.properties.get("delivery_mode") == 1 else PERSISTENT
