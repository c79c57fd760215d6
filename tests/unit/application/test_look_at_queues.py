"""What is seen of queues: how much waits, and for how long at least."""

from celeriac.adapters.memory import MemoryBroker, MemoryStore, VirtualClock
from celeriac.application.look_at_queues import QueueLook
from celeriac.domain.messaging.message import TaskMessage


def place():
    clock = VirtualClock()
    broker = MemoryBroker(MemoryStore(clock))
    broker.open()
    broker.enlist("w@h", 60.0)
    return clock, broker, QueueLook(broker, ["mail", "video"], clock)


def sent(broker, *ids):
    broker.publish([TaskMessage(id_, "task", b"[]", queue="mail") for id_ in ids], deadline=5.0)


def test_nothing_is_known_before_the_first_look():
    _, _, look = place()

    assert (look.depths, look.waits) == ({}, {})


def test_who_stays_at_the_head_of_a_queue_waits_longer_and_longer():
    clock, broker, look = place()
    sent(broker, "a", "b")

    look.turn()
    clock.advance(5)
    look.turn()
    clock.advance(2)

    assert look.depths == {"mail": 2, "video": 0}
    assert look.waits == {"mail": 7.0, "video": 0.0}


def test_who_comes_to_the_head_next_waits_from_when_it_was_seen_there():
    clock, broker, look = place()
    sent(broker, "a", "b")
    look.turn()
    clock.advance(5)

    broker.claim(["mail"], 1, 0.0)
    look.turn()
    clock.advance(1)

    assert look.depths["mail"] == 1
    assert look.waits["mail"] == 1.0


def test_an_empty_queue_has_nobody_waiting():
    clock, broker, look = place()
    sent(broker, "a")
    look.turn()

    broker.claim(["mail"], 1, 0.0)
    look.turn()
    clock.advance(9)

    assert look.waits == {"mail": 0.0, "video": 0.0}
