"""What has to be there before messages flow: queues, exchanges, bindings, as Celery declares them.

What is there already is left as it is, whoever made it and with whatever arguments. All this is
remembered for the life of a connection: another server, or an operator, may have less.
"""

from __future__ import annotations

from typing import Any, Final

from ...domain.messaging.queues import Exchange, Queue
from . import delays
from .driver import amqp
from .link import Link
from .settings import AmqpSettings

#: Where the dead letters of a queue are.
DEAD: Final = ".celeriac.dead"


class Declarations:
    """Makes what is missing, by one link. The link's lock must be held throughout."""

    def __init__(
        self, link: Link, settings: AmqpSettings, declared: dict[str, Queue] | None = None
    ) -> None:
        self._link, self._settings = link, settings
        self._generation = 0
        self._known: set[tuple[str, str]] = set()
        #: Queues as they were declared here, by name.
        self.declared: dict[str, Queue] = {} if declared is None else declared
        #: Topics whose messages may wait in the ladder: there is a way from it to their queues.
        self.delayed: set[str] = set()

    def wire(self, name: str) -> str:
        """Return the name of a queue or exchange as the server knows it."""
        return self._settings.prefix + name if name else name

    def local(self, name: str) -> str:
        """Return the name of a queue or exchange as the app knows it."""
        return name.removeprefix(self._settings.prefix)

    def queue(self, name: str) -> None:
        """Make sure of a queue by its name."""
        if not self._is_known("queue", name):
            self._make_queue(self.declared.get(name) or Queue(name))
            self._know("queue", name)

    def dead(self, name: str) -> str:
        """Make sure of the place for a queue's dead letters; return its name on the wire."""
        place = self.wire(name) + DEAD
        if not self._is_known("queue", name + DEAD):
            if not self._exists(place):
                self._link.side().queue_declare(place, durable=True, auto_delete=False)
            self._know("queue", name + DEAD)
        return place

    def whole(self, queue: Queue) -> None:
        """Make sure of a queue, its exchange and its binding."""
        self.declared[queue.name] = queue
        self.queue(queue.name)
        if self._is_known("binding", queue.name):
            return
        # Where no exchange is named Celery's processes still expect one of the queue's name.
        exchange = queue.exchange if queue.exchange.name else Exchange(queue.name)
        key = queue.routing_key if queue.exchange.name else queue.name
        name, on_wire = self.wire(exchange.name), self.wire(queue.name)
        self.exchange(exchange)
        self._link.side().queue_bind(on_wire, name, key)
        if self.is_quorum(queue) and exchange.kind == "topic":
            self.ladder()
            delays.bind_exchange(self._link.side(), self._settings.ladder, name, key, on_wire)
            self.delayed.add(exchange.name)
        self._know("binding", queue.name)

    def exchange(self, exchange: Exchange) -> None:
        """Make sure of an exchange."""
        if not self.has_exchange(exchange.name):
            self._link.side().exchange_declare(
                self.wire(exchange.name), exchange.kind, durable=exchange.durable, auto_delete=False
            )
            self._know("exchange", exchange.name)

    def is_quorum(self, queue: Queue) -> bool:
        """Tell whether a queue is a quorum queue, as far as is known here."""
        return bool(queue.arguments.get("x-queue-type", self._settings.queue_type) == "quorum")

    def has_exchange(self, name: str) -> bool:
        """Tell whether an exchange is there."""
        if self._is_known("exchange", name):
            return True
        try:
            self._link.side().exchange_declare(
                self.wire(name), "direct", passive=True, auto_delete=False
            )
        except amqp().exceptions.NotFound:
            return False
        self._know("exchange", name)
        return True

    def ladder(self) -> None:
        """Make sure of the ladder in which messages wait."""
        if self._is_known("ladder", ""):
            return
        if not self._has_whole_ladder():
            delays.declare(self._link.side(), self._settings.ladder)
        self._know("ladder", "")

    def parking(self, name: str) -> None:
        """Make sure that what waits for a queue finds to it."""
        if not self._is_known("parking", name):
            self.ladder()
            self.queue(name)
            delays.bind_queue(self._link.side(), self._settings.ladder, self.wire(name))
            self._know("parking", name)

    def forget(self, name: str) -> None:
        """Look anew at a queue: messages to it came back."""
        for kind in ("queue", "binding", "parking"):
            self._known.discard((kind, name))

    def remember(self, what: str, key: str) -> None:
        """Note something that was found to be there."""
        self._know(what, key)

    def remembers(self, what: str, key: str) -> bool:
        """Tell whether something was found to be there, by this connection."""
        return self._is_known(what, key)

    # -- steps

    def _make_queue(self, queue: Queue) -> None:
        name = self.wire(queue.name)
        if self._exists(name):
            return
        self._link.side().queue_declare(
            name, durable=queue.durable, auto_delete=False, arguments=self._arguments(queue)
        )

    def _arguments(self, queue: Queue) -> dict[str, Any]:
        arguments = dict(queue.arguments)
        kind = arguments.get("x-queue-type", self._settings.queue_type)
        if kind == "quorum":
            arguments["x-queue-type"] = "quorum"
        priority = queue.max_priority or self._settings.max_priority
        if priority and kind != "quorum":  # a quorum queue knows none, and refuses the argument
            arguments.setdefault("x-max-priority", priority)
        return arguments

    def _exists(self, name: str) -> bool:
        try:
            self._link.side().queue_declare(name, passive=True)
        except amqp().exceptions.NotFound:
            return False
        except amqp().exceptions.ResourceLocked:
            return True
        return True

    def _has_whole_ladder(self) -> bool:
        # It is made from the top down, and the way out last.
        try:
            self._link.side().exchange_declare(self._settings.ladder.way_out, "topic", passive=True)
        except amqp().exceptions.NotFound:
            return False
        return True

    def _is_known(self, kind: str, name: str) -> bool:
        if self._generation != self._link.generation:
            self._generation = self._link.generation
            self._known.clear()
        return (kind, name) in self._known

    def _know(self, kind: str, name: str) -> None:
        self._known.add((kind, name))
