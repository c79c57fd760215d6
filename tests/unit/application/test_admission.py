"""A worker's word with the coordinator: asked in batches, slots held, prolonged and given back."""

from math import inf

import pytest

from celeriac import Celeriac
from celeriac.adapters.memory import MemoryBroker, MemoryCoordinator, MemoryStore, VirtualClock
from celeriac.application.admission import PAUSE_SECONDS, Admission
from celeriac.domain.errors import BrokerUnavailable
from celeriac.domain.work.admission import Ask
from celeriac.entrypoints.testing import running_worker

DB = ("task:db", 1)


class Away(MemoryCoordinator):
    """Cannot be reached while it is told so."""

    away = False

    def admit(self, asks, ttl):
        self._fail()
        return super().admit(asks, ttl)

    def give_back(self, held):
        self._fail()
        super().give_back(held)

    def _fail(self):
        if self.away:
            raise BrokerUnavailable("store is away")


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def coordinator(clock):
    return Away(clock=clock)


@pytest.fixture
def admission(coordinator):
    return Admission(lambda: coordinator, lease=10.0)


def test_what_is_held_is_prolonged_until_it_is_given_back(admission, coordinator, clock):
    assert admission.ask([Ask("t0", (DB,)), Ask("t1", (DB,))]) == [0.0, inf]
    for _ in range(3):
        clock.advance(8)
        admission.prolong()

    assert coordinator.take_slots([DB], "other", 10) is False
    admission.give_back([("task:db", "t0")])

    assert admission.holds == 0
    assert coordinator.take_slots([DB], "other", 10) is True


def test_slots_of_a_lost_lease_are_not_prolonged(admission, coordinator, clock):
    admission.ask([Ask("t0", (DB,))])

    admission.forget()
    clock.advance(8)
    admission.prolong()
    clock.advance(8)

    assert coordinator.take_slots([DB], "other", 10) is True


def test_while_nobody_can_be_asked_nothing_begins(admission, coordinator):
    coordinator.away = True

    assert admission.ask([Ask("t0", (DB,))]) == [PAUSE_SECONDS]
    assert admission.holds == 0


def test_a_slot_that_cannot_be_given_back_runs_out(admission, coordinator, clock, caplog):
    admission.ask([Ask("t0", (DB,))])
    coordinator.away = True
    admission.give_back([("task:db", "t0")])
    coordinator.away = False

    clock.advance(11)
    admission.prolong()

    assert "run out in 10 s (worker_lease)" in caplog.text
    assert coordinator.take_slots([DB], "other", 10) is True


def test_a_worker_runs_limited_tasks_one_at_a_time_and_ends_holding_nothing():
    store = MemoryStore()
    broker = MemoryBroker(store)
    with Celeriac("shop", broker=broker, set_as_current=False) as app:
        running, most = [], []

        @app.task(max_concurrency=1)
        def query(number):
            running.append(number)
            most.append(len(running))
            running.remove(number)
            return number

        results = [query.delay(number) for number in range(6)]
        with running_worker(app, concurrency=4):
            assert [result.get(timeout=20) for result in results] == list(range(6))

    assert most == [1] * 6
    assert MemoryCoordinator(store).take_slots([("task:" + query.name, 1)], "other", 10) is True
