"""One transport of one process, shared by all adapters on its URL."""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ....ports.clock import Clock
from .any_carrier import AnyCarrier, MemoryCarrier
from .carrier import Carrier
from .folder_carrier import FolderCarrier
from .settings import MEMORY, VirtualSettings, read
from .sqs_carrier import SqsCarrier

if TYPE_CHECKING:
    from .broker import VirtualBroker

_CARRIERS: Mapping[str, type[AnyCarrier]] = {
    "filesystem": FolderCarrier,
    "sqs": SqsCarrier,
    MEMORY: MemoryCarrier,
}


class VirtualStore:
    """Up to two connections, made at first use: one to publish by, one for workers."""

    def __init__(self, settings: VirtualSettings, clock: Clock) -> None:
        make = _CARRIERS.get(settings.transport, AnyCarrier)
        self.settings, self.clock = settings, clock
        self.publishing: Carrier = make(settings)
        # SQS serves all threads by one client, and making one takes a while.
        is_shared = make is SqsCarrier
        self.consuming: Carrier = self.publishing if is_shared else make(settings)
        self.brokers: weakref.WeakSet[VirtualBroker] = weakref.WeakSet()
        _stores.add(self)

    @classmethod
    def from_url(
        cls, url: str, *, clock: Clock, settings: Mapping[str, Any] | None = None
    ) -> VirtualStore:
        """Return a store as Celery's settings say. Raises ImproperlyConfigured, MissingExtra."""
        return cls(read(url, settings or {}), clock)

    def stir(self) -> None:
        """Have the brokers of this process look again: something was published."""
        for broker in tuple(self.brokers):
            broker.stir()

    def close(self) -> None:
        """Let go of the connections; idempotent. A use afterwards opens again."""
        self.publishing.close()
        self.consuming.close()

    def abandon(self) -> None:
        """Begin anew in a fork."""
        self.publishing.abandon()
        self.consuming.abandon()
        for broker in tuple(self.brokers):
            broker.begin_life()


_stores: weakref.WeakSet[VirtualStore] = weakref.WeakSet()


def _after_fork() -> None:
    for store in list(_stores):
        store.abandon()


os.register_at_fork(after_in_child=_after_fork)
