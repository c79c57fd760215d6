"""What every settler promises: together or not at all, and only for the present owner."""

from __future__ import annotations

from functools import partial

import pytest

from celeriac.domain.errors import NotSupported, SettlementRefused
from celeriac.domain.work.queue_slots import Claim
from celeriac.domain.work.settlement import REQUEUE, DeadLetter, Park, Relay, Requeue, Settlement

from .samples import (
    JOBS,
    at_once,
    claim,
    claim_one,
    contribution,
    ids,
    later,
    message,
    messages,
    payload,
    publish,
    record,
    require,
)

PORT = "settler"

NEXT = "next"


@pytest.fixture
def settler(place, broker, results):
    return place.settler(broker, results)


def states(results, *task_ids):
    return [found and found.state for found in results.fetch(task_ids)]


def counted(results, group="g"):
    return [one.task_id for one in results.fetch_parts(group)]


def everything(token, task_id, index=0):
    """A settlement that does all there is to do."""
    return Settlement(
        token,
        results=(record(task_id),),
        publish=(message(f"{task_id}-1", NEXT), message(f"{task_id}-2", NEXT)),
        parts=(contribution(task_id, index),),
    )


def nothing_was_committed(broker, results, *task_ids):
    assert broker.depth([JOBS, NEXT]) == {JOBS: 0, NEXT: 0}
    assert states(results, *task_ids) == [None] * len(task_ids)
    assert counted(results) == []
    return True


def lapse(place, heir):
    """Let the first lease run out while the heir's holds; return what the heir adopts."""
    for _ in range(3):
        place.advance(4)
        assert heir.renew()
    return heir.recover([JOBS])


def test_what_a_settlement_publishes_can_be_claimed_with_it(broker, results, settler):
    if not settler.claims:
        with pytest.raises(NotSupported):
            settler.settle_and_claim([], Claim([NEXT], 1))
        return
    publish(broker, message("a"), message("b"))
    token = claim(broker, limit=1)[0].token

    settled, claimed = settler.settle_and_claim(
        [everything(token, "a")], Claim([JOBS, NEXT], 3, begin=1)
    )

    assert settled == [True]
    assert states(results, "a") == ["SUCCESS"]
    assert [one.started for one in claimed][1:] == [False] * (len(claimed) - 1)
    # A server that is told a script for the first time claims before it settles.
    claimed = [*claimed, *claim(broker, JOBS, NEXT)]
    assert sorted(ids(claimed)) == ["a-1", "a-2", "b"]
    assert broker.settle([(one.token, REQUEUE) for one in claimed]) == [True] * 3


def test_a_stale_owner_claims_nothing_with_what_it_cannot_settle(place, broker, other, settler):
    require(broker, "fencing")
    if not settler.claims:
        return
    publish(broker, message("a"))
    stale = claim_one(broker).token
    publish(broker, message("b"))
    lapse(place, other)

    settled, claimed = settler.settle_and_claim([Settlement(stale)], Claim([JOBS], 5))

    assert (list(settled), list(claimed)) == ([False], [])
    assert broker.depth([JOBS]) == {JOBS: 1}


def test_all_of_a_settlement_comes_true(broker, results, settler):
    publish(broker, message("a"))
    token = claim_one(broker).token

    assert settler.settle([everything(token, "a")]) == [True]

    assert states(results, "a") == ["SUCCESS"]
    assert ids(claim(broker, NEXT)) == ["a-1", "a-2"]
    assert counted(results) == ["a"]
    assert broker.settle([(token, REQUEUE)]) == [False]


def test_nothing_of_it_is_there_before(broker, results, settler):
    publish(broker, message("a"))
    everything(claim_one(broker).token, "a")

    assert nothing_was_committed(broker, results, "a")


def test_a_batch_is_settled_in_its_order(broker, results, settler):
    publish(broker, *messages(50))
    tokens = [delivery.token for delivery in claim(broker)]

    answers = settler.settle(
        [
            Settlement(token, results=(record(f"m{n:03}"),), publish=(message(f"n{n:03}", NEXT),))
            for n, token in enumerate(tokens)
        ]
    )

    assert answers == [True] * 50
    assert ids(claim(broker, NEXT)) == [f"n{n:03}" for n in range(50)]
    assert states(results, "m000", "m049") == ["SUCCESS", "SUCCESS"]


def test_nothing_to_settle_is_nothing(settler):
    assert list(settler.settle([])) == []


