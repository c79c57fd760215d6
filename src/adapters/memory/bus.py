"""The bus in memory: what is said reaches every subscription of the same store."""

import json
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ...ports.bus import Bus, Subscription
from ...ports.clock import Clock
from .store import MemoryStore

#: Messages. A listener that falls further behind loses the oldest: delivery is at most once.
_KEPT: Final = 100_000


class MemorySubscription(Subscription):
    """An ear on some channels of a MemoryStore. On a virtual clock `receive` never blocks."""

    def __init__(self, store: MemoryStore, channels: Sequence[str]) -> None:
        self._memory = store
        self._channels = frozenset(channels)
        self._heard: deque[tuple[str, Mapping[str, Any]]] = deque(maxlen=_KEPT)
        self._closed = False

    def receive(self, wait: float) -> Sequence[tuple[str, Mapping[str, Any]]]:
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

    def hear(self, channel: str, message: Mapping[str, Any]) -> None:
        """Take in what was said, if it is for this ear; called with the lock held."""
        if channel in self._channels:
            self._heard.append((channel, message))


class MemoryBus(Bus):
    """Speaks in a MemoryStore: the one given, or one of its own on the clock given."""

    def __init__(self, store: MemoryStore | None = None, clock: Clock | None = None) -> None:
        self.memory = store or MemoryStore(clock)
        self._ears: list[MemorySubscription] = []

    def broadcast(self, channel: str, messages: Sequence[Mapping[str, Any]]) -> None:
        """Say messages; each ear gets copies of its own, as if they had travelled."""
        said = [json.dumps(message) for message in messages]
        with self.memory.changed:
            for text in said:
                for ear in self.memory.subscriptions:
                    ear.hear(channel, json.loads(text))
            self.memory.changed.notify_all()

    def subscribe(self, channels: Sequence[str]) -> Subscription:
        """Listen from now on."""
        ear = MemorySubscription(self.memory, channels)
        with self.memory.changed:
            self.memory.subscriptions.append(ear)
            self._ears.append(ear)
        return ear

    def close(self) -> None:
        """Close the subscriptions made here."""
        while self._ears:
            self._ears.pop().close()
