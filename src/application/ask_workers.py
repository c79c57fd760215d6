"""Ask workers something and collect what they answer."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..domain.cluster.speech import BusMessage, ReplyAddress
from ..ports.bus import Bus
from ..ports.clock import Clock

#: Where commands are said, and where answers go to; the names are those of Celery's exchanges.
COMMANDS: Final = "celery.pidbox"
REPLIES: Final = "reply.celery.pidbox"


def tell(
    bus: Bus, method: str, arguments: Mapping[str, Any], destination: Sequence[str] | None
) -> None:
    """Say a command to the workers named, or to all."""
    bus.broadcast([BusMessage(COMMANDS, _request(method, arguments, destination))])


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
    mailbox = bus.open_mailbox(REPLIES)
    try:
        request = _request(method, arguments, destination, ticket, mailbox.address)
        bus.broadcast([BusMessage(COMMANDS, request)])
        ends = clock.monotonic() + timeout
        while expected is None or len(answers) < expected:
            left = ends - clock.monotonic()
            if left <= 0:
                break
            answers += [dict(answer.body) for answer in mailbox.receive(left)]
    finally:
        mailbox.close()
    return answers


def _request(
    method: str,
    arguments: Mapping[str, Any],
    destination: Sequence[str] | None,
    ticket: str | None = None,
    reply_to: ReplyAddress | None = None,
) -> dict[str, Any]:
    request = {
        "method": method,
        "arguments": dict(arguments),
        "destination": list(destination) if destination else None,
        "pattern": None,
        "matcher": None,
    }
    if reply_to is not None:
        address = {"exchange": reply_to.exchange, "routing_key": reply_to.routing_key}
        request |= {"ticket": ticket, "reply_to": address}
    return request
