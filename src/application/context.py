"""What a running task knows of its own call, and which task runs right now."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..domain.messaging.message import TaskMessage


class Context:
    """The request of a task, under Celery's attribute names; headers of the message included."""

    args: Sequence[Any] | None = None
    callbacks: Sequence[Any] | None = None
    called_directly: bool = True
    chain: Sequence[Any] | None = None
    chord: Any = None
    correlation_id: str | None = None
    delivery_info: Mapping[str, Any] | None = None
    errbacks: Sequence[Any] | None = None
    eta: str | None = None
    expires: str | None = None
    group: str | None = None
    group_index: int | None = None
    headers: Mapping[str, Any] | None = None
    hostname: str | None = None
    id: str | None = None
    ignore_result: bool = False
    is_eager: bool = False
    kwargs: Mapping[str, Any] | None = None
    logfile: str | None = None
    loglevel: int | None = None
    origin: str | None = None
    parent_id: str | None = None
    properties: Mapping[str, Any] | None = None
    retries: int = 0
    reply_to: str | None = None
    replaced_task_nesting: int = 0
    root_id: str | None = None
    shadow: str | None = None
    taskset: str | None = None
    timelimit: Sequence[float | None] | None = None
    utc: bool | None = None
    stamped_headers: Sequence[str] | None = None
    stamps: Mapping[str, Any] | None = None
    task: str | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take attributes from a mapping, from keywords, or from both."""
        self._children: list[Any] | None = None
        self.update(*args, **kwargs)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set attributes."""
        self.__dict__.update(*args, **kwargs)

    def clear(self) -> None:
        """Forget all attributes that were set."""
        self.__dict__.clear()
        self._children = None

    def get(self, key: str, default: Any = None) -> Any:
        """Return an attribute, or the default."""
        return getattr(self, key, default)

    @property
    def children(self) -> list[Any]:
        """Result tuples of what this task has sent."""
        if self._children is None:
            self._children = []
        return self._children

    @children.setter
    def children(self, value: list[Any]) -> None:
        self._children = value

    @property
    def time_limit(self) -> float | None:
        """Hard time limit of this call, in seconds."""
        return self.timelimit[0] if self.timelimit else None

    @property
    def soft_time_limit(self) -> float | None:
        """Soft time limit of this call, in seconds."""
        return self.timelimit[1] if self.timelimit else None

    def as_execution_options(self) -> dict[str, Any]:
        """Return the options with which this call could be sent again."""
        hard, soft = self.time_limit, self.soft_time_limit
        return {
            "task_id": self.id,
            "root_id": self.root_id,
            "parent_id": self.parent_id,
            "group_id": self.group,
            "group_index": self.group_index,
            "shadow": self.shadow,
            "chord": self.chord,
            "chain": self.chain,
            "link": self.callbacks,
            "link_error": self.errbacks,
            "expires": self.expires,
            "soft_time_limit": soft,
            "time_limit": hard,
            "headers": self.headers,
            "retries": self.retries,
            "reply_to": self.reply_to,
            "replaced_task_nesting": self.replaced_task_nesting,
            "origin": self.origin,
        }

    def __repr__(self) -> str:
        """Show what was set."""
        return f"<Context: {self.__dict__!r}>"


def of_message(
    message: "TaskMessage",
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    embed: Mapping[str, Any],
    node: str,
    redelivered: bool,
) -> Context:
    """Make the request of a message that is about to run."""
    context = Context.__new__(Context)
    id_, headers, properties, stored = message.id, message.headers, message.properties, embed.get
    context.__dict__ = {
        "_children": None,
        **headers,
        "id": id_,
        "task": message.task,
        "root_id": str(headers.get("root_id") or id_),
        "args": list(args),
        "kwargs": kwargs,
        "callbacks": stored("callbacks"),
        "errbacks": stored("errbacks"),
        "chain": stored("chain"),
        "chord": stored("chord"),
        "eta": message.eta and message.eta.isoformat(),
        "expires": message.expires and message.expires.isoformat(),
        "headers": custom_headers(headers),
        "hostname": node,
        "called_directly": False,
        "correlation_id": properties.get("correlation_id") or id_,
        "reply_to": properties.get("reply_to"),
        "properties": properties,
        "delivery_info": {
            "exchange": message.exchange,
            "routing_key": message.routing_key,
            "priority": message.priority,
            "redelivered": redelivered,
        },
    }
    return context


#: Headers that the protocol or a broker writes; what else there is, somebody asked for.
_PROTOCOL: Final = frozenset(
    "lang task id shadow eta expires group group_index retries timelimit root_id parent_id "
    "argsrepr kwargsrepr origin ignore_result replaced_task_nesting stamped_headers stamps "
    "compression redelivered".split()
)


def custom_headers(headers: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the headers that the caller gave; None when there are none."""
    if headers.keys() <= _PROTOCOL:
        return None
    return {name: headers[name] for name in headers if name not in _PROTOCOL}


#: What runs here, the innermost first: (task, its context, what ran around it).
Frame = tuple[Any, Context, "Frame | None"]

RUNNING: Final[ContextVar[Frame | None]] = ContextVar("celeriac_running", default=None)


def running() -> Frame | None:
    """Return the innermost task that runs in this context, if one does."""
    return RUNNING.get()
