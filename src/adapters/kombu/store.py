"""One RabbitMQ virtual host of one process: two links, and the pulse that keeps them alive.

One link consumes and acknowledges, the other publishes and declares, so that publishing never
waits for a claim. What must stay true: a fork leaves the parent's connections alone.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from ...ports.clock import Clock
from .declarations import Declarations
from .driver import amqp
from .link import Link
from .publishing import Letter, Publisher
from .settings import AmqpSettings, read
from .urls import shown

if TYPE_CHECKING:
    from .broker import AmqpBroker
    from .bus import AmqpBus

#: Seconds between two looks at the connections.
_PULSE: Final = 1.0


class AmqpStore:
    """Shared by all adapters on one URL. Connects at first use."""

    _over: threading.Event
    _pulse: threading.Thread | None

    def __init__(self, settings: AmqpSettings, clock: Clock) -> None:
        amqp()  # a missing library is told of at once
        self.settings, self.clock = settings, clock
        self.brokers: weakref.WeakSet[AmqpBroker] = weakref.WeakSet()
        self.buses: weakref.WeakSet[AmqpBus] = weakref.WeakSet()
        self._links: weakref.WeakSet[Link] = weakref.WeakSet()
        self._begin_life()
        _stores.add(self)

    @classmethod
    def from_url(
        cls, url: str, *, clock: Clock, settings: Mapping[str, Any] | None = None
    ) -> AmqpStore:
        """Return a store as Celery's settings say. Raises ImproperlyConfigured, MissingExtra."""
        return cls(read(url, settings or {}), clock)

    @property
    def url(self) -> str:
        """Where the messages are; the password is masked."""
        return ";".join(shown(url) for url in self.settings.urls)

    def open(self) -> None:
        """Connect, if that was not done yet. Raises BrokerUnavailable."""
        with self.publishing.using(self.settings.timeout):
            self.begin_pulse()

    def link(self, lost: Any) -> Link:
        """Return another link, which the pulse keeps alive."""
        link = Link(self.settings, lost, whole=True)
        self._links.add(link)
        return link

    def publish(self, letters: Sequence[Letter], deadline: float) -> None:
        """Publish letters, whose queues are made sure of before."""
        ends = monotonic() + deadline
        with self.publishing.using(deadline):
            for name in dict.fromkeys(letter.queue for letter in letters):
                if name:
                    self.declarations.queue(name)
            self.publisher.publish(letters, ends)
        self.begin_pulse()

    def close(self) -> None:
        """Let go of the connections; idempotent. A use afterwards opens again."""
        self._over.set()
        for link in tuple(self._links):
            link.close()
        self._pulse = None

    # -- the pulse

    def begin_pulse(self) -> None:
        """Look after the connections from now on."""
        if self._pulse is None:
            self._over = threading.Event()
            self._pulse = threading.Thread(
                target=_beat, args=(weakref.ref(self), self._over), name="celeriac-amqp-pulse"
            )
            self._pulse.daemon = True
            self._pulse.start()

    def beat(self) -> None:
        """Look after all connections once."""
        for link in tuple(self._links):
            link.beat()
        for broker in tuple(self.brokers):
            broker.beat()

    # -- forks

    def _begin_life(self) -> None:
        self._over = threading.Event()
        self._pulse = None
        self.publishing = Link(self.settings)
        self._links.add(self.publishing)
        self.declarations = Declarations(self.publishing, self.settings)
        self.publisher = Publisher(
            self.publishing, self.declarations, confirm=self.settings.confirm
        )

    def _leave_to_parent(self) -> None:
        # Closing, even by losing the last reference, would speak on the parent's sockets.
        _left_to_parents.extend(self._links)
        self._links = weakref.WeakSet()
        self._begin_life()
        for broker in tuple(self.brokers):
            broker.begin_life()
        for bus in tuple(self.buses):
            bus.begin_life()


def _beat(store: weakref.ref[AmqpStore], over: threading.Event) -> None:
    while not over.wait(_PULSE):
        if (one := store()) is None:
            return
        one.beat()
        del one


_stores: weakref.WeakSet[AmqpStore] = weakref.WeakSet()
_left_to_parents: list[Any] = []


def _after_fork() -> None:
    for store in list(_stores):
        store._leave_to_parent()


os.register_at_fork(after_in_child=_after_fork)
