"""Brokers of several workers with one ledger, and what may happen to their connections."""

from __future__ import annotations

import secrets
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest

from celeriac.adapters.host.clock import SystemClock
from celeriac.adapters.kombu.broker import AmqpBroker
from celeriac.adapters.kombu.settings import read
from celeriac.adapters.kombu.store import AmqpStore
from celeriac.adapters.memory import MemoryStore
from celeriac.adapters.memory.ledger import MemoryLedger
from celeriac.domain.errors import BackendUnavailable, BrokerUnavailable
from tests.contracts.samples import message, publish


class Ledger(MemoryLedger):
    """A ledger that may be away: then nothing can be noted or struck."""

    is_away = False

    def note(self, owner, entries):
        self._look()
        return super().note(owner, entries)

    def strike(self, owner, keys):
        self._look()
        return super().strike(owner, keys)

    def _look(self):
        if self.is_away:
            raise BackendUnavailable("the ledger is away")


class Workers:
    """Hires workers on queues of one test's own."""

    def __init__(self, url, queue_type):
        said = read(url, {"task_default_queue_type": queue_type})
        self._settings = replace(said, prefix=f"t{secrets.token_hex(4)}.")
        self._clock = SystemClock()
        self._ledgers = MemoryStore(self._clock)
        self._made = []

    def __call__(self, lease=60):
        store = AmqpStore(self._settings, self._clock)
        broker = AmqpBroker(store, lambda: Ledger(self._ledgers))
        broker.enlist(f"w{len(self._made)}@host", lease)
        self._made.append((broker, store))
        return broker

    def close(self):
        for broker, store in self._made:
            broker.close()
            store.close()


def started(broker):
    """Publish a message, claim it and have it begun; return its token."""
    publish(broker, message("a"))
    (delivery,) = claimed(broker)
    assert broker.mark_started([delivery.token]) == [True]
    return delivery.token


def claimed(broker, seconds=10.0):
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if found := broker.claim(["jobs"], 5, 0.2):
            return found
    return []


def lose_connection(broker):
    with broker._consuming.lock:
        broker._consuming.connection.transport.sock.shutdown(2)
    with pytest.raises(BrokerUnavailable):
        claimed(broker)


def in_doubt(broker):
    """Have a worker take the message without running it."""
    found, ends = [], time.monotonic() + 10
    while not broker.is_in_doubt and not found:
        assert time.monotonic() < ends, "the message was not delivered again"
        found = broker.claim(["jobs"], 5, 0.2)
    assert found == []


def nothing_is_left(hire, *brokers):
    """Close connections, and look as another worker whether anything comes back."""
    for broker in brokers:
        broker.close()
    return claimed(hire(), seconds=1.0) == []


def begun_early(broker, token):
    """Have a delivery begun that is acknowledged before it is run."""
    return broker.mark_started([token], {token})


@contextmanager
def cut_off(broker):
    """Lose the connection with the next word that is said to the server."""
    link = broker._consuming
    link.send = lambda frames: link.connection.transport.sock.shutdown(2)
    yield
    del link.send


@contextmanager
def unheard(broker):
    """Let nothing that is said arrive at the server, nor anybody notice."""
    link = broker._consuming
    link.send = lambda frames: None
    yield
    del link.send


def end_connection(broker):
    """End a worker's connection so that RabbitMQ notices, and the worker does not."""
    with broker._consuming.lock:
        if broker._consuming.connection is not None:
            broker._consuming.connection.transport.sock.shutdown(2)


def set_ledger_away(broker, away):
    """Have one worker lose its way to the ledger, or find it again."""
    broker.ownership._ledger.is_away = away
