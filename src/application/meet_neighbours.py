"""What workers tell each other when one comes: revoked ids, and clocks.

What must stay true: a worker works while it gets to know the others.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from queue import Empty, SimpleQueue
from typing import Any, Final

from ..domain.cluster.control import (
    Request,
    answers_in,
    commands_channel,
    replies_exchange,
    request_message,
)
from ..domain.cluster.logical_clock import LogicalClock
from ..domain.errors import CeleriacError
from ..domain.work.core import WorkerCore
from ..domain.work.effects import Effect
from ..ports.bus import Bus, Mailbox
from ..ports.clock import Clock

logger = logging.getLogger("celeriac.worker")

#: How long answers of the others are waited for, in seconds, as in Celery.
WAIT_SECONDS: Final = 1.0

Ask = Callable[[Callable[[WorkerCore], Iterable[Effect]]], None]


class Mingling:
    """Says hello to the others once, on a thread of its own."""

    def __init__(
        self, bus: Bus, namespace: str, node: str, ask: Ask, logical: LogicalClock, clock: Clock
    ) -> None:
        """Say nothing yet; `ask` has something done to the worker's core."""
        self._bus, self._namespace, self._node = bus, namespace, node
        self._ask, self._logical, self._clock = ask, logical, clock
        self._mailbox: Mailbox | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="celeriac-mingle", daemon=True)

    def start(self) -> None:
        """Say hello."""
        self._thread.start()

    def stop(self) -> None:
        """Wait for answers no more."""
        self._over.set()
        if self._mailbox is not None:
            self._mailbox.close()
        self._thread.join(WAIT_SECONDS + 1)

    def _run(self) -> None:
        try:
            self._mailbox = mailbox = self._bus.open_mailbox(replies_exchange(self._namespace))
            try:
                self._say_hello(mailbox)
                self._take_in_answers(mailbox)
            finally:
                mailbox.close()
        except CeleriacError as away:
            logger.debug("the other workers could not be greeted: %s", away)
        except Exception:
            logger.exception("greeting the other workers failed")

    def _revoked(self) -> list[str]:
        """Return the ids known here, which only the hub may look at; none if it is too busy."""
        found: SimpleQueue[list[str]] = SimpleQueue()

        def look(core: WorkerCore) -> Iterable[Effect]:
            found.put(list(core.revoked))
            return ()

        self._ask(look)
        try:
            return found.get(timeout=WAIT_SECONDS)
        except Empty:
            return []

    def _say_hello(self, mailbox: Mailbox) -> None:
        arguments = {"from_node": self._node, "revoked": self._revoked()}
        request = Request("hello", arguments, ticket=self._node, reply_to=mailbox.address)
        channel = commands_channel(self._namespace)
        expires = self._clock.now().timestamp() + WAIT_SECONDS
        said = request_message(request, channel, clock=self._logical.forward(), expires=expires)
        self._bus.broadcast([said])

    def _take_in_answers(self, mailbox: Mailbox) -> None:
        ends = self._clock.monotonic() + WAIT_SECONDS
        while not self._over.is_set() and (left := ends - self._clock.monotonic()) > 0:
            for answer in answers_in(mailbox.receive(left), self._node):
                for node, found in answer.items():
                    if node != self._node and isinstance(found, Mapping):
                        self._learn(node, found)

    def _learn(self, node: str, answer: Mapping[str, Any]) -> None:
        revoked = [id_ for id_ in answer.get("revoked") or () if isinstance(id_, str)]
        logger.info("mingle: %s knows of %d revoked tasks", node, len(revoked))
        self._logical.adjust(answer.get("clock"))
        now, tick = self._clock.now(), self._clock.monotonic()
        if revoked:
            self._ask(lambda core: core.revoke(revoked, now, tick))
