"""The messages of calls in their parts, as protocols 2 and 1 have them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ...application.send import check_shape
from ...domain.messaging.compose import due, expiry
from ...domain.messaging.short_repr import short_repr


class TaskMessageParts(NamedTuple):
    """A message in its parts; one of protocol 1 has no headers, and a body of names."""

    headers: dict[str, Any]
    properties: dict[str, Any]
    body: Any
    sent_event: dict[str, Any] | None


def as_task_v1(
    task_id: str,
    name: str,
    args: Sequence[Any] | None,
    kwargs: Mapping[str, Any] | None,
    *,
    now: datetime,
    countdown: float | None = None,
    eta: Any = None,
    group_id: str | None = None,
    group_index: int | None = None,
    expires: Any = None,
    retries: int = 0,
    chord: Any = None,
    callbacks: Any = None,
    errbacks: Any = None,
    reply_to: str | None = None,
    time_limit: float | None = None,
    soft_time_limit: float | None = None,
    create_sent_event: bool = False,
    **_: Any,
) -> TaskMessageParts:
    """Return a message of protocol 1. What it knows no place for, such as `root_id`, is left out.

    Raises TypeError or ValueError for arguments and options that make no call.
    """
    args, kwargs = () if args is None else args, kwargs or {}
    check_shape(name, args, kwargs)
    begins, ends = due({"countdown": countdown, "eta": eta}, now), expiry(expires, now)
    body = {
        "task": name,
        "id": task_id,
        "args": args,
        "kwargs": kwargs,
        "group": group_id,
        "group_index": group_index,
        "retries": retries,
        "eta": begins and begins.isoformat(),
        "expires": ends and ends.isoformat(),
        "utc": True,
        "callbacks": callbacks,
        "errbacks": errbacks,
        "timelimit": (time_limit, soft_time_limit),
        "taskset": group_id,
        "chord": chord,
    }
    properties = {"correlation_id": task_id, "reply_to": reply_to or ""}
    return TaskMessageParts({}, properties, body, sent_event(body) if create_sent_event else None)


def sent_event(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of the event `task-sent`: of headers, or of a body of protocol 1."""
    event = {name: said[name] for name in ("root_id", "parent_id") if name in said}
    return event | {
        "uuid": said["id"],
        "name": said["task"],
        "args": said["argsrepr"] if "argsrepr" in said else short_repr(said["args"]),
        "kwargs": said["kwargsrepr"] if "kwargsrepr" in said else short_repr(said["kwargs"]),
        "retries": said["retries"],
        "eta": said["eta"],
        "expires": said["expires"],
    }


def as_protocol_2(message: TaskMessageParts) -> tuple[Mapping[str, Any], list[Any]]:
    """Return headers and body of a message as protocol 2 has them, whichever it is of."""
    if not isinstance(message.body, Mapping):
        return message.headers, list(message.body)
    said = dict(message.body)
    embed: dict[str, Any] = {name: said.pop(name) for name in ("callbacks", "errbacks", "chord")}
    args, kwargs = said.pop("args"), said.pop("kwargs")
    for name in ("utc", "taskset"):
        said.pop(name, None)
    said |= {"argsrepr": short_repr(tuple(args)), "kwargsrepr": short_repr(dict(kwargs))}
    said["timelimit"] = list(said["timelimit"])
    return {**said, **message.headers}, [list(args), dict(kwargs), {**embed, "chain": None}]
