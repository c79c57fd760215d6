"""The bus on Redis's publish and subscribe, in kombu's layout: Celery's processes hear and speak.

What must stay true: channels carry the number of the database in their names, since Redis tells
all databases what is said in one; nothing said before `receive` was called is left out by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from ...domain.cluster.speech import BusMessage, ReplyAddress, Topic, is_for
from ...domain.errors import BrokerUnavailable
from ...ports.bus import Bodies, Bus, Subscription
from . import mailbox
from .bus_envelope import raw_of, said_in
from .feed import Feed
from .store import RedisStore

#: What Redis's patterns read as more than itself.
_GLOB: Final = re.compile(r"([\\*?\[\]^])")


class Channels:
    """How kombu names the channels of Redis, given its transport options."""

    def __init__(self, store: RedisStore) -> None:
        asked = store.options.get("fanout_prefix", True)
        prefix = asked if isinstance(asked, str) else "/{db}." if asked else ""
        self._prefix = store.prefix + prefix.replace("{db}", str(store.database))
        self._keyed = bool(store.options.get("fanout_patterns", True))

    def of(self, message: BusMessage) -> str:
        """Return where a message is said."""
        name = self._prefix + message.channel
        return f"{name}/{message.key}" if message.key and self._keyed else name

    def heard(self, topics: Iterable[Topic]) -> dict[str, list[Topic]]:
        """Return the patterns to listen to, and the topics that each stands for."""
        heard: dict[str, list[Topic]] = {}
        for topic in topics:
            name = _escaped(self._prefix + topic.channel)
            if not self._keyed or topic.pattern in ("", "#"):
                heard.setdefault(name, []).append(topic)
            if self._keyed and topic.pattern:
                words = (_words(word) for word in topic.pattern.split("."))
                heard.setdefault(f"{name}/{'.'.join(words)}", []).append(topic)
        return heard


class RedisSubscription(Subscription):
    """An ear on some topics; made by RedisBus."""

    def __init__(
        self, feed: Feed, channels: Channels, topics: Sequence[Topic], bodies: Bodies | None
    ) -> None:
        self._feed, self._bodies = feed, bodies
        self._topics = tuple(dict.fromkeys(topics))
        self._patterns = channels.heard(self._topics)
        self._ear = feed.listen(self._patterns)

    def receive(self, wait: float) -> Sequence[BusMessage]:
        """Return what was said since the last time, waiting for the first."""
        if wait <= 0 and not self._ear.closed:
            # What was said already may still be on its way.
            self._feed.catch_up()
        heard = self._feed.wait(self._ear, max(wait, 0.0))
        messages = ((self._patterns[pattern], said_in(raw, self._bodies)) for pattern, raw in heard)
        return [
            message
            for topics, message in messages
            if message is not None and self._chosen_by(message) in topics
        ]

    def close(self) -> None:
        """Hear nothing more."""
        self._feed.leave(self._ear)

    def _chosen_by(self, message: BusMessage) -> Topic | None:
        # Redis says a message once for each pattern it matches, and its patterns match more.
        return next((topic for topic in self._topics if is_for([topic], message)), None)


class RedisBus(Bus):
    """Speaks in a RedisStore."""

    def __init__(self, store: RedisStore) -> None:
        self.store = store
        self._channels = Channels(store)
        self._feed = Feed(store, BrokerUnavailable, patterns=True)
        self._mailboxes: list[mailbox.RedisMailbox] = []

    def broadcast(self, messages: Sequence[BusMessage]) -> None:
        """Say messages, in one round trip."""
        said = [(self._channels.of(message), raw_of(message, self.bodies)) for message in messages]
        if said:
            self.store.do(lambda client: _publish(client, said))

    def subscribe(self, topics: Sequence[Topic]) -> RedisSubscription:
        """Listen from now on."""
        return RedisSubscription(self._feed, self._channels, topics, self.bodies)

    def open_mailbox(self, exchange: str) -> mailbox.RedisMailbox:
        """Bind a list of its own to the exchange."""
        self._mailboxes = [box for box in self._mailboxes if not box.closed]
        box = mailbox.RedisMailbox(self.store, exchange, self.bodies)
        self._mailboxes.append(box)
        return box

    def reply(self, to: ReplyAddress, messages: Sequence[BusMessage]) -> None:
        """Push messages to the lists bound to the address."""
        mailbox.deliver(self.store, to, messages, self.bodies)

    def close(self) -> None:
        """Close the subscriptions and mailboxes made here."""
        while self._mailboxes:
            self._mailboxes.pop().close()
        self._feed.close()


def _publish(client: Any, said: Sequence[tuple[str, bytes]]) -> None:
    pipeline = client.pipeline(transaction=False)
    for channel, raw in said:
        pipeline.publish(channel, raw)
    pipeline.execute()


def _escaped(text: str) -> str:
    return _GLOB.sub(r"\\\1", text)


def _words(word: str) -> str:
    return "*" if word in ("*", "#") else _escaped(word)
