"""The lease of a worker on AMQP: where there is a ledger, that alone knows whether it runs."""

import pytest

from celeriac.adapters.kombu.ownership import Ownership
from celeriac.adapters.memory import MemoryStore, VirtualClock
from celeriac.adapters.memory.ledger import MemoryLedger
from celeriac.domain.errors import LeaseLost


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def make(clock: VirtualClock):
    store = MemoryStore(clock)
    return lambda: Ownership(clock, lambda: MemoryLedger(store))


def test_a_lease_kept_by_another_process_still_runs_for_its_owner(make, clock: VirtualClock):
    owner, guard = make(), make()
    owner.enlist("w@h", 10.0)
    papers = owner.papers()

    for _ in range(3):
        clock.advance(6)
        assert guard.renew_as(papers) is True

    assert not owner.is_present
    owner.check()
    assert owner.is_present
    assert owner.renew() is True


def test_a_lease_that_nobody_kept_is_lost(make, clock: VirtualClock):
    owner, guard = make(), make()
    owner.enlist("w@h", 10.0)

    clock.advance(11)

    assert guard.renew_as(owner.papers()) is False
    assert owner.renew() is False
    with pytest.raises(LeaseLost):
        owner.check()


def test_without_a_ledger_there_are_no_papers(clock: VirtualClock):
    owner = Ownership(clock, None)
    owner.enlist("w@h", 10.0)

    assert owner.papers() is None
    assert owner.renew_as("1") is False
