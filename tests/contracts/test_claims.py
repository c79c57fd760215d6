"""What every broker promises to workers: claims, leases, fencing, recovery."""

from __future__ import annotations

from functools import partial
from itertools import chain
from threading import Thread
from time import monotonic

import pytest

from celeriac.domain.errors import BrokerUnavailable, LeaseLost
from celeriac.domain.messaging.delivery import Token, Undecodable
from celeriac.domain.work.settlement import DONE, REQUEUE, DeadLetter, Park, Requeue

from .samples import (
    JOBS,
    at_once,
    claim,
    claim_one,
    ids,
    later,
    message,
    messages,
    publish,
    require,
    require_crowds,
)

PORT = "broker"


# -- order


def test_a_claim_takes_no_more_than_its_limit(broker):
    publish(broker, *messages(5))

    assert ids(claim(broker, limit=2)) == ["m000", "m001"]
    assert ids(claim(broker, limit=10)) == ["m002", "m003", "m004"]
    assert claim(broker) == []


def test_a_claim_of_nothing_takes_nothing(broker):
    publish(broker, *messages(2))

    assert claim(broker, limit=0) == []
    assert list(broker.claim([], 10, 0)) == []
    assert broker.depth([JOBS]) == {JOBS: 2}


def test_a_claim_takes_from_the_named_queues_only(broker):
    publish(broker, message("a"), message("b", queue="b"), message("c", queue="c"))

    assert sorted(ids(claim(broker, JOBS, "c", "unheard"))) == ["a", "c"]
    assert broker.depth(["b"]) == {"b": 1}


def test_higher_priority_goes_first_and_then_the_older(broker):
    require(broker, "priority")
    publish(
        broker,
        message("low", priority=1),
        message("high", priority=9),
        message("none"),
        message("highest", priority=255),
        message("high too", priority=9),
    )

    assert ids(claim(broker)) == ["highest", "high", "high too", "low", "none"]


def test_priority_holds_across_small_claims(broker):
    require(broker, "priority")
    publish(broker, *messages(3), *messages(3, prefix="n", priority=5))

    order = [task_id for _ in range(6) for task_id in ids(claim(broker, limit=1))]

    assert order == ["n000", "n001", "n002", "m000", "m001", "m002"]


@pytest.mark.parametrize("limit", [1, 2, 5])
@pytest.mark.parametrize("order", [(JOBS, "b"), ("b", JOBS)])
def test_a_full_queue_does_not_starve_another(broker, limit, order):
    publish(broker, *messages(60), *messages(4, queue="b", prefix="n"))

    claimed = [task_id for _ in range(10) for task_id in ids(claim(broker, *order, limit=limit))]

    assert {"n000", "n001", "n002", "n003"} <= set(claimed)


def test_a_high_priority_in_one_queue_does_not_starve_another(broker):
    require(broker, "priority")
    publish(broker, *messages(40, priority=9), *messages(2, queue="b", prefix="n"))

    claimed = [task_id for _ in range(8) for task_id in ids(claim(broker, JOBS, "b", limit=2))]

    assert {"n000", "n001"} <= set(claimed)


# -- atomic


def drained(broker, limit):
    claimed = []
    while batch := claim(broker, limit=limit):
        claimed += ids(batch)
    return claimed


def test_each_message_is_claimed_by_exactly_one_of_many_workers(place):
    require_crowds(place)
    sent = messages(400)
    publish(place.broker(), *sent)
    workers = [place.broker() for _ in range(8)]
    for number, worker in enumerate(workers):
        worker.enlist(f"w{number}@host", lease=60)

    claimed = at_once([partial(drained, worker, limit=7) for worker in workers])

    assert sorted(task_id for batch in claimed for task_id in batch) == ids(sent)


def test_one_broker_serves_many_threads(place, broker):
    require_crowds(place)
    sent = messages(200)
    publish(broker, *sent)

    claimed = at_once([partial(drained, broker, limit=7)] * 8)

    assert sorted(task_id for batch in claimed for task_id in batch) == ids(sent)


def test_messages_published_by_many_threads_all_arrive(place, broker):
    require_crowds(place)
    batches = [messages(25, prefix=f"t{thread}-") for thread in range(8)]

    at_once([partial(publish, place.broker(), *batch) for batch in batches])

    claimed = drained(broker, limit=100)
    assert sorted(claimed) == sorted(ids(chain.from_iterable(batches)))
    for thread in range(8):
        of_one = [task_id for task_id in claimed if task_id.startswith(f"t{thread}-")]
        assert of_one == sorted(of_one)


