"""The AMQP adapters on RabbitMQ: one prefix of names for each test.

Messages that wait do so in the server, whose time nobody can advance: here each of its seconds is
a quarter of one.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import replace

from amqp.basic_message import Message

from celeriac.adapters.host.clock import SystemClock
from celeriac.adapters.kombu.broker import AmqpBroker
from celeriac.adapters.kombu.bus import AmqpBus
from celeriac.adapters.kombu.settings import Ladder, read
from celeriac.adapters.kombu.store import AmqpStore
from celeriac.adapters.memory import MemoryStore, VirtualClock
from celeriac.adapters.memory.ledger import MemoryLedger

from ..place import Place
from ..samples import JOBS

#: Milliseconds of the server's time for a second of ours.
UNIT = 250


class RabbitmqPlace(Place):
    ports = frozenset({"broker", "bus"})
    servers = ("rabbitmq",)

    def __init__(self, url):
        self.clock = VirtualClock()
        self.prefix = f"test_{secrets.token_hex(6)}."
        self.settings = replace(
            read(url, {"task_queue_max_priority": 10}),
            prefix=self.prefix,
            strict=True,
            ladder=Ladder("contracts", "classic", UNIT, levels=8),
        )
        self.ledgers = MemoryStore(self.clock)
        self._stores = []
        self._brokers = []

    @classmethod
    def make(cls, request):
        return cls(request.getfixturevalue("rabbitmq_url"))

    def close(self):
        for broker in self._brokers:
            broker.close()
        for store in self._stores:
            store.close()

    def advance(self, seconds):
        if any(store.declarations.remembers("ladder", "") for store in self._stores):
            time.sleep(min(seconds, 10) * UNIT / 1000)
        super().advance(seconds)

    def broker(self, *, host_time=False):
        clock = SystemClock() if host_time else self.clock
        store = AmqpStore(self.settings, clock)
        self._stores.append(store)
        ledgers = MemoryStore(clock) if host_time else self.ledgers
        broker = AmqpBroker(store, lambda: MemoryLedger(ledgers))
        self._brokers.append(broker)
        return broker

    def bus(self, *, host_time=False):
        store = AmqpStore(self.settings, SystemClock() if host_time else self.clock)
        self._stores.append(store)
        bus = AmqpBus(store)
        self._brokers.append(bus)
        return bus

    def kill(self, broker):
        """End its connection without a word, as the death of its process would."""
        link = broker._consuming
        with link.lock:
            if link.connection is not None:
                link.connection.transport.sock.close()

    def corrupt(self, task_id):
        raw = b"\x00 no message"
        store = self._stores[0]
        with store.publishing.using():
            channel = store.publishing.channel()
            name, waiting = f"{self.prefix}{JOBS}", []
            while (found := channel.basic_get(name, no_ack=True)) is not None:
                waiting.append(found)
            for found in waiting:
                hit = found.headers.get("id") == task_id
                sent = Message(raw if hit else found.body, **found.properties)
                if hit:
                    sent.properties["application_headers"] = {"task": 7}
                channel.basic_publish(sent, "", name)
            channel.close()
        return raw
