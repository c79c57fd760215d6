"""The bus on SQL: what is said is a row for some minutes, and each listener reads on from its own.

What must stay true: nothing said after `subscribe` returned is missed by who listens on; an idle
listener costs next to nothing; old rows are deleted by those who speak, some at a time.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import Final
from uuid import uuid4
from weakref import WeakSet

from ...domain.cluster.speech import BusMessage, ReplyAddress, Topic, is_for
from ...domain.errors import BrokerUnavailable
from ...ports.bus import Bus, Mailbox, Subscription
from . import bus_log
from .bus_feed import TOPIC, Feed
from .engine import SqlStore
from .transaction import Transaction

#: Seconds between deletions of old rows.
_PRUNE_EVERY: Final = 60.0


class SqlSubscription(Subscription):
    """An ear on some topics; made by SqlBus."""

    def __init__(self, store: SqlStore, feed: Feed, topics: Sequence[Topic]) -> None:
        self._store = store
        self._feed = feed
        self._topics = tuple(topics)
        self._channels = list(dict.fromkeys(topic.channel for topic in topics))
        self._closed = False
        self._heard_up_to = store.read(bus_log.reached)

    def receive(self, wait: float) -> Sequence[BusMessage]:
        """Return what was said since the last time, waiting for the first."""
        end = monotonic() + wait
        while not self._closed:
            mark = self._feed.mark()
            if heard := self._look():
                self._feed.warm()
                return heard
            left = end - monotonic()
            if left <= 0 or self._closed:
                break
            self._feed.wait(mark, left)
        return ()

    def close(self) -> None:
        """Hear nothing more."""
        if not self._closed:
            self._closed = True
            self._feed.stir()

    def _look(self) -> Sequence[BusMessage]:
        while True:
            before = self._heard_up_to
            said, self._heard_up_to = self._store.read(
                lambda t, after=before: bus_log.hear(  # type: ignore[misc]
                    t, self._store.flavour, self._channels, after
                )
            )
            heard = [message for message in said if is_for(self._topics, message)]
            # What others said elsewhere is no reason to stop.
            if heard or self._heard_up_to <= before:
                return heard


class SqlMailbox(SqlSubscription, Mailbox):
    """An ear on one address; made by SqlBus."""

    def __init__(self, store: SqlStore, feed: Feed, address: ReplyAddress) -> None:
        super().__init__(store, feed, [Topic(address.exchange, address.routing_key)])
        self._address = address

    @property
    def address(self) -> ReplyAddress:
        """Where replies are to go."""
        return self._address


class SqlBus(Bus):
    """Speaks in a SqlStore."""

    is_costly = True

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self._prune_at = store.clock.monotonic()
        self._closed = False
        self._begin_life()
        store.retain()

    def broadcast(self, messages: Sequence[BusMessage]) -> None:
        """Say messages, all or none."""
        rows = bus_log.encoded(messages)
        if not rows:
            return
        feed, store = self._present_feed(), self.store
        is_told = feed.is_told

        def say(transaction: Transaction) -> None:
            bus_log.say(transaction, store.flavour, rows, store.now_ms())
            if is_told:
                transaction.announce(TOPIC)

        store.write(say)
        feed.stir()
        self._prune_now_and_then()

    def subscribe(self, topics: Sequence[Topic]) -> SqlSubscription:
        """Listen from now on."""
        ear = SqlSubscription(self.store, self._present_feed(), topics)
        self._ears.add(ear)
        return ear

    def open_mailbox(self, exchange: str) -> SqlMailbox:
        """Listen on an address that nobody else has."""
        address = ReplyAddress(exchange, str(uuid4()))
        mailbox = SqlMailbox(self.store, self._present_feed(), address)
        self._ears.add(mailbox)
        return mailbox

    def reply(self, to: ReplyAddress, messages: Sequence[BusMessage]) -> None:
        """Say messages where only one listens."""
        self.broadcast(
            [replace(message, channel=to.exchange, key=to.routing_key) for message in messages]
        )

    def close(self) -> None:
        """Close the subscriptions made here, and let go of the store."""
        if self._closed:
            return
        self._closed = True
        for ear in list(self._ears):
            ear.close()
        self.store.release()

    def _prune_now_and_then(self) -> None:
        now = self.store.clock.monotonic()
        if now < self._prune_at:
            return
        self._prune_at = now + _PRUNE_EVERY
        # What was said was said; whoever speaks next deletes what is left here.
        with suppress(BrokerUnavailable):
            below = self.store.read(lambda t: bus_log.expired(t, self.store.now_ms()))
            if below and self.store.write(lambda t: bus_log.prune(t, below)) >= bus_log.PRUNED:
                self._prune_at = now

    # -- forks: the parent's listeners may have held the feed's lock

    def _present_feed(self) -> Feed:
        if self._pid != os.getpid():
            self._begin_life()
        return self._feed

    def _begin_life(self) -> None:
        self._pid = os.getpid()
        self._feed = Feed(self.store)
        self._ears: WeakSet[SqlSubscription] = WeakSet()
