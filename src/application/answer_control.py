"""Listen for remote control and answer it. The commands themselves are few as yet."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from ..domain.cluster.speech import BusMessage, ReplyAddress, Topic
from ..domain.errors import BrokerUnavailable
from ..ports.bus import Bus, Subscription
from ..ports.clock import Clock
from .ask_workers import COMMANDS
from .work import Worker

logger = logging.getLogger("celeriac.worker")

#: How long one look at the bus waits, in seconds.
LOOK_SECONDS: Final = 5.0

Command = Callable[[Mapping[str, Any]], Any]


class Answering:
    """Answers remote control for one worker, on a thread of its own."""

    def __init__(self, worker: Worker, bus: Bus, clock: Clock, node: str) -> None:
        """Answer as `node`."""
        self._worker, self._bus, self._clock, self._node = worker, bus, clock, node
        self._ear: Subscription | None = None
        self._over = threading.Event()
        self.commands: dict[str, Command] = {
            "ping": lambda arguments: {"ok": "pong"},
            "revoke": self._revoke,
            "terminate": lambda arguments: self._revoke({**arguments, "terminate": True}),
            "shutdown": self._shutdown,
        }
        self._thread = threading.Thread(target=self._listen, name="celeriac-control", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self._over.set()
        if self._ear is not None:
            self._ear.close()
        self._thread.join(LOOK_SECONDS + 1)

    def _listen(self) -> None:
        pause = 0.1
        while not self._over.is_set():
            try:
                if self._ear is None:
                    self._ear = self._bus.subscribe([Topic(COMMANDS)])
                for said in self._ear.receive(LOOK_SECONDS):
                    self._answer(said.body)
                pause = 0.1
            except BrokerUnavailable as away:
                logger.debug("remote control waits for the store: %s", away)
                self._over.wait(pause)
                pause = min(2.0, pause * 2)
            except Exception:
                logger.exception("a remote control message could not be handled")

    def _answer(self, request: Mapping[str, Any]) -> None:
        destination = request.get("destination")
        if destination and self._node not in destination:
            return
        command = self.commands.get(str(request.get("method")))
        try:
            answer = command(request.get("arguments") or {}) if command else _unknown(request)
        except Exception as broken:
            logger.exception("remote control command %s failed", request.get("method"))
            answer = {"error": repr(broken)}
        to = request.get("reply_to")
        if to:
            ticket = {"ticket": request.get("ticket")}
            said = BusMessage("", {self._node: answer}, headers=ticket)
            self._bus.reply(ReplyAddress(to["exchange"], to["routing_key"]), [said])

    def _revoke(self, arguments: Mapping[str, Any]) -> dict[str, str]:
        asked = arguments.get("task_id") or []
        ids = [asked] if isinstance(asked, str) else [str(id_) for id_ in asked]
        terminate = bool(arguments.get("terminate"))
        clock = self._clock
        self._worker.ask(
            lambda core: core.revoke(ids, clock.now(), clock.monotonic(), terminate=terminate)
        )
        return {"ok": f"tasks {', '.join(ids)} flagged as revoked"}

    def _shutdown(self, arguments: Mapping[str, Any]) -> None:
        logger.warning("shutdown asked for by remote control")
        self._worker.stop()


def _unknown(request: Mapping[str, Any]) -> dict[str, str]:
    return {"error": repr(KeyError(request.get("method")))}
