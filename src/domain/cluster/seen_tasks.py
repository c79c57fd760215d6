"""A task as its events show it."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from ..tasks import states
from .seen_workers import Worker

if TYPE_CHECKING:
    from .picture import State

#: The state that each task event stands for; a type that is not here stands for its own name.
STATE_OF: Final[Mapping[str, str]] = {
    "sent": states.PENDING,
    "received": states.RECEIVED,
    "started": states.STARTED,
    "failed": states.FAILURE,
    "retried": states.RETRY,
    "succeeded": states.SUCCESS,
    "revoked": states.REVOKED,
    "rejected": states.REJECTED,
}
#: What a late event still adds, by its state; what any other late one says is taken whole.
_MERGED: Final[Mapping[str, tuple[str, ...]]] = {
    states.RECEIVED: (
        *("name", "args", "kwargs", "parent_id", "root_id", "retries", "eta", "expires"),
    )
}
#: How a task is shown, in Celery's words.
R_TASK: Final = "<Task: {0.name}({0.uuid}) {0.state} clock:{0.clock}>"
_SHOWN: Final = (
    *("args", "kwargs", "retries", "result", "eta", "runtime", "expires", "exception"),
    *("exchange", "routing_key", "root_id", "parent_id"),
)
FIELDS: Final = (
    *("uuid", "name", "state", "received", "sent", "started", "rejected", "succeeded", "failed"),
    *("retried", "revoked", "args", "kwargs", "eta", "expires", "retries", "worker", "result"),
    *("exception", "timestamp", "runtime", "traceback", "exchange", "routing_key", "clock"),
    *("client", "root_id", "parent_id"),
)


class Task:
    """One task. What its events say is there as attributes; times are unix seconds."""

    _fields = (*FIELDS, "root", "parent", "children")
    _info_fields = _SHOWN
    #: The fields that a late event still adds, by the state it stands for; else it adds all.
    merge_rules: ClassVar[Mapping[str, tuple[str, ...]]] = _MERGED

    name: str | None = None
    received: float | None = None
    sent: float | None = None
    started: float | None = None
    succeeded: float | None = None
    failed: float | None = None
    retried: float | None = None
    revoked: float | None = None
    rejected: float | None = None
    args: str | None = None
    kwargs: str | None = None
    eta: str | None = None
    expires: str | None = None
    retries: int | None = None
    worker: Worker | None = None
    result: str | None = None
    exception: str | None = None
    timestamp: float | None = None
    runtime: float | None = None
    traceback: str | None = None
    exchange: str | None = None
    routing_key: str | None = None
    root_id: str | None = None
    parent_id: str | None = None
    client: str | None = None
    state: str = states.PENDING
    clock: int = 0

    def __init__(
        self, uuid: str | None = None, cluster_state: "State | None" = None, **fields: Any
    ) -> None:
        """Be unheard of so far."""
        self.uuid, self.cluster_state = uuid, cluster_state
        self.__dict__.update(fields)

    def event(
        self,
        type_: str,
        timestamp: float | None = None,
        local_received: float | None = None,
        fields: Mapping[str, Any] | None = None,
        precedence: Callable[[str], int] = states.precedence,
        setattr: Callable[[object, str, Any], None] = setattr,  # noqa: A002 - Celery's word
        task_event_to_state: Callable[[str], str | None] = STATE_OF.get,
        RETRY: str = states.RETRY,
    ) -> None:
        """Take in what was said; what happened before the present state only adds to it.

        Heirs that know more events pass what tells their states (`task_event_to_state`) and how
        these are ordered (`precedence`: the smaller, the later).
        """
        state = task_event_to_state(type_)
        if state is None:
            state = type_.upper()
        else:
            setattr(self, type_, timestamp)
        taken = dict(fields or {})
        is_late = precedence(state) > precedence(self.state)
        if is_late and RETRY not in (state, self.state):
            kept = self.merge_rules.get(state)
            taken = taken if kept is None else {k: v for k, v in taken.items() if k in kept}
        else:
            taken |= {"state": state, "timestamp": timestamp}
        self.__dict__.update(taken)

    def info(
        self, fields: Iterable[str] | None = None, extra: Iterable[str] = ()
    ) -> dict[str, Any]:
        """Return what is worth showing, of the fields asked for."""
        wanted = [*(_SHOWN if fields is None else fields), *extra]
        pairs = ((name, getattr(self, name, None)) for name in wanted)
        return {name: value for name, value in pairs if value is not None}

    def as_dict(self) -> dict[str, Any]:
        """Return all fields; relatives by their ids."""
        related = {
            "root": self.root_id,
            "parent": self.parent_id,
            "children": [task.id for task in self.children],
        }
        return {name: getattr(self, name) for name in FIELDS} | related

    @property
    def id(self) -> str | None:
        """The task's id."""
        return self.uuid

    @property
    def origin(self) -> str | None:
        """Where it was last heard of."""
        return self.client if self.worker is None else self.worker.id

    @property
    def ready(self) -> bool:
        """Whether it has ended."""
        return self.state in states.READY_STATES

    @property
    def parent(self) -> "Task | None":
        """The task that sent it, if it was seen."""
        return self._other(self.parent_id)

    @property
    def root(self) -> "Task | None":
        """The first task of its work-flow, if it was seen."""
        return self._other(self.root_id)

    @property
    def children(self) -> "set[Task]":
        """The tasks seen that it sent."""
        seen = self.cluster_state.tasks.values() if self.cluster_state else ()
        return {task for task in seen if task.parent_id == self.uuid}

    def _other(self, uuid: str | None) -> "Task | None":
        if uuid is None or self.cluster_state is None:
            return None
        return self.cluster_state.tasks.get(uuid)

    def __eq__(self, other: object) -> bool:
        """Compare by id."""
        return isinstance(other, Task) and self.uuid == other.uuid

    def __hash__(self) -> int:
        """Hash by id."""
        return hash(self.uuid)

    def __repr__(self) -> str:
        """Show name, id and state."""
        return R_TASK.format(self)
