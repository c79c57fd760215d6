"""A channel of kombu and the lock under which it is used: virtual channels know no threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import Any

from ....domain.errors import BrokerUnavailable, CeleriacError, ImproperlyConfigured
from ..driver import kombu
from ..urls import shown
from .settings import MEMORY, NEEDS, VirtualSettings


class Line:
    """One connection and its channel. Made at first use; what failed is made anew."""

    def __init__(self, settings: VirtualSettings) -> None:
        kombu()  # a missing library is told of at once
        _check_installed(settings)
        self.settings = settings
        self.lock = threading.RLock()
        self.connection: Any = None
        self._channel: Any = None
        #: Grows with every connection.
        self.generation = 0

    @property
    def where(self) -> str:
        """The transport's URL; passwords are masked."""
        return shown(self.settings.url)

    @contextmanager
    def using(self) -> Iterator[Any]:
        """Hold the channel. Raises BrokerUnavailable."""
        with self.lock:
            try:
                if self._channel is None:
                    self._connect()
                yield self._channel
            except CeleriacError:
                raise
            except self._errors() as error:
                raise self.failed(error) from error

    def failed(self, error: BaseException) -> BrokerUnavailable:
        """Drop the connection; return the exception to raise."""
        with self.lock:
            self._drop()
        said = " ".join(str(error).split()) or type(error).__name__
        return BrokerUnavailable(
            f"{self.where}: {said}; is it there, and are broker_url and "
            "broker_transport_options right?"
        )

    def close(self) -> None:
        """Close in order; idempotent."""
        with self.lock:
            if self.connection is not None:
                with suppress(Exception):
                    self.connection.close()
            self.connection = self._channel = None

    def abandon(self) -> None:
        """Begin anew in a fork: closing, even by losing the last reference, is the parent's."""
        _left_to_parents.append((self.connection, self._channel))
        self.lock = threading.RLock()
        self.connection = self._channel = None

    def _connect(self) -> None:
        said = self.settings
        self.connection = kombu().Connection(
            said.url,
            ssl=said.ssl,
            connect_timeout=said.timeout,
            transport_options=dict(said.options),
        )
        if said.transport != MEMORY:
            # Some share it between all connections of a process, wherever those lead.
            state: Any = getattr(self.connection.transport, "state", None)
            if state is not None:
                self.connection.transport.state = type(state)()
        self._channel = self.connection.channel()
        self.generation += 1

    def _drop(self) -> None:
        connection, self.connection, self._channel = self.connection, None, None
        if connection is not None:
            with suppress(Exception):
                connection.close()

    def _errors(self) -> tuple[type[BaseException], ...]:
        known: tuple[type[BaseException], ...] = (OSError, kombu().exceptions.KombuError)
        if self.settings.transport == "sqs":
            from botocore.exceptions import BotoCoreError, ClientError

            known += (BotoCoreError, ClientError)
        if self.connection is not None:
            known += tuple(self.connection.connection_errors)
            known += tuple(self.connection.channel_errors)
        return known


_left_to_parents: list[Any] = []


def _check_installed(settings: VirtualSettings) -> None:
    needed = NEEDS.get(settings.transport)
    if needed is None:
        return
    module, package = needed
    try:
        there = find_spec(module) is not None
    except ModuleNotFoundError:
        there = False
    if not there:
        raise ImproperlyConfigured(
            f"{settings.transport}://… needs {module}, which is not installed: "
            f"pip install '{package}'"
        )
