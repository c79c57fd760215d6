"""From a call to the message that carries it: options merged, routed, dated, encoded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ..tasks.options import merged
from .message import EMPTY, PERSISTENT, TaskMessage
from .payload import Codec
from .routing import Router
from .short_repr import short_repr

NO_EMBED: Final = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}

#: Options that have become something else than a property when the message is made.
_CONSUMED: Final = frozenset(
    "task_id countdown eta expires retries queue exchange exchange_type routing_key priority "
    "serializer compression headers link link_error chain chord group_id group_index root_id "
    "parent_id time_limit soft_time_limit ignore_result shadow origin argsrepr kwargsrepr "
    "replaced_task_nesting stamps stamped_headers correlation_id delivery_mode reply_to "
    "connection producer publisher retry retry_policy add_to_parent task_type immediate "
    "mandatory".split()
)

#: How it may be asked for that a message survives a restart of its broker, or need not.
_MODES: Final = {1: 1, 2: PERSISTENT, "transient": 1, "persistent": PERSISTENT}

_HEADER_OPTIONS: Final = (
    ("shadow", "shadow"),
    ("group_id", "group"),
    ("group_index", "group_index"),
    ("retries", "retries"),
    ("root_id", "root_id"),
    ("parent_id", "parent_id"),
    ("ignore_result", "ignore_result"),
    ("replaced_task_nesting", "replaced_task_nesting"),
)


@dataclass(frozen=True, slots=True)
class Sender:
    """What a process knows of itself when it sends: the same for all its messages."""

    router: Router
    codec: Codec
    origin: str
    reply_to: str | None = None
    serializer: str = "json"
    compression: str | None = None
    default_priority: int | None = None
    ignore_result: bool = False
    repr_maxlevels: int = 3
    delivery_mode: int = PERSISTENT


def compose(
    task: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    options: Mapping[str, Any],
    sender: Sender,
    *,
    now: datetime,
    new_id: str,
) -> TaskMessage:
    """Make the message of a call. `new_id` is used unless the options name a `task_id`.

    Raises EncodeError when the arguments cannot be encoded, ValueError for options that make no
    sense, QueueNotFound when there is nowhere to send it.
    """
    route = sender.router.route(task, args, kwargs, options)
    if route.extra:
        options = merged(route.extra, options)
    payload = sender.codec.encode(
        [list(args), dict(kwargs), embed_of(options)],
        options.get("serializer") or sender.serializer,
        options.get("compression") or sender.compression,
    )
    headers = _headers(args, kwargs, options, sender)
    expires = expiry(options.get("expires"), now)
    if payload.compression:
        headers["compression"] = payload.compression
    id_ = options.get("task_id") or new_id
    return TaskMessage(
        id=id_,
        task=task,
        body=payload.data,
        content_type=payload.content_type,
        content_encoding=payload.content_encoding,
        queue=route.queue,
        exchange=route.exchange,
        routing_key=route.routing_key,
        priority=_priority(options.get("priority"), sender.default_priority),
        eta=due(options, now),
        expires=expires,
        headers=headers,
        properties=_properties(options, sender, expires, now),
    )


def embed_of(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what travels beside the arguments: who is called with the result."""
    if not options:
        return NO_EMBED
    link, link_error = options.get("link"), options.get("link_error")
    chain, chord = options.get("chain"), options.get("chord")
    if link is None and link_error is None and chain is None and chord is None:
        return NO_EMBED
    return {
        "callbacks": _listed(link),
        "errbacks": _listed(link_error),
        "chain": list(chain) if chain is not None else None,
        "chord": chord,
    }


def due(options: Mapping[str, Any], now: datetime) -> datetime | None:
    """Return when a call may run at the earliest: `now` + `countdown`, or `eta`; None: at once."""
    countdown = options.get("countdown")
    if countdown is not None:
        return _later("countdown", countdown, now)
    eta = options.get("eta")
    return None if eta is None else _utc("eta", eta)


def expiry(value: object, now: datetime) -> datetime | None:
    """Return when a call is worth nothing any more: a moment, or `now` + a number of seconds."""
    if value is None:
        return None
    if isinstance(value, int | float | timedelta):
        return _later("expires", value, now)
    return _utc("expires", value)