def test_the_delivery_ends_as_the_settlement_says(place, broker, settler):
    require(broker, "dead_letters")
    publish(broker, *messages(5))
    done, again, crashed, park, dead = (delivery.token for delivery in claim(broker))

    settler.settle(
        [
            Settlement(done),
            Settlement(again, REQUEUE),
            Settlement(crashed, Requeue(crashed=True)),
            Settlement(park, Park(later(place, 5))),
            Settlement(dead, DeadLetter("unknown-task", "no such task")),
        ]
    )

    back = claim(broker)
    assert [(one.message.id, one.crashes) for one in back] == [("m001", 0), ("m002", 1)]
    assert [(one.message, one.reason, one.detail) for one in broker.dead(JOBS, 10)] == [
        (messages(5)[4], "unknown-task", "no such task")
    ]
    place.advance(6)
    assert ids(claim(broker)) == ["m003"]


def test_a_published_message_may_be_parked(place, broker, settler):
    publish(broker, message("a"))
    retry = message("a", headers={"retries": 1}, eta=later(place, 5))

    settler.settle([Settlement(claim_one(broker).token, publish=(retry,))])

    assert claim(broker) == []
    place.advance(6)
    assert claim_one(broker).message == retry


def test_a_result_is_kept_by_the_rule_of_states(broker, results, settler):
    publish(broker, message("a"))
    results.store([record("a", "SUCCESS", text="first")])

    settler.settle([Settlement(claim_one(broker).token, results=(record("a", "FAILURE"),))])

    (found,) = results.fetch(["a"])
    assert (found.state, found.result) == ("SUCCESS", payload("first"))


def test_several_results_may_come_of_one_delivery(broker, results, settler):
    publish(broker, message("a"))
    both = (record("a"), record("b", "FAILURE"))

    settler.settle([Settlement(claim_one(broker).token, results=both)])

    assert states(results, "a", "b") == ["SUCCESS", "FAILURE"]


# -- fencing


def test_a_stale_owner_commits_nothing(place, broker, other, results, settler):
    if not settler.atomic:
        pytest.skip("not atomic: a stale owner is repaired, not refused")
    publish(broker, message("a"))
    stale = claim_one(broker).token
    lapse(place, other)

    assert settler.settle([everything(stale, "a")]) == [False]

    assert nothing_was_committed(broker, results, "a")


def test_the_new_owner_commits_once(place, broker, other, results, settler):
    if not settler.atomic:
        pytest.skip("not atomic: a stale owner is repaired, not refused")
    publish(broker, message("a"))
    stale = claim_one(broker).token
    (orphan,) = lapse(place, other)
    heirs = place.settler(other, place.results())

    assert heirs.settle([everything(orphan.delivery.token, "a")]) == [True]
    assert settler.settle([everything(stale, "a")]) == [False]

    assert ids(claim(other, NEXT)) == ["a-1", "a-2"]
    assert counted(results) == ["a"]


def test_stale_ones_do_not_keep_the_rest_of_the_batch(broker, results, settler):
    if not settler.atomic:
        pytest.skip("not atomic: a stale owner is repaired, not refused")
    publish(broker, *messages(3))
    tokens = [delivery.token for delivery in claim(broker)]
    broker.settle([(tokens[1], REQUEUE)])

    answers = settler.settle(
        [Settlement(token, results=(record(f"m{n:03}"),)) for n, token in enumerate(tokens)]
    )

    assert answers == [True, False, True]
    assert states(results, "m000", "m001", "m002") == ["SUCCESS", None, "SUCCESS"]
    assert ids(claim(broker)) == ["m001"]


def test_settling_the_same_batch_again_changes_nothing(broker, results, settler):
    if not settler.atomic:
        pytest.skip("not atomic: what is done again is done twice")
    publish(broker, message("a"))
    batch = [everything(claim_one(broker).token, "a")]

    assert settler.settle(batch) == [True]
    assert settler.settle(batch) == [False]

    assert broker.depth([NEXT]) == {NEXT: 2}


def test_a_token_counts_once_within_a_batch(broker, results, settler):
    if not settler.atomic:
        pytest.skip("not atomic: what is done again is done twice")
    publish(broker, message("a"))
    token = claim_one(broker).token

    assert settler.settle([everything(token, "a"), everything(token, "b")]) == [True, False]

    assert ids(claim(broker, NEXT)) == ["a-1", "a-2"]
    assert states(results, "a", "b") == ["SUCCESS", None]


def test_a_delivery_is_settled_by_exactly_one_of_many_threads(place, broker, results):
    settlers = [place.settler(broker, results) for _ in range(8)]
    if not settlers[0].atomic:
        pytest.skip("not atomic: what is done again is done twice")
    publish(broker, message("a"))
    token = claim_one(broker).token

    answers = at_once([partial(settler.settle, [everything(token, "a")]) for settler in settlers])

    assert sorted(answers) == [[False]] * 7 + [[True]]
    assert broker.depth([NEXT]) == {NEXT: 2}


# -- refusal


def unroutable(token):
    nowhere = message("x", exchange="unknown")
    return Settlement(
        token, results=(record("bad"),), publish=(nowhere,), parts=(contribution("bad", 1),)
    )


