"""What is particular to in-memory results; their promises are in the contract suite."""

from __future__ import annotations

from datetime import timedelta

import pytest

from celeriac.adapters.memory import MemoryBroker, MemoryResults, MemorySettler, VirtualClock
from celeriac.domain.canvas.chords import ChordPart, Contribution
from celeriac.domain.errors import ResultTooLarge, SettlementRefused
from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.messaging.payload import Payload
from celeriac.domain.tasks.builtin_names import JOIN_CHORD
from celeriac.domain.tasks.result_record import ResultRecord
from celeriac.domain.work.settlement import Settlement


def record(task_id, size):
    return ResultRecord(task_id, "SUCCESS", Payload(b"x" * size))


def claimed(broker, *task_ids):
    """Publish and claim; return the tokens."""
    messages = [TaskMessage(one, "tasks.add", b"[]", queue="jobs") for one in task_ids]
    broker.publish(messages, deadline=1)
    broker.enlist("w@host", 60)
    return [delivery.token for delivery in broker.claim(["jobs"], 10, 0)]


def test_on_a_virtual_clock_a_watch_never_blocks():
    clock = VirtualClock()

    assert list(MemoryResults(clock=clock).watch(["a"], wait=3600)) == []
    assert clock.monotonic() == 0


def test_a_result_too_large_keeps_its_whole_batch_out():
    results = MemoryResults(clock=VirtualClock(), max_bytes=10)

    with pytest.raises(ResultTooLarge, match="task b takes 11 bytes"):
        results.store([record("a", 10), record("b", 11)])

    assert results.fetch(["a", "b"]) == [None, None]
    assert results.capabilities.max_bytes == 10


def test_a_settlement_with_a_result_too_large_is_refused_by_its_index():
    broker = MemoryBroker(clock=VirtualClock())
    results = MemoryResults(broker.memory, max_bytes=10)
    one, two = claimed(broker, "a", "b")

    with pytest.raises(SettlementRefused, match=r"settlement 1 .* 11 bytes") as refusal:
        MemorySettler(broker, results).settle(
            [
                Settlement(one, results=(record("a", 10),)),
                Settlement(two, results=(record("b", 11),)),
            ]
        )

    assert refusal.value.index == 1
    assert results.fetch(["a", "b"]) == [None, None]


def test_a_settler_over_one_store_is_atomic_and_over_two_is_not():
    broker = MemoryBroker(clock=VirtualClock())

    assert MemorySettler(broker, MemoryResults(broker.memory)).atomic is True
    assert MemorySettler(broker, MemoryResults()).atomic is False


def test_a_settler_over_two_stores_settles_as_well():
    broker = MemoryBroker(clock=VirtualClock())
    results = MemoryResults(clock=VirtualClock())
    (token,) = claimed(broker, "a")
    next_one = TaskMessage("b", "tasks.add", b"[]", queue="next")
    settlement = Settlement(token, results=(record("a", 1),), publish=(next_one,))

    answers = MemorySettler(broker, results).settle([settlement, settlement])

    assert answers == [True, False]
    assert results.fetch(["a"]) == [record("a", 1)]
    assert broker.peek("next", 10) == [next_one]


def test_chords_that_were_never_completed_expire_with_the_rest():
    clock = VirtualClock()
    results = MemoryResults(clock=clock)
    results.count_parts([ChordPart("old", "a", 0, 2, "SUCCESS")])
    clock.advance(3600)
    results.count_parts([ChordPart("young", "b", 0, 2, "SUCCESS")])

    assert results.expire(clock.now() - timedelta(minutes=30), None) == 0

    assert results.fetch_parts("old") == []
    assert [part.task_id for part in results.fetch_parts("young")] == ["b"]


def test_what_is_left_of_a_closed_chord_expires_with_the_rest():
    clock = VirtualClock()
    results = MemoryResults(clock=clock)
    results.close_chords(["g"])
    clock.advance(3600)
    only = ChordPart("g", "a", 0, 1, "SUCCESS")

    results.expire(clock.now() - timedelta(minutes=61), None)
    assert not results.count_parts([only])[0].due
    clock.advance(3600)
    results.expire(None, clock.now() - timedelta(minutes=30))
    assert not results.count_parts([only])[0].due
    clock.advance(3600)
    results.expire(clock.now() - timedelta(minutes=30), None)

    assert results.count_parts([only])[0].due


def test_a_chord_that_a_settler_completed_keeps_its_parts_and_is_due_no_more():
    broker = MemoryBroker(clock=VirtualClock())
    results = MemoryResults(broker.memory)
    (token,) = claimed(broker, "a")
    only = ChordPart("g", "a", 0, 1, "SUCCESS")
    completion = TaskMessage("join", JOIN_CHORD, b"[]", queue="joins")

    MemorySettler(broker, results).settle(
        [Settlement(token, parts=(Contribution(only, completion),))]
    )

    assert broker.peek("joins", 10) == [completion]
    assert not results.count_parts([only])[0].due
    assert results.fetch_parts("g") == [only]


def test_parts_without_an_index_come_last():
    results = MemoryResults(clock=VirtualClock())
    bare, second, first = (
        ChordPart("g", name, index, 3, "SUCCESS")
        for name, index in (("x", None), ("b", 1), ("a", 0))
    )

    results.count_parts([bare, second, first])

    assert results.fetch_parts("g") == [first, second, bare]
