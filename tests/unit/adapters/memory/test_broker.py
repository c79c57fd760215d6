"""What is particular to the in-memory broker; its promises are in the contract suite."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread
from time import monotonic

import pytest

from celeriac.adapters.memory import MemoryBroker, MemoryStore, VirtualClock
from celeriac.domain.errors import LeaseLost, NotSupported
from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.work.settlement import DeadLetter


def message(task_id, **fields):
    return TaskMessage(task_id, "tasks.add", b"[]", queue="jobs", **fields)


def enlisted(store=None, clock=None, lease=60):
    broker = MemoryBroker(store, clock)
    broker.enlist("w@host", lease)
    return broker


def ids(deliveries):
    return [delivery.message.id for delivery in deliveries]


def test_on_a_virtual_clock_a_claim_never_blocks_and_no_time_passes():
    clock = VirtualClock()
    broker = enlisted(clock=clock)

    assert list(broker.claim(["jobs"], 1, wait=3600)) == []
    assert clock.monotonic() == 0


def test_in_real_time_a_blocked_claim_returns_when_a_parked_message_comes_due():
    broker = enlisted()
    eta = datetime.now(UTC) + timedelta(seconds=0.2)
    broker.publish([message("a", eta=eta)], deadline=1)
    began = monotonic()

    claimed = broker.claim(["jobs"], 1, wait=30)

    assert ids(claimed) == ["a"]
    assert datetime.now(UTC) >= eta
    assert monotonic() - began < 10


def test_a_wake_before_the_claim_is_not_lost():
    broker = enlisted()
    broker.wake()
    began = monotonic()

    assert list(broker.claim(["jobs"], 1, wait=30)) == []
    assert monotonic() - began < 10


def test_a_wake_ends_one_claim_only():
    broker = enlisted()
    broker.wake()
    broker.claim(["jobs"], 1, wait=30)
    began = monotonic()

    assert list(broker.claim(["jobs"], 1, wait=0.1)) == []
    assert monotonic() - began >= 0.1


def test_a_claim_takes_one_of_each_queue_in_turn():
    broker = enlisted(clock=VirtualClock())
    broker.publish([message(f"a{n}") for n in range(4)], deadline=1)
    broker.publish([replace(message(f"b{n}"), queue="b") for n in range(2)], deadline=1)

    assert sorted(ids(broker.claim(["jobs", "b"], 4, 0))) == ["a0", "a1", "b0", "b1"]


def test_a_wake_wakes_its_own_broker_only():
    store = MemoryStore()
    sleeper, other = enlisted(store), enlisted(store)
    claimed = []
    waiting = Thread(target=lambda: claimed.extend(sleeper.claim(["jobs"], 1, wait=30)))
    waiting.start()

    other.wake()
    other.publish([message("a")], deadline=1)
    waiting.join(timeout=30)

    assert ids(claimed) == ["a"]


def test_a_blocked_claim_learns_that_its_lease_ran_out():
    broker = enlisted(lease=0.1)
    began = monotonic()

    with pytest.raises(LeaseLost):
        broker.claim(["jobs"], 1, wait=30)

    assert monotonic() - began < 10


def test_nobody_claims_or_recovers_without_enlisting():
    broker = MemoryBroker(clock=VirtualClock())

    with pytest.raises(LeaseLost, match="enlist"):
        broker.claim(["jobs"], 1, 0)
    with pytest.raises(LeaseLost, match="enlist"):
        broker.recover(["jobs"])
    assert broker.renew() is False


def test_a_lost_lease_is_named_with_its_owner_and_length():
    clock = VirtualClock()
    broker = enlisted(clock=clock, lease=15)
    clock.advance(15)

    with pytest.raises(LeaseLost, match=r"w@host \(15 s\)"):
        broker.recover(["jobs"])


def test_a_jump_of_the_wall_clock_costs_no_lease():
    clock = VirtualClock()
    broker = enlisted(clock=clock, lease=15)

    clock.jump_wall(3600)

    assert broker.renew() is True


def test_a_jump_of_the_wall_clock_makes_parked_messages_due():
    clock = VirtualClock()
    broker = enlisted(clock=clock)
    broker.publish([message("a", eta=clock.now() + timedelta(hours=1))], deadline=1)

    clock.jump_wall(3600)

    assert ids(broker.claim(["jobs"], 1, 0)) == ["a"]


def test_brokers_without_a_common_store_know_nothing_of_each_other():
    one, two = enlisted(clock=VirtualClock()), enlisted(clock=VirtualClock())

    one.publish([message("a")], deadline=1)

    assert two.depth(["jobs"]) == {"jobs": 0}


def test_what_has_become_due_stands_by_its_publication():
    clock = VirtualClock()
    broker = enlisted(clock=clock)
    broker.publish([message("a", eta=clock.now() + timedelta(seconds=5))], deadline=1)
    broker.publish([message("b")], deadline=1)
    clock.advance(6)

    assert ids(broker.claim(["jobs"], 2, 0)) == ["a", "b"]


def test_dead_letters_are_revived_by_tags_as_a_person_types_them():
    broker = enlisted(clock=VirtualClock())
    broker.publish([message("a")], deadline=1)
    (delivery,) = broker.claim(["jobs"], 1, 0)
    broker.settle([(delivery.token, DeadLetter("rejected"))])
    (letter,) = broker.dead("jobs", 1)

    assert broker.revive("jobs", [str(letter.tag), "no such"]) == 1


def test_a_refused_transaction_says_what_to_do():
    broker = MemoryBroker(clock=VirtualClock())

    with pytest.raises(NotSupported, match="SQL broker"):
        broker.publish([message("a")], deadline=1, within=object())