def delivery_mode(asked: object, default: int = PERSISTENT) -> int:
    """Return the number of a delivery mode. Raises ValueError for what is none."""
    if not asked:
        return default
    mode = _MODES.get(asked) if isinstance(asked, int | str) else None
    if mode is None:
        raise ValueError(
            f"delivery_mode={asked!r}: expected 1 or 'transient' for a message that a restart of "
            "the broker may lose, 2 or 'persistent' for one that it keeps"
        )
    return mode


def _later(name: str, value: object, now: datetime) -> datetime:
    try:
        return now + _seconds(name, value)
    except OverflowError as broken:
        raise ValueError(f"{name}={value!r}: leads beyond what a date can hold") from broken


def _seconds(name: str, value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name}={value!r}: expected a number of seconds, such as 30.0")
    try:
        return timedelta(seconds=value)
    except (OverflowError, ValueError) as broken:
        raise ValueError(
            f"{name}={value!r}: not a number of seconds that a date can hold"
        ) from broken


def _utc(name: str, value: object) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as broken:
            raise ValueError(f"{name}={value!r}: expected a datetime or ISO 8601") from broken
    if not isinstance(value, datetime):
        raise ValueError(f"{name}={value!r}: expected a datetime")
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError as broken:
        raise ValueError(f"{name}={value!r}: out of range in UTC") from broken


def _priority(asked: object, default: int | None) -> int:
    if asked is None:
        return default or 0
    if isinstance(asked, bool) or not isinstance(asked, int) or not 0 <= asked <= 255:
        raise ValueError(f"priority={asked!r}: expected an integer from 0 to 255, larger is sooner")
    return asked


def _headers(
    args: Sequence[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any], sender: Sender
) -> dict[str, Any]:
    out: dict[str, Any] = {
        "argsrepr": options.get("argsrepr") or short_repr(tuple(args), sender.repr_maxlevels),
        "kwargsrepr": options.get("kwargsrepr")
        or (short_repr(dict(kwargs), sender.repr_maxlevels) if kwargs else "{}"),
        "origin": options.get("origin") or sender.origin,
    }
    if not options and not sender.ignore_result:
        return out
    for option, header in _HEADER_OPTIONS:
        value = options.get(option)
        if value:
            out[header] = value
    if options.get("group_index") == 0:
        out["group_index"] = 0
    if sender.ignore_result and options.get("ignore_result") is None:
        out["ignore_result"] = True
    elif options.get("ignore_result", False) is None:
        out["ignore_result"] = None  # whoever runs it knows the task
    if options.get("stamped_headers"):
        out["stamped_headers"] = list(options["stamped_headers"])
        out["stamps"] = _stamps(options)
    hard, soft = options.get("time_limit"), options.get("soft_time_limit")
    if hard is not None or soft is not None:
        out["timelimit"] = [hard, soft]
    if options.get("headers"):
        out.update(options["headers"])
    return out


def _stamps(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stamps: options of their own, as in Celery's signatures, or all in one."""
    given = options.get("stamps") or {}
    names = options["stamped_headers"]
    return {name: options.get(name, given.get(name)) for name in names}


def _properties(
    options: Mapping[str, Any], sender: Sender, expires: datetime | None, now: datetime
) -> Mapping[str, Any]:
    if not options and sender.delivery_mode == PERSISTENT:
        return {"reply_to": sender.reply_to} if sender.reply_to else EMPTY
    stamps = options.get("stamped_headers") or ()
    out = {n: options[n] for n in options if n not in _CONSUMED and n not in stamps}
    if expires is not None:
        # Milliseconds, as brokers that drop such messages by themselves are told.
        out["expiration"] = str(max(0, int((expires - now).total_seconds() * 1000)))
    if options.get("correlation_id"):
        out["correlation_id"] = options["correlation_id"]
    mode = delivery_mode(options.get("delivery_mode"), sender.delivery_mode)
    if mode != PERSISTENT:  # which goes without saying
        out["delivery_mode"] = mode
    reply_to = options.get("reply_to") or sender.reply_to
    if reply_to:
        out["reply_to"] = reply_to
    return out or EMPTY


def _listed(links: Any) -> list[Any] | None:
    if links is None:
        return None
    if isinstance(links, list | tuple):
        return list(links)
    return [links]
