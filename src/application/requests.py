"""A delivered message as a worker's signals show it, under the names of Celery's request."""

from collections.abc import Callable, Mapping
from typing import Any

from ..domain.errors import Retry
from ..domain.messaging import protocol
from ..domain.messaging.message import TaskMessage
from ..domain.messaging.payload import Codec
from .context import custom_headers


class Request:
    """What a worker knows of a call that it has in hand. Arguments are decoded when looked at."""

    def __init__(
        self,
        message: TaskMessage,
        codec: Codec,
        node: str,
        find: Callable[[str], Any] = lambda name: None,
    ) -> None:
        """Show this message, received by this node."""
        self.message, self.hostname = message, node
        self._codec, self._find = codec, find
        self._body: tuple[Any, Any, Mapping[str, Any]] | None = None
        self.id = self.task_id = message.id
        self.name = self.task_name = self.type = message.task
        self.root_id, self.parent_id = message.root_id, message.parent_id
        self.group, self.group_index = message.group_id, message.group_index
        self.eta, self.expires = message.eta, message.expires
        self.reply_to, self.ignore_result = message.reply_to, message.ignore_result
        self.correlation_id = message.properties.get("correlation_id") or message.id
        self.retries, self.time_limits = message.retries, message.time_limits
        self.body, self.content_type = message.body, message.content_type
        self.content_encoding = message.content_encoding
        self.argsrepr = message.headers.get("argsrepr", "")
        self.kwargsrepr = message.headers.get("kwargsrepr", "")

    @property
    def task(self) -> Any:
        """The task, or None if it is not known here."""
        return self._find(self.name)

    @property
    def args(self) -> Any:
        """Positional arguments. Raises DecodeError or ContentDisallowed."""
        return self._decoded()[0]

    @property
    def kwargs(self) -> Any:
        """Keyword arguments. Raises DecodeError or ContentDisallowed."""
        return self._decoded()[1]

    @property
    def headers(self) -> dict[str, Any]:
        """All headers of the message, those of the protocol included."""
        return protocol.headers_of(self.message)

    request_dict = headers

    @property
    def custom_headers(self) -> dict[str, Any] | None:
        """The headers that the sender's caller gave."""
        return custom_headers(self.message.headers)

    @property
    def delivery_info(self) -> dict[str, Any]:
        """How it came here."""
        message = self.message
        return {
            "exchange": message.exchange,
            "routing_key": message.routing_key,
            "priority": message.priority,
            "redelivered": None,
        }

    def get(self, key: str, default: Any = None) -> Any:
        """Return an attribute or a header, or the default."""
        if key in self.message.headers:
            return self.message.headers[key]
        return getattr(self, key, default)

    def info(self, safe: bool = False) -> dict[str, Any]:
        """Return what it is, as data; `safe` gives arguments as their repr."""
        return {
            "id": self.id,
            "name": self.name,
            "args": self.argsrepr if safe else self.args,
            "kwargs": self.kwargsrepr if safe else self.kwargs,
            "type": self.type,
            "hostname": self.hostname,
            "time_start": None,
            "acknowledged": False,
            "delivery_info": self.delivery_info,
            "worker_pid": None,
        }

    # -- what happens to it, told to classes of users' own; see `Task.Request`

    def on_accepted(self, pid: int | None, time_accepted: float) -> None:
        """Called when it is known that the task has begun, in this process."""

    def on_timeout(self, soft: bool, timeout: float | None) -> None:
        """Called when the task has run past a time limit; a soft one is raised in it."""

    def on_success(self, failed__retval__runtime: tuple[bool, Any, float], **kwargs: Any) -> None:
        """Called when the run has ended, with what it came to: whether it failed, its value.

        The value is its repr, as in Celery. A failure goes on to `on_failure`.
        """
        failed, retval, _ = failed__retval__runtime
        if failed:
            self.on_failure(retval, return_ok=True)

    def on_failure(
        self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False
    ) -> None:
        """Called when the task failed, or its process died; a retry goes on to `on_retry`."""
        if isinstance(exc_info.exception, Retry):
            self.on_retry(exc_info)

    def on_retry(self, exc_info: Any) -> None:
        """Called when the task is to be run again."""

    def humaninfo(self) -> str:
        """Return name and id."""
        return f"{self.name}[{self.id}]"

    def _decoded(self) -> Any:
        if self._body is None:
            self._body = self._codec.decode(self.message.payload)
        return self._body

    def __repr__(self) -> str:
        """Show what it is."""
        return f"<Request: {self.humaninfo()} {self.argsrepr} {self.kwargsrepr}>"
