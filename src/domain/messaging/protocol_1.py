"""Messages whose body is a mapping: Celery's protocol 1, and hybrids of it with protocol 2.

They are turned into messages of protocol 2 as soon as somebody may decode their body, so that
nothing beyond has to know of them. What must stay true: only messages that cannot be of protocol 2
are looked into; whatever stands in one, the answer is a message or a ValueError.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo
from typing import Any, Final

from .message import TaskMessage
from .payload import Payload
from .protocol import DEFAULTS, instant, read
from .short_repr import short_repr

#: What the body says that protocol 2 says in headers.
_HEADERS: Final = (*(DEFAULTS.keys() - {"stamps", "stamped_headers"}), "meth")
_DATES: Final = ("eta", "expires")
_FRAME: Final = b"\x95"
_MAPPINGS_IN_MSGPACK: Final = frozenset((*range(0x80, 0x90), 0xDE, 0xDF))

#: Makes the payload of a value in the format of a content type.
Encode = Callable[[Any, str], Payload]


def is_whole(message: TaskMessage) -> bool:
    """Tell whether a message is as protocol 2 has it, as far as a look at its first bytes tells.

    A hybrid that is compressed or signed is not seen, and refused where its body is read.
    """
    if not message.task:
        return False
    return message.body[:1] == b"[" or not _begins_as_mapping(message)


def made_whole(
    message: TaskMessage, value: object, encode: Encode, local: tzinfo = UTC
) -> TaskMessage:
    """Return a message as protocol 2 has it, given its decoded body.

    `local` is the zone of dates that name none where the body says `utc: false`. A message with a
    name, whose body is no mapping with arguments, is returned as it is. Raises ValueError.
    """
    if message.task and not (isinstance(value, Mapping) and "args" in value):
        return message
    if not isinstance(value, Mapping) or not isinstance(value.get("task", message.task), str):
        raise ValueError("its headers name no task, and its body is no mapping that does")
    args, kwargs = value.get("args") or (), value.get("kwargs") or {}
    if not isinstance(args, list | tuple) or not isinstance(kwargs, Mapping):
        raise ValueError("its args are no list, or its kwargs no mapping")
    embed = {name: value.get(name) for name in ("callbacks", "errbacks", "chord")}
    body = encode([list(args), dict(kwargs), {**embed, "chain": None}], message.content_type)
    said = _said(message, value, local)
    said.setdefault("argsrepr", short_repr(tuple(args)))
    said.setdefault("kwargsrepr", short_repr(dict(kwargs)))
    return read(
        said,
        {**message.properties, "priority": message.priority},
        body,
        queue=message.queue,
        exchange=message.exchange,
        routing_key=message.routing_key,
    )


def _said(message: TaskMessage, value: Mapping[str, Any], local: tzinfo) -> dict[str, Any]:
    """Return the headers: real ones win where they name a task, else the body does."""
    body = {name: value[name] for name in _HEADERS if value.get(name) is not None}
    zone = UTC if value.get("utc", True) else local
    for name in _DATES:
        if name in body:
            body[name] = instant(body[name], name, zone)
    real = {name: what for name, what in message.headers.items() if name != "compression"}
    if not message.task:
        if "taskset" in value:
            body["group"] = value["taskset"]
        return {**real, **body, "task": value.get("task"), "id": value.get("id")}
    own = {"eta": message.eta, "expires": message.expires}
    dates = {name: moment for name, moment in own.items() if moment is not None}
    return {**body, **real, **dates, "task": message.task, "id": message.id}


def _begins_as_mapping(message: TaskMessage) -> bool:
    body = message.body
    if message.headers.get("compression") or not body:
        return False
    match message.content_type:
        case "application/json":
            return body[:1] == b"{" or body.lstrip()[:1] == b"{"
        case "application/x-yaml":
            return body[:1] not in (b"-", b"[")
        case "application/x-msgpack":
            return body[0] in _MAPPINGS_IN_MSGPACK
        case "application/x-python-serialize":
            # The protocol's number stands first, and since the fourth the length of a frame.
            first = 11 if body[2:3] == _FRAME else 2
            return body[first : first + 1] == b"}"
        case _:
            return False
