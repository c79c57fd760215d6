"""`celery.worker.strategy`: messages of older protocols as those of today's.

The usual strategy is refused if called: messages of ordinary tasks are the worker's.
"""

from collections.abc import Mapping
from typing import Any, Final

from ...domain.errors import InvalidTaskError, NotSupported
from ...domain.messaging.short_repr import short_repr
from ..library.task_shape import NO_STRATEGIES

__all__ = ["default", "hybrid_to_proto2", "proto1_to_proto2"]

#: What a message of protocol 2 says in its headers, and what is meant by one that does not.
_HEADERS: Final[Mapping[str, Any]] = {
    "lang": None,
    "task": None,
    "id": None,
    "root_id": None,
    "parent_id": None,
    "group": None,
    "meth": None,
    "shadow": None,
    "eta": None,
    "expires": None,
    "retries": 0,
    "timelimit": (None, None),
    "argsrepr": None,
    "kwargsrepr": None,
    "origin": None,
}

#: Arguments and what travels with them, the headers, whether the body was decoded, and whether
#: its times are in UTC.
Read = tuple[tuple[Any, Any, dict[str, Any]], dict[str, Any], bool, bool]


def proto1_to_proto2(message: Any, body: dict[str, Any]) -> Read:
    """Return the parts of a message of protocol 1, given its decoded body, which is added to.

    Raises InvalidTaskError for keyword arguments that are none.
    """
    parts = _parts(body)
    body |= {
        "argsrepr": short_repr(parts[0]),
        "kwargsrepr": short_repr(parts[1]),
        "headers": message.headers,
    }
    if "taskset" in body:
        body["group"] = body["taskset"]
    return parts, body, True, body.get("utc", True)


def hybrid_to_proto2(message: Any, body: Mapping[str, Any]) -> Read:
    """Return the parts of a message whose headers may say what its body, of protocol 1, does not.

    Raises InvalidTaskError for keyword arguments that are none.
    """
    parts = _parts(body)
    said = {name: body.get(name, unsaid) for name, unsaid in _HEADERS.items()}
    return parts, {**said, **message.headers}, True, body.get("utc", True)


def _parts(body: Any) -> tuple[Any, Any, dict[str, Any]]:
    try:
        args, kwargs = body.get("args", ()), body.get("kwargs", {})
        _ = kwargs.items
    except AttributeError:
        raise InvalidTaskError(
            "expected a body like {'task': …, 'args': […], 'kwargs': {…}} of protocol 1"
        ) from None
    embed = {name: body.get(name) for name in ("callbacks", "errbacks", "chord")}
    return args, kwargs, {**embed, "chain": None}


def default(task: Any, app: Any, consumer: Any, **kwargs: Any) -> Any:
    """Refuse. Raises NotSupported: there is no function that is given a task's messages."""
    raise NotSupported(f"{getattr(task, 'name', task)}: {NO_STRATEGIES}")
