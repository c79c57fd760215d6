"""What every broker promises to who takes single messages out of queues, as revoking does."""

from __future__ import annotations

import pytest

from celeriac.domain.errors import LeaseLost
from celeriac.domain.messaging.delivery import Undecodable
from celeriac.domain.work.settlement import DONE, REQUEUE

from .samples import (
    JOBS,
    SOON,
    at_once,
    claim,
    claim_one,
    contribution,
    ids,
    later,
    message,
    messages,
    publish,
    require,
)

PORT = "broker"


@pytest.fixture(autouse=True)
def able(place):
    """Only of brokers that can; that the others refuse is a test of its own."""
    require(place.broker(), "seize")


def test_what_waits_is_seized_by_its_id_and_nothing_else_is(place, broker, other):
    publish(broker, message("held"))
    held = claim_one(other)
    sent = [*messages(3), message("parked", eta=later(place, 8)), message("x", queue="b")]
    publish(broker, *sent)

    found = list(broker.seize(["x", "m001", "parked", "held", "unheard", "m001"]))

    assert sorted(ids(found)) == ["m001", "parked", "x"]
    assert {one.message.id: one.message for one in found}["m001"] == sent[1]
    assert {one.message.id: one.queue for one in found} == {"m001": JOBS, "parked": JOBS, "x": "b"}
    assert {(one.crashes, one.redelivered) for one in found} == {(0, False)}
    assert broker.depth([JOBS, "b"]) == {JOBS: 2, "b": 0}
    assert ids(claim(broker)) == ["m000", "m002"]
    assert other.settle([(held.token, DONE)]) == [True]
    place.advance(9)
    assert claim(broker) == []


def test_what_is_seized_is_held_and_settled_like_what_is_claimed(place, broker, other):
    publish(broker, *messages(3))

    (found,) = broker.seize(["m001"])

    assert other.seize(["m001"]) == []
    assert broker.mark_started([found.token]) == [True]
    assert broker.settle([(found.token, DONE)]) == [True]
    assert broker.settle([(found.token, DONE)]) == [False]
    assert ids(claim(other)) == ["m000", "m002"]


def test_ids_that_wait_nowhere_are_passed_over(broker):
    publish(broker, *messages(2))

    assert list(broker.seize([])) == []
    assert (
        list(broker.seize(["m", "m00", "m0000", "M000", "%", '"', "\\", "\x00", "é", "\ud800"]))
        == []
    )
    assert ids(claim(broker)) == ["m000", "m001"]


@pytest.mark.parametrize("odd", ["tasks:1 of 2", 'say "so", {x}', "back\\slash", "größe €", "]["])
def test_an_id_may_hold_any_characters(broker, odd):
    publish(broker, message("a", headers={"id": odd}), message(odd), message("b"))

    found = broker.seize([odd])

    assert ids(found) == [odd]
    assert ids(claim(broker)) == ["a", "b"]


def test_an_id_that_waits_twice_is_seized_twice(broker):
    publish(broker, message("a"), message("a", queue="b"), message("a"))

    assert ids(broker.seize(["a"])) == ["a", "a", "a"]


def test_the_order_is_that_of_claims_and_parked_ones_come_last(place, broker):
    publish(
        broker,
        message("latest", eta=later(place, 90)),
        *messages(5),
        message("later", eta=later(place, 30)),
    )

    found = broker.seize(["later", "m003", "latest", "m000", "m004"])

    assert ids(found) == ["m000", "m003", "m004", "later", "latest"]
    assert ids(claim(broker)) == ["m001", "m002"]


def test_one_of_each_priority_is_found(broker):
    publish(broker, *(message(f"p{number}", priority=number) for number in range(10)))
    wanted = [f"p{number}" for number in range(1, 10)]

    found = broker.seize(wanted)

    assert sorted(ids(found)) == wanted
    assert {one.message.id: one.message.priority for one in found} == {
        f"p{number}": number for number in range(1, 10)
    }
    if broker.capabilities.priority:
        assert ids(found) == wanted[::-1]
    assert ids(claim(broker)) == ["p0"]


def test_the_completion_of_a_chord_is_found(broker):
    completion = contribution("a").completion
    publish(broker, completion)

    (found,) = broker.seize([completion.id])

    assert found.message == completion
    assert broker.settle([(found.token, REQUEUE)]) == [True]
    assert ids(claim(broker, completion.queue)) == [completion.id]


