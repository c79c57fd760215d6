"""The consumer as users' steps know it: the part of a worker that talks to the broker.

What is not its own it has of its worker. `connection` is kombu's, made on first use, and served by
a thread: only steps that consume by themselves need one.
"""

import logging
import threading
from typing import TYPE_CHECKING, Any, Final

from .kombu_connection import kombu_connection
from .stages import ConsumerBlueprint

if TYPE_CHECKING:
    from .worker import AppWorker

logger = logging.getLogger("celeriac.worker")

#: How long one look for messages waits, and pauses between attempts to reconnect, in seconds.
LOOK_SECONDS: Final = 1.0
PAUSE_SECONDS: Final = 2.0


class ConsumerView:
    """What a step of the blueprint `consumer` is given as its parent."""

    Blueprint = ConsumerBlueprint

    def __init__(self, worker: "AppWorker") -> None:
        """Look at a worker."""
        self.controller = worker
        self.steps: list[Any] = []
        self.blueprint: ConsumerBlueprint | None = None
        self._connection: Any = None
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __getattr__(self, name: str) -> Any:
        """Return what is its worker's."""
        return getattr(self.controller, name)

    @property
    def connection(self) -> Any:
        """A connection of kombu's to the broker. Raises NotSupported where there can be none."""
        if self._connection is None:
            self._connection = kombu_connection(self.controller.app, "a ConsumerStep")
        return self._connection

    @property
    def connection_errors(self) -> tuple[type[Exception], ...]:
        """What a lost connection raises."""
        return tuple(self._connection.connection_errors) if self._connection else (OSError,)

    def begin(self) -> None:
        """Take messages from now on, if a step has asked for a connection."""
        if self._connection is not None:
            self._thread = threading.Thread(target=self._drain, name="celeriac-steps", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Take none any more. The connection stays, so that steps can say good-bye."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(LOOK_SECONDS + PAUSE_SECONDS)

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.release()

    def _drain(self) -> None:
        while not self._over.is_set():
            try:
                self._connection.drain_events(timeout=LOOK_SECONDS)
            except TimeoutError:
                continue
            except self.connection_errors as lost:
                if not self._over.is_set():
                    logger.warning("steps: the connection is lost, making a new one: %s", lost)
                    self._reconnect()
            except Exception:
                logger.exception("steps: a consumer failed")

    def _reconnect(self) -> None:
        while not self._over.wait(PAUSE_SECONDS):
            self._connection = self._connection.clone()
            try:
                for step in self.steps:
                    if hasattr(step, "get_consumers"):
                        step.start(self)
            except self.connection_errors as away:
                logger.warning("steps: the broker is away, trying again: %s", away)
            else:
                return
