"""Records as the documents that backends written for Celery keep, both ways.

A backend encodes what it is given by itself, so that values travel decoded here.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Final

from ...domain.messaging.payload import Codec, Payload
from ...domain.messaging.short_repr import short_repr
from ...domain.tasks import states
from ...domain.tasks.failures import describe
from ...domain.tasks.result_record import Extended, GroupRecord, ResultRecord

#: What a request of Celery's has, though nothing may be known of it here.
_OF_REQUESTS: Final = frozenset(
    "args argsrepr callbacks called_directly chain children chord correlation_id delivery_info "
    "errbacks eta expires group group_index headers hostname id ignore_result is_eager kwargs "
    "kwargsrepr logfile loglevel origin parent_id properties replaced_task_nesting reply_to "
    "retries root_id shadow stamped_headers stamps task taskset timelimit utc".split()
)


class StoredRequest(SimpleNamespace):
    """The request of a task as far as its record tells of it; what it does not is None.

    What requests do not have of themselves is missing, as in Celery: backends ask for it with a
    default (`getattr(request, "meta", {})`).
    """

    def __getattr__(self, name: str) -> Any:
        """Return None for what is not known."""
        if name not in _OF_REQUESTS:
            raise AttributeError(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return what is known, or the default."""
        return getattr(self, name, default)


class SavedGroup:
    """The result of a group as a backend gets it to be saved."""

    def __init__(self, group: GroupRecord, revived: Callable[[Any], Any]) -> None:
        """Show this group; what else is asked of it is asked of the result that `revived` makes."""
        self.id, self.date_done = group.group_id, group.date_done
        self._kept, self._revived = group.result, revived

    def as_tuple(self) -> Any:
        """Return it as data."""
        return self._kept

    def __getattr__(self, name: str) -> Any:
        """Ask the result."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._revived(self._kept), name)


def value_of(record: ResultRecord, codec: Codec) -> Any:
    """Return what a record holds: a value, or the description of an exception."""
    return None if record.result is None else codec.decode(record.result)


def request_of(record: ResultRecord, codec: Codec) -> StoredRequest:
    """Return the request that a backend may look at while it stores a record."""
    extended = record.extended or Extended()
    args, kwargs = _decoded(extended.args, codec), _decoded(extended.kwargs, codec)
    own = {k: v for k, v in (extended.headers or {}).items() if k not in _OF_REQUESTS}
    known = {
        "id": record.task_id,
        "children": list(record.children),
        "group": record.group_id,
        "parent_id": record.parent_id,
        "task": extended.name,
        "name": extended.name,
        "args": args,
        "kwargs": kwargs,
        "argsrepr": None if args is None else short_repr(tuple(args)),
        "kwargsrepr": None if kwargs is None else short_repr(kwargs),
        "hostname": extended.worker,
        "retries": extended.retries,
        "delivery_info": {"routing_key": extended.queue},
        "stamped_headers": extended.stamped_headers,
        "stamps": extended.stamps,
        "extended": record.extended is not None,
        "date_done": record.date_done,
    }
    return StoredRequest(**{**own, **known})


def record_of(
    task_id: str, meta: Mapping[str, Any] | None, codec: Codec, serializer: str
) -> ResultRecord | None:
    """Return the record of a document; None: it says that nothing is kept."""
    state = (meta or {}).get("status")
    if meta is None or state is None or (state == states.PENDING and not meta.get("date_done")):
        return None
    value = meta.get("result")
    if isinstance(value, BaseException):
        value = describe(value)
    nothing = value is None and state in states.READY_STATES and "result" not in meta
    return ResultRecord(
        task_id=task_id,
        state=str(state),
        result=None if nothing else codec.encode(value, serializer),
        traceback=meta.get("traceback"),
        children=tuple(_as_tuple(child) for child in meta.get("children") or ()),
        date_done=moment(meta.get("date_done")) if state in states.READY_STATES else None,
        group_id=meta.get("group_id"),
        parent_id=meta.get("parent_id"),
        extended=_extended(meta, codec, serializer),
    )


def moment(value: Any) -> datetime | None:
    """Return an instant that is kept as a text or as it is; naive ones are UTC."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _extended(meta: Mapping[str, Any], codec: Codec, serializer: str) -> Extended | None:
    if not any(meta.get(name) is not None for name in ("name", "args", "kwargs", "worker")):
        return None
    stamped = meta.get("stamped_headers")
    return Extended(
        name=meta.get("name"),
        args=_encoded(meta.get("args"), codec, serializer),
        kwargs=_encoded(meta.get("kwargs"), codec, serializer),
        worker=meta.get("worker"),
        retries=meta.get("retries"),
        queue=meta.get("queue"),
        stamped_headers=tuple(stamped) if stamped else None,
        stamps=meta.get("stamps") or None,
    )


def _decoded(payload: Payload | None, codec: Codec) -> Any:
    return None if payload is None else codec.decode(payload)


def _encoded(value: Any, codec: Codec, serializer: str) -> Payload | None:
    return None if value is None else codec.encode(value, serializer)


def _as_tuple(child: Any) -> Any:
    made = getattr(child, "as_tuple", None)
    return made() if made else child
