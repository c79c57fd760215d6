"""A message and Celery's task message protocol 2, both ways; `protocol_1` reads the older one.

Reading is total: whatever stands in the table, the answer is a message or a ValueError, and that
is all a caller has to be ready for. Formats: Celery 5.7 task message protocol 2.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from .message import EMPTY, TaskMessage
from .payload import Payload

#: Every header of protocol 2 with the value it has when nothing is asked for.
DEFAULTS: Final[Mapping[str, Any]] = {
    "lang": "py",
    "task": None,
    "id": None,
    "shadow": None,
    "eta": None,
    "expires": None,
    "group": None,
    "group_index": None,
    "retries": 0,
    "timelimit": [None, None],
    "root_id": None,
    "parent_id": None,
    "argsrepr": "",
    "kwargsrepr": "",
    "origin": None,
    "ignore_result": False,
    "replaced_task_nesting": 0,
    "stamped_headers": None,
    "stamps": {},
}

#: Headers that a TaskMessage holds in fields of their own.
_FIELDS: Final = ("id", "task", "eta", "expires")

#: What is later read out of a header, so that nothing in one can surprise a worker.
_KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    "shadow": (str,),
    "group": (str,),
    "group_index": (int,),
    "retries": (int,),
    "root_id": (str,),
    "parent_id": (str,),
    "replaced_task_nesting": (int,),
    "stamped_headers": (list, tuple),
    "stamps": (Mapping,),
}

#: The longest time limit, in seconds: about 31 years, well within what a lock can wait for.
_LONGEST_LIMIT: Final = 1e9


def headers_of(message: TaskMessage) -> dict[str, Any]:
    """Return the full header table, every key that Celery reads present."""
    return {
        **DEFAULTS,
        "root_id": message.id,
        **message.headers,
        "id": message.id,
        "task": message.task,
        "eta": message.eta and message.eta.isoformat(),
        "expires": message.expires and message.expires.isoformat(),
    }


def properties_of(message: TaskMessage) -> dict[str, Any]:
    """Return the message properties beside the headers."""
    out = {"correlation_id": message.id, "delivery_mode": 2, **message.properties}
    out["priority"] = message.priority
    return out


def read(
    headers: Mapping[str, Any],
    properties: Mapping[str, Any],
    payload: Payload,
    *,
    queue: str = "",
    exchange: str = "",
    routing_key: str = "",
) -> TaskMessage:
    """Make a message of its header table. Raises ValueError saying what is wrong with it.

    A table without `task` gives a message without name and id: one of protocol 1, whose body says
    both. Whoever may decode that makes it whole (`protocol_1`); a worker does.
    """
    if "task" not in headers:
        task = id_ = ""
    else:
        task, id_ = _named(headers)
    return TaskMessage(
        id=id_,
        task=task,
        body=payload.data,
        content_type=payload.content_type,
        content_encoding=payload.content_encoding,
        queue=queue,
        exchange=exchange,
        routing_key=routing_key,
        priority=_priority(properties.get("priority")),
        eta=instant(headers.get("eta"), "eta"),
        expires=instant(headers.get("expires"), "expires"),
        headers=_sparse(headers, id_),
        properties=_own(properties, id_) or EMPTY,
    )


def _named(headers: Mapping[str, Any]) -> tuple[str, str]:
    task, id_ = headers["task"], headers.get("id")
    if not isinstance(task, str) or not task:
        raise ValueError(f"header 'task' is {task!r}: expected a task name")
    if not isinstance(id_, str) or not id_:
        raise ValueError(f"header 'id' is {id_!r}: expected a task id")
    return task, id_


def _sparse(headers: Mapping[str, Any], id_: str) -> Mapping[str, Any]:
    """Return the headers that say something, which is what `headers_of` will add again."""
    out = {
        name: value
        for name, value in headers.items()
        if name not in _FIELDS and not (name in DEFAULTS and value == DEFAULTS[name])
    }
    if out.get("root_id") == id_:
        del out["root_id"]
    for name in _KINDS.keys() & out.keys():
        if out[name] is not None and not isinstance(out[name], _KINDS[name]):
            expected = " or ".join(kind.__name__ for kind in _KINDS[name])
            raise ValueError(f"header {name!r} is {out[name]!r}: expected {expected}")
    if not _are_limits(out.get("timelimit")):
        raise ValueError(
            f"header 'timelimit' is {out['timelimit']!r}: expected [hard, soft] in seconds"
        )
    return out


def _are_limits(value: object) -> bool:
    if value is None:
        return True
    return (
        isinstance(value, list | tuple)
        and len(value) == 2
        and all(
            limit is None or (isinstance(limit, int | float) and 0 <= limit <= _LONGEST_LIMIT)
            for limit in value
        )
    )


def _own(properties: Mapping[str, Any], id_: str) -> dict[str, Any]:
    """Return the properties that say something, which is what `properties_of` will add again."""
    out = dict(properties)
    out.pop("priority", None)
    for name, usual in (("correlation_id", id_), ("delivery_mode", 2)):
        if out.get(name) == usual:
            del out[name]
    return out


def _priority(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value <= 255 else 0


def instant(value: object, name: str, naive: tzinfo = UTC) -> datetime | None:
    """Read a time of the protocol: ISO 8601, naive ones in the zone given. Raises ValueError."""
    if value is None:
        return None
    if isinstance(value, str):
        value = _parsed(value, name)
    if not isinstance(value, datetime):
        raise ValueError(
            f"header {name!r} is {value!r}: expected a time such as '2026-01-31T12:00Z'"
        )
    try:
        return (value if value.tzinfo else value.replace(tzinfo=naive)).astimezone(UTC)
    except OverflowError as broken:  # the first or last hours a date can hold, in another zone
        raise ValueError(f"header {name!r} is {value!r}: out of range in UTC") from broken


def _parsed(value: str, name: str) -> datetime:
    try:
        return datetime.fromisoformat(value)
    except (ValueError, OverflowError) as broken:
        raise ValueError(f"header {name!r} is {value!r}: not a time in ISO 8601") from broken
