"""Listen for remote control and answer it; with gossip, by the same ear to the other workers.

What must stay true: whatever is said on the channel, the worker lives on and listens.
"""

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from ..domain.cluster.control import (
    Request,
    commands_channel,
    is_addressed,
    reply_message,
    request_in,
)
from ..domain.cluster.logical_clock import LogicalClock
from ..domain.cluster.speech import BusMessage, Topic
from ..domain.errors import BrokerUnavailable
from ..ports.bus import Bus, Subscription
from .commands import Node, Panel
from .watch_neighbours import Gossip

logger = logging.getLogger("celeriac.worker")

#: How long one look at the bus waits, in seconds.
LOOK_SECONDS: Final = 5.0
#: First and longest pause while the store is away, in seconds.
PAUSE_SECONDS: Final = (0.1, 2.0)


class Hearing(ABC):
    """Hears what is asked of one node, on a thread of its own."""

    #: The longest pause while the store is away, and how long the end may take, in seconds.
    retry_interval: float = PAUSE_SECONDS[1]
    join_timeout: float = LOOK_SECONDS + 1

    def __init__(self, hostname: str, bus: Bus, namespace: str, logical: LogicalClock) -> None:
        """Hear for this node; `namespace` is the setting `control_exchange`."""
        self._hostname, self._bus, self._logical = hostname, bus, logical
        self._channel = commands_channel(namespace)
        self._topics: Sequence[Topic] = [Topic(self._channel)]
        self._ear: Subscription | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="celeriac-control", daemon=True)

    def start(self) -> None:
        """Begin to listen: what is said from now on is answered."""
        with suppress(BrokerUnavailable):  # the thread will go on trying
            self._ear = self._bus.subscribe(self._topics)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self._over.set()
        if self._ear is not None:
            self._ear.close()
        self._thread.join(self.join_timeout)

    def _listen(self) -> None:
        pause = PAUSE_SECONDS[0]
        while not self._over.is_set():
            try:
                if self._ear is None:
                    self._ear = self._bus.subscribe(self._topics)
                for said in self._ear.receive(LOOK_SECONDS):
                    self._hear(said)
                self._look_around()
                pause = PAUSE_SECONDS[0]
            except BrokerUnavailable as away:
                logger.debug("remote control waits for the store: %s", away)
                self._over.wait(pause)
                pause = min(self.retry_interval, pause * 2)
            except Exception:
                logger.exception("remote control failed in a way that was not foreseen")
                self._over.wait(pause)

    def _hear(self, said: BusMessage) -> None:
        self.answer(said)

    @abstractmethod
    def _look_around(self) -> None:
        """Do what is to be done between two looks at the bus."""

    def answer(self, said: BusMessage) -> None:
        """Carry out a command if it is for this node, and reply if that is wanted."""
        self._logical.adjust(said.headers.get("clock"))
        request = request_in(said.body)
        if request is None:
            logger.warning("remote control: passed over what is no request: %.200r", said.body)
            return
        try:
            meant = is_addressed(request, self._hostname)
        except ValueError as wrong:
            logger.warning("remote control: passed over %s: %s", request.method, wrong)
            return
        if meant:
            self._carry_out(request)

    @abstractmethod
    def _carry_out(self, request: Request) -> None:
        """Do what is asked for, and reply if that is wanted."""

    def _reply(self, request: Request, answer: Any) -> None:
        if request.reply_to is not None:
            clock = self._logical.forward()
            reply = reply_message(self._hostname, answer, request, clock=clock)
            self._bus.reply(request.reply_to, [reply])


class Answering(Hearing):
    """Answers remote control for one worker."""

    def __init__(self, node: Node, bus: Bus, namespace: str, gossip: Gossip | None = None) -> None:
        """Answer as this node; `namespace` is the setting `control_exchange`."""
        super().__init__(node.hostname, bus, namespace, node.logical)
        self._node, self._gossip = node, gossip
        if gossip is not None:
            self._topics = [*self._topics, gossip.topic]

    def _hear(self, said: BusMessage) -> None:
        if self._gossip is not None and said.channel != self._channel:
            self._gossip.hear(said)
        else:
            self.answer(said)

    def _look_around(self) -> None:
        if self._gossip is not None:
            self._gossip.look()

    def _carry_out(self, request: Request) -> None:
        try:
            answer = self._answer(request)
        except SystemExit:
            self._node.worker.stop()
            return
        self._reply(request, answer)

    def _answer(self, request: Request) -> Any:
        command = Panel.data.get(request.method)
        if command is None:
            logger.error("remote control: no command %r is known here", request.method)
            return {"error": repr(KeyError(request.method))}
        try:
            return command(self._node, **request.arguments)
        except Exception as broken:
            logger.exception("remote control command %s failed", request.method)
            return {"error": repr(broken)}