def test_a_delivery_is_settled_by_exactly_one_of_many_threads(broker):
    publish(broker, message("a"))
    token = claim_one(broker).token

    answers = at_once([partial(broker.settle, [(token, REQUEUE)])] * 8)

    assert sorted(answers) == [[False]] * 7 + [[True]]
    assert broker.depth([JOBS]) == {JOBS: 1}


# -- waiting


def test_a_blocked_claim_returns_when_a_message_comes(place):
    worker, publisher = place.broker(host_time=True), place.broker(host_time=True)
    worker.enlist("w@host", lease=60)
    claimed = []
    waiting = Thread(target=lambda: claimed.extend(worker.claim([JOBS], 10, wait=30)))
    began = monotonic()

    waiting.start()
    publish(publisher, message("a"))
    waiting.join(timeout=30)

    assert ids(claimed) == ["a"]
    assert monotonic() - began < 10


def test_a_blocked_claim_returns_when_it_is_woken(place):
    worker = place.broker(host_time=True)
    worker.enlist("w@host", lease=60)
    claimed = []
    waiting = Thread(target=lambda: claimed.append(list(worker.claim([JOBS], 10, wait=50))))
    began = monotonic()

    waiting.start()
    # Again and again: the first may come before the thread has begun to wait.
    while waiting.is_alive() and monotonic() - began < 40:
        worker.wake()
        waiting.join(timeout=0.05)

    assert claimed == [[]]
    assert monotonic() - began < 10


def test_a_claim_that_finds_nothing_returns_when_its_time_is_up(place):
    worker = place.broker(host_time=True)
    worker.enlist("w@host", lease=60)
    began = monotonic()

    claimed = worker.claim([JOBS], 10, wait=0.3)

    assert list(claimed) == []
    assert 0.25 <= monotonic() - began < 10


# -- settling


def test_what_is_done_leaves_the_store(place, broker, other):
    publish(broker, message("a"))

    assert broker.settle([(claim_one(broker).token, DONE)]) == [True]

    place.advance(60)
    other.enlist("second@host", lease=10)
    assert other.recover([JOBS]) == []
    assert claim(other) == []
    assert other.depth([JOBS]) == {JOBS: 0}


def test_a_delivery_is_settled_once(broker):
    publish(broker, message("a"))
    token = claim_one(broker).token

    assert broker.settle([(token, DONE), (token, REQUEUE)]) == [True, False]
    assert broker.settle([(token, REQUEUE)]) == [False]
    assert broker.depth([JOBS]) == {JOBS: 0}


def test_a_batch_is_settled_each_by_its_own_disposition(place, broker):
    require(broker, "dead_letters")
    publish(broker, *messages(4))
    done, again, park, dead = (delivery.token for delivery in claim(broker))

    answers = broker.settle(
        [
            (done, DONE),
            (again, REQUEUE),
            (park, Park(later(place, 5))),
            (dead, DeadLetter("rejected")),
        ]
    )

    assert answers == [True, True, True, True]
    assert ids(claim(broker)) == ["m001"]
    assert ids(letter.message for letter in broker.dead(JOBS, 10)) == ["m003"]
    place.advance(6)
    assert ids(claim(broker)) == ["m002"]


def test_a_message_keeps_its_delivery_mode_whatever_becomes_of_it(place, broker):
    require(broker, "dead_letters")
    transient = {"properties": {"delivery_mode": 1}}
    publish(broker, message("now", **transient), message("late", eta=later(place, 3), **transient))
    modes = []

    for disposition in (REQUEUE, Park(later(place, -1)), DeadLetter("rejected")):
        delivery = claim_one(broker)
        modes.append(delivery.message.delivery_mode)
        broker.settle([(delivery.token, disposition)])
    broker.revive(JOBS, [letter.tag for letter in broker.dead(JOBS, 1)])
    place.advance(4)
    modes += [delivery.message.delivery_mode for delivery in claim(broker)]

    assert modes == [1, 1, 1, 1, 1]


def test_nothing_to_settle_is_nothing(broker):
    assert list(broker.settle([])) == []
    assert list(broker.mark_started([])) == []


def test_a_token_nobody_gave_is_stale(broker):
    publish(broker, message("a"))
    good = claim_one(broker).token
    foreign = Token(good.tag, type(good.fence)())

    assert broker.settle([(foreign, DONE)]) == [False]
    assert broker.mark_started([foreign, good]) == [False, True]
    assert broker.settle([(good, DONE)]) == [True]


