"""Ask workers something and collect what they answer."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ..domain.cluster.control import (
    Request,
    answers_in,
    commands_channel,
    replies_exchange,
    request_message,
)
from ..domain.cluster.logical_clock import LogicalClock
from ..ports.bus import Bus
from ..ports.clock import Clock

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asking:
    """Speaks to the workers of one namespace, the setting `control_exchange`."""

    bus: Bus
    clock: Clock
    logical: LogicalClock
    namespace: str = "celery"

    def tell(self, request: Request) -> None:
        """Say a command; nobody answers."""
        self._say(request, 0)

    def ask(
        self,
        request: Request,
        ticket: str,
        timeout: float | None = 1.0,
        limit: int | None = None,
        callback: Callable[[Answer], object] | None = None,
    ) -> list[Answer]:
        """Say a command and return the answers: `[{node: answer}, …]`.

        Ends when so many have answered as were named, or as `limit` says, else when for `timeout`
        seconds nobody did. `callback` gets each answer as it comes. A timeout of None waits for
        as many as are expected, however long that takes.
        """
        expected = limit or (len(request.destination) if request.destination else None)
        answers: list[Answer] = []
        mailbox = self.bus.open_mailbox(replies_exchange(self.namespace))
        try:
            self._say(replace(request, ticket=ticket, reply_to=mailbox.address), timeout or 0)
            ends = self._ends(timeout)
            while expected is None or len(answers) < expected:
                left = ends - self.clock.monotonic()
                if left <= 0:
                    break
                said = mailbox.receive(min(left, _LOOK_SECONDS))
                for message in said:
                    self.logical.adjust(message.headers.get("clock"))
                found = answers_in(said, ticket)
                if found:
                    ends = self._ends(timeout)
                for answer in found:
                    if callback is not None:
                        callback(answer)
                answers += found
        finally:
            mailbox.close()
        return answers

    def _ends(self, timeout: float | None) -> float:
        return float("inf") if timeout is None else self.clock.monotonic() + timeout

    def _say(self, request: Request, timeout: float) -> None:
        expires = self.clock.now().timestamp() + timeout if timeout else 0
        channel = commands_channel(self.namespace)
        clock = self.logical.forward()
        self.bus.broadcast([request_message(request, channel, clock=clock, expires=expires)])


#: How long one look into the mailbox waits at most, in seconds.
_LOOK_SECONDS = 60.0