def test_what_is_refused_is_named_and_nothing_of_the_batch_is_committed(broker, results, settler):
    publish(broker, *messages(3))
    good, bad, fine = (delivery.token for delivery in claim(broker))

    with pytest.raises(SettlementRefused) as refusal:
        settler.settle([everything(good, "good"), unroutable(bad), everything(fine, "fine")])

    assert refusal.value.index == 1
    assert "unknown" in str(refusal.value)
    assert nothing_was_committed(broker, results, "good", "bad", "fine")


def test_after_a_refusal_the_tokens_still_hold(broker, results, settler):
    publish(broker, *messages(2))
    good, bad = (delivery.token for delivery in claim(broker))
    with pytest.raises(SettlementRefused):
        settler.settle([everything(good, "good"), unroutable(bad)])

    answers = settler.settle([everything(good, "good"), Settlement(bad, results=(record("bad"),))])

    assert answers == [True, True]
    assert states(results, "good", "bad") == ["SUCCESS", "SUCCESS"]
    assert ids(claim(broker, NEXT)) == ["good-1", "good-2"]


def test_a_stale_one_is_answered_and_not_refused(broker, results, settler):
    if not settler.atomic:
        pytest.skip("not atomic: a stale owner is repaired, not refused")
    publish(broker, message("a"))
    token = claim_one(broker).token
    broker.settle([(token, REQUEUE)])

    assert settler.settle([unroutable(token)]) == [False]


# -- relays: a claim that comes to be one of another message ----------------------------------


@pytest.fixture
def relaying(broker, settler):
    """A claim of `a`, settled by a store in which links may follow."""
    if not settler.relays:
        pytest.skip("it cannot: relays")
    publish(broker, message("a"))
    (delivery,) = broker.claim([JOBS], 1, 0, 1)
    return delivery.token


def passed_on(token, task_id, link, number):
    """What is settled when a task has ended and a link has begun in its place."""
    return Settlement(token, results=(record(task_id),), relay=Relay(message(link), number))


def test_a_relay_keeps_the_claim_and_commits_the_rest(broker, results, settler, relaying):
    assert settler.settle([passed_on(relaying, "a", "b", 2)]) == [True]

    assert states(results, "a", "b") == ["SUCCESS", None]
    assert broker.depth([JOBS]) == {JOBS: 0}
    assert settler.settle([Settlement(relaying, results=(record("b"),))]) == [True]
    assert states(results, "b") == ["SUCCESS"]
    assert settler.settle([Settlement(relaying)]) == [False]


def test_whoever_adopts_the_claim_finds_the_last_link_begun(
    place, broker, other, settler, relaying
):
    settler.settle([passed_on(relaying, "a", "b", 2)])
    settler.settle([passed_on(relaying, "b", "c", 3)])

    (orphan,) = lapse(place, other)

    assert (orphan.delivery.message.id, orphan.started) == ("c", True)


def test_several_links_may_be_told_of_at_once(place, broker, other, results, settler, relaying):
    batch = [passed_on(relaying, "a", "b", 2), passed_on(relaying, "b", "c", 3)]

    assert settler.settle(batch) == [True, True]

    assert states(results, "a", "b", "c") == ["SUCCESS", "SUCCESS", None]
    (orphan,) = lapse(place, other)
    assert orphan.delivery.message.id == "c"


def test_links_and_their_end_may_be_told_of_at_once(broker, results, settler, relaying):
    end = Settlement(relaying, results=(record("b"),), publish=(message("n", NEXT),))

    assert settler.settle([passed_on(relaying, "a", "b", 2), end]) == [True, True]

    assert states(results, "a", "b") == ["SUCCESS", "SUCCESS"]
    assert broker.depth([JOBS, NEXT]) == {JOBS: 0, NEXT: 1}


def test_what_is_told_late_or_twice_changes_nothing(place, other, results, settler, relaying):
    early = [passed_on(relaying, "a", "b", 2)]
    settler.settle(early)
    settler.settle([passed_on(relaying, "b", "c", 3)])

    results.forget(["a"])

    assert settler.settle(early) == [True]

    assert states(results, "a") == [None]
    (orphan,) = lapse(place, other)
    assert orphan.delivery.message.id == "c"


def test_a_stale_owner_passes_nothing_on(place, broker, other, results, settler, relaying):
    lapse(place, other)

    assert settler.settle([passed_on(relaying, "a", "b", 2)]) == [False]

    assert states(results, "a") == [None]


def test_a_link_that_goes_back_is_the_one_that_is_claimed(broker, settler, relaying):
    settler.settle([passed_on(relaying, "a", "b", 2)])

    assert settler.settle([Settlement(relaying, REQUEUE)]) == [True]

    assert ids(claim(broker)) == ["b"]