def test_what_is_requeued_comes_before_later_ones(broker):
    require(broker, "ordered")
    publish(broker, *messages(3))
    first = claim(broker, limit=1)[0]

    broker.settle([(first.token, REQUEUE)])

    again = claim(broker)
    assert ids(again) == ["m000", "m001", "m002"]
    assert [delivery.redelivered for delivery in again] == [True, False, False]
    assert again[0].message == first.message
    assert again[0].token != first.token


def test_crashes_are_counted_where_a_process_died_and_only_there(place, broker):
    publish(broker, message("a"))
    counts = []
    for disposition in (REQUEUE, Requeue(crashed=True), Park(later(place, -1)), Requeue(True)):
        delivery = claim_one(broker)
        counts.append(delivery.crashes)
        broker.settle([(delivery.token, disposition)])

    assert [*counts, claim_one(broker).crashes] == [0, 0, 1, 1, 2]


def test_a_revived_dead_letter_has_its_crashes_forgiven(broker):
    require(broker, "dead_letters")
    publish(broker, message("a"))
    broker.settle([(claim_one(broker).token, Requeue(crashed=True))])
    broker.settle([(claim_one(broker).token, DeadLetter("crashes"))])

    broker.revive(JOBS, [letter.tag for letter in broker.dead(JOBS, 1)])

    assert claim_one(broker).crashes == 0


def test_a_parked_delivery_waits_in_the_store_until_its_time(place, broker, other):
    publish(broker, message("a"))
    broker.settle([(claim_one(broker).token, Park(later(place, 5)))])

    assert claim(broker) == []
    assert broker.depth([JOBS]) == {JOBS: 1} or not broker.capabilities.sees_parked
    place.advance(4)
    assert claim(other) == []
    place.advance(2)
    assert ids(claim(other)) == ["a"]


def test_a_delivery_parked_until_a_past_time_is_ready(place, broker):
    publish(broker, message("a"))
    broker.settle([(claim_one(broker).token, Park(later(place, -5)))])

    assert ids(claim(broker)) == ["a"]


# -- unreadable messages


def test_a_message_that_cannot_be_read_is_claimed_as_such(place, broker):
    publish(broker, message("before"), message("broken"), message("after"))
    raw = place.corrupt("broken")

    before, broken, after = claim(broker)

    assert ids([before, after]) == ["before", "after"]
    assert isinstance(broken, Undecodable)
    assert broken.queue == JOBS
    assert broken.reason
    assert broken.raw == raw if raw is not None else broken.raw
    assert broker.settle([(broken.token, DONE)]) == [True]


def test_an_orphan_may_be_unreadable(place, broker, other):
    require(broker, "leases")
    publish(broker, message("broken"))
    place.corrupt("broken")
    claim(broker)

    (orphan,) = lapsed(place, broker, other)

    assert isinstance(orphan.delivery, Undecodable)


# -- leases


def lapsed(place, dead, heir):
    """Let the lease of one run out while the other renews; return what that one adopts."""
    for _ in range(3):
        place.advance(4)
        assert heir.renew()
    return heir.recover([JOBS])


def test_a_lease_that_is_renewed_holds(place, broker, other):
    publish(broker, message("a"))
    token = claim_one(broker).token

    for _ in range(5):
        place.advance(8)
        assert broker.renew() is True
        assert other.renew() is True
        assert other.recover([JOBS]) == []

    assert broker.settle([(token, DONE)]) == [True]


def test_a_lease_that_ran_out_cannot_be_renewed(place, broker):
    place.advance(11)

    assert broker.renew() is False
    assert broker.renew() is False


def test_nothing_is_claimed_under_a_lease_that_ran_out(place, broker):
    publish(broker, message("a"))
    place.advance(11)

    with pytest.raises(LeaseLost):
        broker.claim([JOBS], 10, 0)

    assert broker.depth([JOBS]) == {JOBS: 1}


def test_after_its_lease_ran_out_a_worker_enlists_anew(place, broker):
    require(broker, "leases")
    publish(broker, *messages(2))
    claim(broker, limit=1)
    place.advance(11)
    broker.renew()

    broker.enlist("first@host", lease=10)

    assert ids(claim(broker)) == ["m001"]
    assert ids(orphan.delivery for orphan in broker.recover([JOBS])) == ["m000"]
    assert broker.renew() is True


