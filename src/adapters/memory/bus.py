"""The bus in memory: what is said reaches every subscription of the same store."""

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeVar
from uuid import uuid4

from ...domain.cluster.speech import BusMessage, ReplyAddress, Topic, is_for
from ...ports.bus import Bus, Mailbox, Subscription
from ...ports.clock import Clock
from .store import MemoryStore

#: Messages. A listener that falls further behind loses the oldest: delivery is at most once.
_KEPT: Final = 100_000

_Ear = TypeVar("_Ear", bound="MemorySubscription")


class MemorySubscription(Subscription):
    """An ear on some topics of a MemoryStore. On a virtual clock `receive` never blocks."""

    def __init__(self, store: MemoryStore, topics: Sequence[Topic]) -> None:
        self._memory = store
        self._topics = tuple(topics)
        self._heard: deque[BusMessage] = deque(maxlen=_KEPT)
        self._closed = False

    def receive(self, wait: float) -> Sequence[BusMessage]:
        """Return what was heard, waiting for it unless the clock is virtual."""
        with self._memory.changed:
            self._memory.wait_for(lambda: self._heard, wait, interrupted=lambda: self._closed)
            heard = tuple(self._heard)
            self._heard.clear()
            return heard

    def close(self) -> None:
        """Hear nothing more."""
        with self._memory.changed:
            self._closed = True
            self._heard.clear()
            if self in self._memory.subscriptions:
                self._memory.subscriptions.remove(self)
            self._memory.changed.notify_all()

    def hear(self, message: BusMessage, text: str) -> None:
        """Take in what was said, if it is for this ear; called with the lock held."""
        if is_for(self._topics, message):
            body, headers = json.loads(text)
            self._heard.append(replace(message, body=body, headers=headers))


class MemoryMailbox(MemorySubscription, Mailbox):
    """An ear on one address."""

    def __init__(self, store: MemoryStore, address: ReplyAddress) -> None:
        super().__init__(store, [Topic(address.exchange, address.routing_key)])
        self._address = address

    @property
    def address(self) -> ReplyAddress:
        """Where replies are to go."""
        return self._address


class MemoryBus(Bus):
    """Speaks in a MemoryStore: the one given, or one of its own on the clock given."""

    def __init__(self, store: MemoryStore | None = None, clock: Clock | None = None) -> None:
        self.memory = store or MemoryStore(clock)
        self._ears: list[MemorySubscription] = []

    def broadcast(self, messages: Sequence[BusMessage]) -> None:
        """Say messages; each ear gets copies of its own, as if they had travelled."""
        said = [
            (message, json.dumps((message.body, dict(message.headers)))) for message in messages
        ]
        with self.memory.changed:
            for message, text in said:
                for ear in self.memory.subscriptions:
                    ear.hear(message, text)
            self.memory.changed.notify_all()

    def subscribe(self, topics: Sequence[Topic]) -> Subscription:
        """Listen from now on."""
        return self._listening(MemorySubscription(self.memory, topics))

    def open_mailbox(self, exchange: str) -> Mailbox:
        """Listen on an address that nobody else has."""
        return self._listening(MemoryMailbox(self.memory, ReplyAddress(exchange, str(uuid4()))))

    def reply(self, to: ReplyAddress, messages: Sequence[BusMessage]) -> None:
        """Say messages where only one listens."""
        self.broadcast(
            [replace(message, channel=to.exchange, key=to.routing_key) for message in messages]
        )

    def close(self) -> None:
        """Close the subscriptions made here."""
        while self._ears:
            self._ears.pop().close()

    def _listening(self, ear: _Ear) -> _Ear:
        with self.memory.changed:
            self.memory.subscriptions.append(ear)
            self._ears.append(ear)
        return ear
