"""One AMQP connection and the lock under which it is used: py-amqp knows no threads.

What must stay true: whoever uses the connection holds the lock; a connection that failed in any
way is dropped, never mended, and the next use makes another; nothing waits longer than told.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, Final

from ...domain.errors import BrokerUnavailable, StoreFull
from .driver import amqp, kombu
from .errors import driver_errors, ends_connection, not_connected, translated
from .inflow import Inflow
from .settings import AmqpSettings
from .urls import for_kombu, shown

logger = logging.getLogger("celeriac.amqp")

#: Seconds a request may wait for its answer where the caller names no deadline.
PATIENCE: Final = 10.0
#: Bytes that are sent in one go.
_CORK: Final = 1 << 18


def _nothing() -> None:
    """Do nothing."""


class Link:
    """A connection to the first server of the list that answers. Made at first use."""

    def __init__(
        self, settings: AmqpSettings, lost: Callable[[], None] = _nothing, *, whole: bool = False
    ) -> None:
        """`lost` is called, under the lock, when a connection has ended for whatever reason.

        `whole`: an error of one channel ends the connection, since others may rest on it.
        """
        self._whole = whole
        self.settings = settings
        self.lock = threading.RLock()
        #: Grows with every connection: what belonged to an earlier one is gone.
        self.generation = 0
        self.connection: Any = None
        #: What reads from the connection, as long as there is one.
        self.inflow: Any = None
        #: Why the server takes nothing, if it does not.
        self.blocked: str | None = None
        self._side: Any = None
        self._lost = lost
        self._first = 0

    @property
    def where(self) -> str:
        """The server in use, or the one to be tried next."""
        return shown(self.settings.urls[self._first])

    @contextmanager
    def using(self, deadline: float | None = None) -> Iterator[Any]:
        """Hold the connection, made if need be. Raises BrokerUnavailable in time."""
        patience = PATIENCE if deadline is None else deadline
        ends = monotonic() + patience
        if not self.lock.acquire(timeout=patience):
            raise BrokerUnavailable(f"{self.where}: busy with something else for {patience:g} s")
        try:
            if self.connection is None:
                self._connect(max(0.05, ends - monotonic()))
            try:
                yield self.connection
            except driver_errors() as error:
                if self._whole or ends_connection(error):
                    self.drop()
                raise self._translated(error) from error
        finally:
            self.lock.release()

    def side(self) -> Any:
        """Return a channel for questions whose answer may be an error. The lock must be held."""
        if self._side is None or not self._side.is_open:
            self._side = self.channel()
        return self._side

    def channel(self) -> Any:
        """Open another channel. The lock must be held."""
        channel = self.connection.channel()
        channel.auto_decode = False
        return channel

    def send(self, frames: Sequence[bytes]) -> None:
        """Send frames that were made here, in one go where they are small. The lock must be held.

        Raises what `using` translates.
        """
        connection = self.connection
        if connection is None:
            raise amqp().exceptions.RecoverableConnectionError("connection already closed")
        write, collected, size = connection.transport.write, [], 0
        for frame in frames:
            collected.append(frame)
            size += len(frame)
            if size > _CORK:
                write(b"".join(collected))
                collected, size = [], 0
        if collected:
            write(b"".join(collected))
        connection.bytes_sent += len(frames)

    def drain(self, wait: float = 0.0) -> bool:
        """Take in what has come, waiting for a first frame; tell whether there was one."""
        return bool(self.inflow.wait(wait))

    def drain_until(self, done: Callable[[], bool]) -> None:
        """Take in what comes until something is done. Raises what `using` translates."""
        ends = monotonic() + PATIENCE
        while not done():
            left = ends - monotonic()
            if left <= 0 or not self.drain(left):
                raise TimeoutError

    def drain_all(self) -> None:
        """Take in all that has come, without waiting."""
        self.inflow.take_in()

    def drop(self) -> None:
        """Let go of the connection without a word. The lock must be held."""
        connection, self.connection, self._side = self.connection, None, None
        self.inflow = None
        self.blocked = None
        if connection is not None:
            with suppress(Exception):
                connection.collect()
            self._lost()

    def close(self) -> None:
        """Close in order; idempotent."""
        with self.lock:
            if self.connection is not None:
                with suppress(Exception):
                    self.connection.transport.sock.settimeout(2.0)
                    self.connection.close()
                self.drop()

    def beat(self) -> None:
        """Send and look for heartbeats, if nobody uses the connection now."""
        if not self.lock.acquire(blocking=False):
            return
        try:
            if self.connection is None:
                return
            try:
                self.drain_all()
                self.connection.heartbeat_tick()
            except Exception as error:
                known = isinstance(error, driver_errors())
                if self._whole or not known or ends_connection(error):
                    self.drop()
                    logger.warning("a connection to RabbitMQ was lost: %s", self._told(error))
        finally:
            self.lock.release()

    # -- steps

    def _connect(self, patience: float) -> None:
        urls = self.settings.urls
        ends = monotonic() + patience
        failure: Exception | None = None
        for turn in range(len(urls)):
            number = (self._first + turn) % len(urls)
            left = ends - monotonic()
            if left <= 0:
                break
            try:
                self.connection = self._connected(urls[number], left)
                self.inflow = Inflow(self.connection)
            except driver_errors() as error:
                timeout = min(left, self.settings.timeout)
                failure = not_connected(error, shown(urls[number]), timeout)
                failure.__cause__ = error
            else:
                self._first = number
                self.generation += 1
                return
        raise failure or BrokerUnavailable(f"{self.where} was not reached in {patience:g} s")

    def _connected(self, url: str, patience: float) -> Any:
        said = self.settings
        told = kombu().Connection(
            for_kombu(url),
            ssl=said.ssl,
            connect_timeout=min(patience, said.timeout),
            login_method=said.login_method,
            heartbeat=said.heartbeat,
            transport_options=dict(said.driver_options),
        )
        connection = told.transport.establish_connection()
        connection.on_blocked, connection.on_unblocked = self._on_blocked, self._on_unblocked
        # Whatever is asked or said later: nobody waits for this server without end.
        connection.transport.sock.settimeout(PATIENCE)
        return connection

    def _on_blocked(self, reason: str) -> None:
        self.blocked = reason

    def _on_unblocked(self) -> None:
        self.blocked = None

    def _told(self, error: Exception) -> Exception:
        return self._translated(error) if isinstance(error, driver_errors()) else error

    def _translated(self, error: BaseException) -> Exception:
        if isinstance(error, TimeoutError | socket.timeout):
            return self.too_late()
        return translated(error, self.where)

    def too_late(self) -> BrokerUnavailable:
        """Return the exception to raise when an answer did not come in time."""
        if self.blocked:
            return StoreFull(
                f"{self.where} takes no messages now: its memory or disk alarm is on; consume or "
                "purge queues, or give it room"
            )
        return BrokerUnavailable(f"{self.where} did not answer in time")