def test_what_a_lapsed_owner_held_is_adopted(place, broker, other):
    require(broker, "leases")
    publish(broker, *messages(3))
    one, two, three = claim(broker)
    broker.mark_started([two.token])
    broker.settle([(three.token, DONE)])

    orphans = lapsed(place, broker, other)

    assert sorted((orphan.delivery.message.id, orphan.started) for orphan in orphans) == [
        ("m000", False),
        ("m001", True),
    ]
    assert {orphan.owner for orphan in orphans} == {"first@host"}
    assert {orphan.delivery.queue for orphan in orphans} == {JOBS}
    assert {orphan.delivery.crashes for orphan in orphans} == {0}
    assert {orphan.delivery.redelivered for orphan in orphans} == {True}
    assert {orphan.delivery.token for orphan in orphans}.isdisjoint({one.token, two.token})


def test_what_is_claimed_to_begin_at_once_may_be_noted_as_started(place, broker, other):
    require(broker, "leases")
    publish(broker, *messages(3))

    found = broker.claim([JOBS], 10, 0, 2)
    orphans = lapsed(place, broker, other)

    begun = ids(delivery for delivery in found if delivery.started)
    assert begun in ([], ["m000", "m001"])
    assert sorted(ids(one.delivery for one in orphans if one.started)) == begun
    assert len(orphans) == 3


def test_what_was_claimed_to_begin_and_is_requeued_has_not_been_started(broker):
    publish(broker, message("a"))
    (delivery,) = broker.claim([JOBS], 10, 0, 1)

    broker.settle([(delivery.token, REQUEUE)])

    (again,) = claim(broker)
    assert again.started is False


def test_an_adopted_delivery_is_its_new_owners(place, broker, other):
    require(broker, "leases")
    publish(broker, *messages(2))
    claim(broker)

    settled = [(orphan.delivery.token, REQUEUE) for orphan in lapsed(place, broker, other)]

    assert claim(other) == []
    assert other.recover([JOBS]) == []
    assert other.settle(settled) == [True, True]
    assert ids(claim(other)) == ["m000", "m001"]


def test_a_stale_owner_changes_nothing(place, broker, other):
    require(broker, "fencing")
    publish(broker, message("a"))
    stale = claim_one(broker).token
    (orphan,) = lapsed(place, broker, other)

    assert broker.mark_started([stale]) == [False]
    for disposition in (DONE, REQUEUE, Requeue(crashed=True), Park(later(place, 1))):
        assert broker.settle([(stale, disposition)]) == [False]
    assert broker.settle([(stale, DeadLetter("rejected"))]) == [False]

    assert broker.depth([JOBS]) == {JOBS: 0}
    other.settle([(orphan.delivery.token, REQUEUE)])
    again = claim_one(other)
    assert again.crashes == 0
    assert broker.settle([(stale, DONE)]) == [False]
    assert other.settle([(again.token, DONE)]) == [True]


def test_that_a_delivery_was_started_is_known_to_every_later_owner(place, broker, other):
    require(broker, "leases")
    third = place.broker()
    publish(broker, message("a"))
    broker.mark_started([claim_one(broker).token])
    lapsed(place, broker, other)

    third.enlist("third@host", lease=10)
    (orphan,) = lapsed(place, other, third)

    assert orphan.started is True
    assert orphan.owner == "second@host"


def test_a_requeued_delivery_has_not_been_started(place, broker, other):
    require(broker, "leases")
    publish(broker, message("a"))
    delivery = claim_one(broker)
    broker.mark_started([delivery.token])
    broker.settle([(delivery.token, REQUEUE)])
    claim_one(broker)

    (orphan,) = lapsed(place, broker, other)

    assert orphan.started is False


def test_each_orphan_is_adopted_by_exactly_one_of_many_workers(place, broker):
    require(broker, "leases")
    sent = messages(60)
    publish(broker, *sent)
    claim(broker)
    place.advance(11)
    heirs = [place.broker() for _ in range(8)]
    for number, heir in enumerate(heirs):
        heir.enlist(f"heir{number}@host", lease=60)

    adopted = at_once([lambda heir=heir: heir.recover([JOBS]) for heir in heirs])

    assert sorted(ids(orphan.delivery for batch in adopted for orphan in batch)) == ids(sent)


def test_many_orphans_are_adopted_over_several_calls(place, broker, other):
    require_crowds(place)
    require(broker, "leases")
    sent = messages(900)
    publish(broker, *sent)
    claim(broker, limit=900)

    adopted = list(lapsed(place, broker, other))
    while batch := other.recover([JOBS]):
        adopted += batch

    assert sorted(ids(orphan.delivery for orphan in adopted)) == ids(sent)


