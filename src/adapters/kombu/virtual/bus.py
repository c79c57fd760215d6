"""The bus where there is none: these transports carry tasks, and nobody hears anything.

Remote control finds no workers here and events are lost, which both are allowed to be; workers
run as usual. Revoked ids are known to the worker that was told by other means only.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import ClassVar
from uuid import uuid4

from ....domain.cluster.speech import BusMessage, ReplyAddress, Topic
from ....ports.bus import Bus, Mailbox, Subscription
from .store import VirtualStore


class DeafSubscription(Subscription):
    """Hears nothing, for as long as it is asked to."""

    def __init__(self) -> None:
        self._closed = threading.Event()

    def receive(self, wait: float) -> Sequence[BusMessage]:
        """Wait."""
        self._closed.wait(max(0.0, wait))
        return ()

    def close(self) -> None:
        """End a `receive`."""
        self._closed.set()


class DeafMailbox(DeafSubscription, Mailbox):
    """Receives no replies."""

    def __init__(self, address: ReplyAddress) -> None:
        super().__init__()
        self._address = address

    @property
    def address(self) -> ReplyAddress:
        """Where replies would go."""
        return self._address


class SilentBus(Bus):
    """Says nothing."""

    #: Workers then say nothing that nobody asked for.
    is_costly: ClassVar[bool] = True
    carries: ClassVar[bool] = False

    def __init__(self, store: VirtualStore) -> None:
        self.store = store
        self._ears: list[DeafSubscription] = []

    def broadcast(self, messages: Sequence[BusMessage]) -> None:
        """Nobody hears it."""

    def subscribe(self, topics: Sequence[Topic]) -> Subscription:
        """Return an ear that hears nothing."""
        self._ears.append(ear := DeafSubscription())
        return ear

    def open_mailbox(self, exchange: str) -> Mailbox:
        """Return a mailbox that stays empty."""
        self._ears.append(ear := DeafMailbox(ReplyAddress(exchange, str(uuid4()))))
        return ear

    def reply(self, to: ReplyAddress, messages: Sequence[BusMessage]) -> None:
        """Nobody hears it."""

    def close(self) -> None:
        """Close the ears."""
        while self._ears:
            self._ears.pop().close()
