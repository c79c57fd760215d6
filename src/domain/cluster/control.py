"""Remote control as data: requests, who they are for, and replies, in Celery's words.

Reading is total: whatever stands in a body, the answer is a request or None.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, Final

from .speech import BusMessage, ReplyAddress

#: How the nodes that a `pattern` means are found.
MATCHERS: Final = ("glob", "pcre")


@dataclass(frozen=True, slots=True)
class Request:
    """A command to workers. Without destination and pattern it is for all of them."""

    method: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    destination: Sequence[str] | None = None
    pattern: str | None = None
    matcher: str | None = None
    ticket: str | None = None
    reply_to: ReplyAddress | None = None


def commands_channel(namespace: str) -> str:
    """Return where commands are said; `namespace` is the setting `control_exchange`."""
    return f"{namespace}.pidbox"


def replies_exchange(namespace: str) -> str:
    """Return the exchange of replies."""
    return f"reply.{namespace}.pidbox"


def request_message(
    request: Request, channel: str, *, clock: int, expires: float = 0
) -> BusMessage:
    """Return a request as it is said; `expires` is unix seconds, 0 for never."""
    body: dict[str, Any] = {
        "method": request.method,
        "arguments": dict(request.arguments),
        "destination": None if request.destination is None else list(request.destination),
        "pattern": request.pattern,
        "matcher": request.matcher,
    }
    if request.reply_to is not None:
        body["ticket"] = request.ticket
        body["reply_to"] = {
            "exchange": request.reply_to.exchange,
            "routing_key": request.reply_to.routing_key,
        }
    return BusMessage(channel, body, headers={"clock": clock, "expires": expires})


def request_in(body: Any) -> Request | None:
    """Return the request in the body of a message, None if there is none."""
    if not isinstance(body, Mapping) or not isinstance(body.get("method"), str):
        return None
    arguments, destination = body.get("arguments") or {}, body.get("destination") or None
    if not isinstance(arguments, Mapping) or not _is_list_of_names(destination):
        return None
    return Request(
        body["method"],
        arguments,
        destination,
        _text(body.get("pattern")),
        _text(body.get("matcher")),
        _text(body.get("ticket")),
        _address(body.get("reply_to")),
    )


def is_addressed(request: Request, node: str) -> bool:
    """Tell whether a request is for a node. Raises ValueError for a matcher nobody knows."""
    if request.destination:
        return node in request.destination
    if request.pattern and request.matcher:
        return matches(node, request.pattern, request.matcher)
    return True


def matches(node: str, pattern: str, matcher: str = "glob") -> bool:
    """Tell whether a node's name matches a pattern. Raises ValueError saying what is known."""
    match matcher:
        case "glob":
            return fnmatchcase(node, pattern)
        case "pcre":
            try:
                return re.match(pattern, node) is not None
            except re.error as broken:
                raise ValueError(
                    f"pattern {pattern!r} is no regular expression: {broken}"
                ) from None
        case _:
            known = " or ".join(MATCHERS)
            raise ValueError(f"matcher={matcher!r}: expected {known}")


def reply_message(node: str, answer: Any, request: Request, *, clock: int) -> BusMessage:
    """Return what a node answers, made such that JSON can say it."""
    headers = {"ticket": request.ticket, "clock": clock}
    return BusMessage("", {node: jsonable(answer)}, headers=headers)


def answers_in(said: Iterable[BusMessage], ticket: str) -> list[dict[str, Any]]:
    """Return the answers to one ticket; others were for somebody who has stopped waiting."""
    return [
        dict(message.body)
        for message in said
        if message.headers.get("ticket", ticket) == ticket and isinstance(message.body, Mapping)
    ]


def jsonable(value: Any) -> Any:
    """Return a value as JSON can say it: dates as ISO texts, what it cannot say as its repr."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if value - value == 0 else repr(value)
        case Mapping():
            return {str(key): jsonable(entry) for key, entry in value.items()}
        case list() | tuple():
            return [jsonable(entry) for entry in value]
        case datetime():
            return value.isoformat()
        case _:
            return _shown(value)


def _shown(value: object) -> str:
    try:
        return repr(value)
    except Exception as broken:
        return f"<{type(value).__name__}: its repr raised {type(broken).__name__}>"


def _is_list_of_names(value: Any) -> bool:
    return value is None or (
        isinstance(value, list | tuple) and all(isinstance(name, str) for name in value)
    )


def _address(value: Any) -> ReplyAddress | None:
    if not isinstance(value, Mapping):
        return None
    exchange, key = value.get("exchange"), value.get("routing_key")
    if not isinstance(exchange, str) or not isinstance(key, str):
        return None
    return ReplyAddress(exchange, key)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