# -- where the connection is the lease


def connection_broken(place, broker):
    """Break a worker's connection, where that is what its claims are held by."""
    if broker.capabilities.leases:
        pytest.skip("its claims outlast their connection")
    place.kill(broker)


def claimed_in_time(broker, count):
    """Claim until so many have come: the store may take a moment to notice what broke."""
    claimed = []
    ends = monotonic() + 10
    while len(claimed) < count and monotonic() < ends:
        claimed += claim(broker)
    return claimed


def recovered_in_time(broker):
    """Claim and recover until there is an orphan."""
    ends = monotonic() + 10
    while not (orphans := list(broker.recover([JOBS]))) and monotonic() < ends:
        assert claim(broker) == []
    return orphans


def test_what_a_broken_connection_held_is_claimed_again(place, broker, other):
    publish(broker, *messages(3))
    done, *lost = claim(broker)
    broker.settle([(done.token, DONE)])

    connection_broken(place, broker)

    again = claimed_in_time(other, 2)
    assert sorted(ids(again)) == ["m001", "m002"]
    assert {delivery.redelivered for delivery in again} == {True}
    assert broker.settle([(delivery.token, DONE) for delivery in lost]) == [False, False]


def test_what_was_started_over_a_broken_connection_is_an_orphan_when_the_lease_ran_out(
    place, broker, other
):
    publish(broker, *messages(2))
    begun, _ = claim(broker)
    broker.mark_started([begun.token])
    connection_broken(place, broker)
    assert ids(claimed_in_time(other, 1)) == ["m001"]

    place.advance(6)
    assert other.renew()
    assert claim(other) == []
    assert other.recover([JOBS]) == []
    place.advance(5)

    (orphan,) = recovered_in_time(other)
    assert (orphan.delivery.message.id, orphan.started) == ("m000", True)
    assert orphan.owner == "first@host"
    assert other.settle([(orphan.delivery.token, Requeue(crashed=True))]) == [True]
    assert claim_one(other).crashes == 1


def test_nobody_repeats_what_goes_on_though_its_connection_is_lost(place, broker, other):
    publish(broker, message("a"))
    begun = claim_one(broker)
    broker.mark_started([begun.token])
    connection_broken(place, broker)

    with pytest.raises(BrokerUnavailable):
        claim(broker)
    assert broker.renew() is True

    assert [claim(other), other.recover([JOBS])] == [[], []]
    assert broker.settle([(begun.token, DONE)]) == [True]
    assert [other.recover([JOBS]), claim(other)] == [[], []]


def test_what_is_never_repeated_outlives_its_workers_connection(place, broker, other):
    publish(broker, *messages(2))
    first, second = (delivery.token for delivery in claim(broker))
    assert broker.mark_started([first, second], {first, second}) == [True, True]

    connection_broken(place, broker)

    assert claim(other) == []
    assert broker.settle([(first, DONE), (second, REQUEUE)]) == [True, True]
    assert ids(claim(other)) == ["m001"]
    place.advance(11)
    other.enlist("second@host", lease=10)
    assert other.recover([JOBS]) == []


def test_what_is_never_repeated_is_adopted_from_the_dead(place, broker, other):
    publish(broker, message("a"))
    token = claim_one(broker).token
    broker.mark_started([token], {token})
    connection_broken(place, broker)

    (orphan,) = lapsed(place, broker, other)

    assert orphan.delivery.message == message("a")
    assert (orphan.started, orphan.owner) == (True, "first@host")
    assert other.settle([(orphan.delivery.token, DONE)]) == [True]
    assert broker.settle([(token, DONE)]) == [False]


def test_whoever_leaves_gives_back_what_it_holds_uncounted(broker, other):
    require(broker, "ordered")
    publish(broker, *messages(3))
    begun, *_ = claim(broker, limit=2)
    broker.mark_started([begun.token])

    broker.leave()
    broker.leave()

    back = claim(other)
    assert ids(back) == ["m000", "m001", "m002"]
    assert [delivery.crashes for delivery in back] == [0, 0, 0]
    assert broker.settle([(begun.token, DONE)]) == [False]


def test_leaving_does_not_touch_what_others_hold(broker, other):
    publish(broker, message("a"))
    token = claim_one(other).token

    broker.leave()

    assert other.settle([(token, DONE)]) == [True]


def test_after_leaving_one_may_enlist_anew(broker):
    publish(broker, message("a"))
    broker.leave()

    broker.enlist("first@host", lease=10)

    assert ids(claim(broker)) == ["a"]