def test_a_paused_queue_gives_what_is_seized(place, broker):
    require(broker, "pause")
    publish(broker, *messages(2))
    broker.pause(JOBS)

    assert ids(broker.seize(["m001"])) == ["m001"]

    assert claim(broker) == []
    broker.resume(JOBS)
    assert ids(claim(broker)) == ["m000"]


def test_what_a_dead_seizer_held_is_recovered_as_not_started(place, broker, other):
    require(broker, "leases")
    publish(broker, *messages(2), message("parked", eta=later(place, 60)))
    broker.seize(["m001", "parked"])
    for _ in range(3):
        place.advance(4)
        assert other.renew()

    orphans = other.recover([JOBS])

    assert sorted(ids(orphan.delivery for orphan in orphans)) == ["m001", "parked"]
    assert {(orphan.started, orphan.owner) for orphan in orphans} == {(False, "first@host")}
    assert {orphan.delivery.crashes for orphan in orphans} == {0}


def test_a_seizer_whose_lease_ran_out_settles_nothing(place, broker, other):
    require(broker, "fencing")
    publish(broker, *messages(1))
    (found,) = broker.seize(["m000"])
    for _ in range(3):
        place.advance(4)
        assert other.renew()
    (orphan,) = other.recover([JOBS])

    assert broker.settle([(found.token, DONE)]) == [False]
    assert other.settle([(orphan.delivery.token, REQUEUE)]) == [True]
    assert ids(claim(other)) == ["m000"]


def test_nobody_seizes_without_a_lease(place, broker, other):
    publish(broker, *messages(1))
    stranger = place.broker()

    with pytest.raises(LeaseLost):
        stranger.seize(["m000"])
    for _ in range(3):
        place.advance(4)
        assert other.renew()
        other.recover([JOBS])
    with pytest.raises(LeaseLost):
        broker.seize(["m000"])

    assert ids(claim(other)) == ["m000"]


def test_who_leaves_gives_back_what_it_seized(place, broker, other):
    publish(broker, *messages(3))
    broker.seize(["m000", "m001"])

    broker.leave()

    assert ids(claim(other)) == ["m000", "m001", "m002"]


def test_what_was_seized_and_given_back_waits_but_once(place, broker):
    publish(broker, *messages(2), message("parked", eta=later(place, 8)))
    for _ in range(3):
        seized = broker.seize(["m001", "parked"])
        assert broker.settle([(one.token, REQUEUE) for one in seized]) == [True, True]

    assert broker.depth([JOBS]) == {JOBS: 3}
    assert sorted(ids(broker.peek(JOBS, 9))) == ["m000", "m001", "parked"]
    assert sorted(ids(claim(broker))) == ["m000", "m001", "parked"]
    place.advance(9)
    assert claim(broker) == []


def test_each_message_goes_to_one_of_many_who_seize_and_claim(place):
    brokers = [place.broker() for _ in range(6)]
    for number, broker in enumerate(brokers):
        broker.enlist(f"w{number}@host", lease=10)
    publish(brokers[0], *messages(60))
    wanted = [one.id for one in messages(60)]

    def seize(broker):
        return lambda: broker.seize(wanted)

    def drain(broker):
        return lambda: claim(broker, limit=30)

    found = at_once([seize(one) for one in brokers[:3]] + [drain(one) for one in brokers[3:]])

    taken = [task_id for batch in found for task_id in ids(batch)]
    assert sorted(taken) == wanted


def test_what_cannot_be_read_stops_nobody(place, broker):
    publish(broker, *messages(3))
    place.corrupt("m000")

    found = list(broker.seize(["m000", "m001"]))

    # A store may know the id beside the bytes, or only in them.
    readable = [one for one in found if not isinstance(one, Undecodable)]
    assert ids(readable) == ["m001"]
    assert len(claim(broker)) == 3 - len(found)


def test_many_are_seized_among_many(broker):
    for prefix in "ab":
        broker.publish(messages(999, prefix=prefix), deadline=SOON)
    wanted = [one.id for one in (*messages(999, prefix="a")[::2], *messages(999, prefix="b")[1::2])]

    found = broker.seize(wanted)

    assert ids(found) == wanted
    left = [one.id for one in (*messages(999, prefix="a")[1::2], *messages(999, prefix="b")[::2])]
    assert ids(claim(broker, limit=2000)) == left
