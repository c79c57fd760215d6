"""Ask workers something and collect what they answer."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..ports.bus import Bus
from ..ports.clock import Clock

#: Where commands are said; the name is Celery's pidbox exchange.
COMMANDS: Final = "celery.pidbox"
#: Where answers are said: this and the ticket.
REPLIES: Final = "reply.celery.pidbox."


def tell(
    bus: Bus, method: str, arguments: Mapping[str, Any], destination: Sequence[str] | None
) -> None:
    """Say a command to the workers named, or to all."""
    bus.broadcast(COMMANDS, [_request(method, arguments, destination, None)])


def ask(
    bus: Bus,
    clock: Clock,
    ticket: str,
    method: str,
    arguments: Mapping[str, Any],
    destination: Sequence[str] | None,
    timeout: float,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """Say a command and return the answers that come within `timeout` seconds.

    Returns earlier when as many have answered as were named, or as `limit` says.
    """
    expected = limit or (len(destination) if destination else None)
    answers: list[dict[str, Any]] = []
    ear = bus.subscribe([REPLIES + ticket])
    try:
        bus.broadcast(COMMANDS, [_request(method, arguments, destination, ticket)])
        ends = clock.monotonic() + timeout
        while expected is None or len(answers) < expected:
            left = ends - clock.monotonic()
            if left <= 0:
                break
            answers += [dict(answer) for _, answer in ear.receive(left)]
    finally:
        ear.close()
    return answers


def _request(
    method: str,
    arguments: Mapping[str, Any],
    destination: Sequence[str] | None,
    ticket: str | None,
) -> dict[str, Any]:
    return {
        "method": method,
        "arguments": dict(arguments),
        "destination": list(destination) if destination else None,
        "pattern": None,
        "matcher": None,
        "ticket": ticket,
        "reply_to": ticket and {"exchange": "reply.celery.pidbox", "routing_key": ticket},
    }
