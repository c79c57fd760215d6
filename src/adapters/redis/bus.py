"""The bus on Redis's publish and subscribe.

What must stay true: channels carry the number of the database in their names, since Redis tells
all databases what is said in one; nothing said before `receive` was called is left out by it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ...domain.errors import BrokerUnavailable
from ...ports.bus import Bus, Subscription
from .feed import Feed
from .store import RedisStore


class RedisSubscription(Subscription):
    """An ear on some channels; made by RedisBus."""

    def __init__(self, feed: Feed, channels: Mapping[str, str]) -> None:
        self._feed = feed
        self._names = dict(channels)
        self._ear = feed.listen(self._names)

    def receive(self, wait: float) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """Return what was said since the last time, waiting for the first."""
        if wait <= 0 and not self._ear.closed:
            # What was said already may still be on its way.
            self._feed.catch_up()
        heard = self._feed.wait(self._ear, max(wait, 0.0))
        messages = ((self._names[channel], _message(said)) for channel, said in heard)
        return [(name, message) for name, message in messages if message is not None]

    def close(self) -> None:
        """Hear nothing more."""
        self._feed.leave(self._ear)


class RedisBus(Bus):
    """Speaks in a RedisStore."""

    def __init__(self, store: RedisStore) -> None:
        self.store = store
        self._prefix = f"{store.prefix}celeriac.bus.{store.database}."
        self._feed = Feed(store, BrokerUnavailable)

    def broadcast(self, channel: str, messages: Sequence[Mapping[str, Any]]) -> None:
        """Say messages, in one round trip."""
        said = [json.dumps(message, separators=(",", ":")) for message in messages]
        if said:
            self.store.do(lambda client: _publish(client, self._prefix + channel, said))

    def subscribe(self, channels: Sequence[str]) -> RedisSubscription:
        """Listen from now on."""
        return RedisSubscription(self._feed, {self._prefix + name: name for name in channels})

    def close(self) -> None:
        """Close the subscriptions made here."""
        self._feed.close()


def _message(said: bytes) -> Mapping[str, Any] | None:
    """Return a message; None for what a stranger said on a channel of ours."""
    try:
        message = json.loads(said)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


def _publish(client: Any, channel: str, said: Sequence[str]) -> None:
    pipeline = client.pipeline(transaction=False)
    for message in said:
        pipeline.publish(channel, message)
    pipeline.execute()
