"""A server that cuts connections is a normal state: the next call goes on by itself."""

from __future__ import annotations

from threading import Event, Thread
from time import monotonic

from celeriac.domain.errors import BrokerUnavailable
from celeriac.domain.work.settlement import DONE

from .actor import JOBS, message
from .places import ON_EACH_SERVER, empty_place  # noqa: F401 - a fixture
from .test_bus_lost_connection import cut_connections

pytestmark = ON_EACH_SERVER


def enlisted(place):
    broker = place.broker(host_time=True)
    broker.enlist("w@host", 60)
    return broker


def test_every_call_after_a_cut_works_at_once(place):
    broker, results = enlisted(place), place.results(host_time=True)
    dialect = broker.store.dialect
    cut = []

    broker.publish([message("a")], deadline=5)
    cut.append(cut_connections(place, dialect))
    broker.publish([message("b")], deadline=5)
    cut.append(cut_connections(place, dialect))
    claimed = broker.claim([JOBS], 10, 0)
    cut.append(cut_connections(place, dialect))
    assert broker.renew() is True
    cut.append(cut_connections(place, dialect))
    assert broker.settle([(one.token, DONE) for one in claimed]) == [True, True]
    results.fetch(["a"])
    cut.append(cut_connections(place, dialect))
    assert results.fetch(["a"]) == [None]

    assert [one.message.id for one in claimed] == ["a", "b"]
    assert min(cut) >= 1


def test_a_blocked_claim_receives_what_is_published_after_a_cut(place):
    worker, publisher = enlisted(place), place.broker(host_time=True)
    publisher.open()
    waits, caught = Event(), []

    def work():
        end = monotonic() + 30
        while not caught and monotonic() < end:
            waits.set()
            try:
                caught.extend(worker.claim([JOBS], 10, 30))
            except BrokerUnavailable:
                continue

    working = Thread(target=work)
    working.start()
    assert waits.wait(timeout=20)
    cut_connections(place, worker.store.dialect)
    began = monotonic()
    publisher.publish([message("a")], deadline=5)
    working.join(timeout=30)

    assert [one.message.id for one in caught] == ["a"]
    assert monotonic() - began < 6
