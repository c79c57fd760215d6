"""What settlers promise about chords: exactly one completion, whatever is repeated or lost."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import partial

import pytest

from celeriac.domain.canvas.chords import ChordGrowth, ChordOpening, Contribution
from celeriac.domain.errors import SettlementRefused
from celeriac.domain.tasks.builtin_names import JOIN_CHORD
from celeriac.domain.work.settlement import REQUEUE, DeadLetter, Park, Requeue, Settlement

from .samples import (
    JOBS,
    JOINS,
    at_once,
    claim,
    claim_one,
    contribution,
    ids,
    later,
    message,
    messages,
    part,
    publish,
    require,
)

PORT = "settler"


@pytest.fixture
def settler(place, broker, results):
    settler = place.settler(broker, results)
    if not settler.atomic:
        pytest.skip("not atomic: it joins chords itself")
    return settler


def tokens(broker, count):
    """Publish and claim so many header tasks."""
    publish(broker, *messages(count))
    return [delivery.token for delivery in claim(broker)]


def settle(settler, *pairs):
    """Settle deliveries, each of which is the end of one part or of several."""
    return settler.settle([Settlement(token, parts=tuple(parts)) for token, *parts in pairs])


def counted(results, group="g"):
    return [one.task_id for one in results.fetch_parts(group)]


def parts(count, **fields):
    return [contribution(f"t{n}", n, size=count, **fields) for n in range(count)]


@pytest.mark.parametrize("seed", range(8))
def test_one_completion_is_published_whatever_the_order_and_the_batches(
    broker, results, settler, seed
):
    chance = random.Random(seed)
    # Two parts come twice, as after a redelivery.
    each = [*parts(5), *parts(5)[:2]]
    pairs = list(zip(tokens(broker, 7), each, strict=True))
    chance.shuffle(pairs)

    while pairs:
        size = chance.randint(1, len(pairs))
        batch, pairs = pairs[:size], pairs[size:]
        settle(settler, *batch)
        assert settle(settler, *batch) == [False] * size

    (completion,) = claim(broker, JOINS)
    assert completion.message.task == JOIN_CHORD
    assert counted(results) == ["t0", "t1", "t2", "t3", "t4"]


def test_the_completion_published_is_that_of_the_last_part(broker, settler):
    one, two = tokens(broker, 2)

    settle(settler, (one, contribution("b", 1)))
    assert broker.depth([JOINS]) == {JOINS: 0}
    settle(settler, (two, contribution("a", 0)))

    assert claim_one(broker, JOINS).message == contribution("a").completion


def test_a_chord_that_is_completed_by_others_is_not_completed_again(broker, results, settler):
    one, two, three = tokens(broker, 3)
    settle(settler, (one, contribution("a")), (two, contribution("b", 1)))

    settle(settler, (three, contribution("b", 1)))

    assert ids(claim(broker, JOINS)) == ["join-g-b"]
    assert [count.due for count in results.count_parts([part("b", 1)])] == [False]


def test_the_parts_are_there_until_a_settlement_closes_the_chord(broker, results, settler):
    (token,) = tokens(broker, 1)
    settle(settler, (token, contribution("a", size=1), contribution("x", size=1, group="h")))
    first, second = claim(broker, JOINS)
    body = message("body", "bodies")

    settler.settle([Settlement(first.token, publish=(body,), closes=("g",))])

    assert counted(results) == []
    assert counted(results, "h") == ["x"]
    assert ids(claim(broker, "bodies")) == ["body"]
    assert settler.settle([Settlement(second.token, closes=("h",))]) == [True]


def test_nothing_completes_a_closed_chord(broker, results, settler):
    one, two = tokens(broker, 2)
    settler.settle([Settlement(one, closes=("g",))])

    settler.settle([Settlement(two, parts=(contribution("a", size=1),))])

    assert broker.depth([JOINS]) == {JOINS: 0}
    assert counted(results) == []


def test_a_settlement_may_open_chords_and_count_parts_of_several(broker, results, settler):
    one, two = tokens(broker, 2)
    openings = (ChordOpening("g", 2), ChordOpening("h", 1))
    both = (contribution("a", size=None), contribution("x", size=None, group="h"))

    settler.settle([Settlement(one, opens=openings), Settlement(two, parts=both)])

    assert ids(claim(broker, JOINS)) == ["join-h-x"]
    assert [count.due for count in results.count_parts([part("b", 1, size=None)])] == [True]


def test_parts_of_a_chord_of_which_nobody_knows_the_size_complete_nothing(broker, results, settler):
    one, two = tokens(broker, 2)

    settle(settler, (one, contribution("a", size=None)), (two, contribution("b", 1, size=None)))

    assert broker.depth([JOINS]) == {JOINS: 0}
    assert counted(results) == ["a", "b"]


def test_a_chord_grows_before_the_part_that_makes_it_grow_is_counted(broker, settler):
    one, two = tokens(broker, 2)
    growth = (ChordGrowth("g", 1, "b"),)

    settler.settle([Settlement(one, grows=growth, parts=(contribution("a", size=1),))])
    assert broker.depth([JOINS]) == {JOINS: 0}
    settler.settle([Settlement(two, parts=(contribution("b", 1, size=1),))])

    assert ids(claim(broker, JOINS)) == ["join-g-b"]


def test_a_stale_part_is_not_counted_and_completes_nothing(broker, results, settler):
    one, two, three = tokens(broker, 3)
    broker.settle([(two, REQUEUE)])

    answers = settle(
        settler,
        (one, contribution("a", size=3)),
        (two, contribution("b", 1, size=3)),
        (three, contribution("c", 2, size=3)),
    )

    assert answers == [True, False, True]
    assert broker.depth([JOINS]) == {JOINS: 0}
    settle(settler, (claim_one(broker).token, contribution("b", 1, size=3)))
    assert ids(claim(broker, JOINS)) == ["join-g-b"]


def test_a_stale_opening_and_a_stale_closing_are_passed_over(broker, results, settler):
    one, two = tokens(broker, 2)
    broker.settle([(one, REQUEUE)])

    settler.settle(
        [
            Settlement(one, opens=(ChordOpening("g", 1),), closes=("h",)),
            Settlement(two, parts=(contribution("a", size=None), contribution("x", group="h"))),
        ]
    )

    assert broker.depth([JOINS]) == {JOINS: 0}
    assert counted(results, "h") == ["x"]


def test_workers_that_count_the_last_parts_of_the_same_chords_complete_each_once(place, broker):
    groups = [f"g{n}" for n in range(12)]
    workers, batches = [], []
    for number in range(3):
        worker = place.broker()
        worker.enlist(f"w{number}@host", lease=60)
        settler = place.settler(worker, place.results())
        if not settler.atomic:
            pytest.skip("not atomic: it joins chords itself")
        publish(worker, *messages(len(groups), f"jobs{number}"))
        taken = claim(worker, f"jobs{number}")
        order = groups[number:] + groups[:number]
        batches.append(
            [
                Settlement(one.token, parts=(contribution(f"{group}-{number}", number, 3, group),))
                for one, group in zip(taken, order[:: (-1) ** number], strict=True)
            ]
        )
        workers.append(settler)

    answers = at_once(
        [partial(one.settle, batch) for one, batch in zip(workers, batches, strict=True)]
    )

    assert answers == [[True] * len(groups)] * 3
    completed = [one.split("-")[1] for one in ids(claim(broker, JOINS))]
    assert sorted(completed) == sorted(groups)


def test_a_chord_whose_parts_are_counted_in_both_ways_is_completed_once(broker, results, settler):
    (token,) = tokens(broker, 1)
    assert not results.count_parts([part("a")])[0].due

    settle(settler, (token, contribution("b", 1)))

    assert ids(claim(broker, JOINS)) == ["join-g-b"]
    assert not results.count_parts([part("a")])[0].due


# -- the completion is a message like others


@pytest.mark.parametrize("way", ["requeued", "crashed", "left", "recovered", "parked"])
def test_a_completion_that_was_given_back_is_claimed_again(place, broker, other, settler, way):
    publish(broker, message("a"))
    settle(settler, (claim_one(broker).token, contribution("a", size=1)))
    token = claim_one(broker, JOINS).token

    match way:
        case "requeued":
            broker.settle([(token, REQUEUE)])
        case "crashed":
            broker.settle([(token, Requeue(crashed=True))])
        case "left":
            broker.leave()
        case "recovered":
            for _ in range(3):
                place.advance(4)
                assert other.renew()
            other.settle([(orphan.delivery.token, REQUEUE) for orphan in other.recover([JOINS])])
        case "parked":
            broker.settle([(token, Park(later(place, 5)))])
            assert other.depth([JOINS]) == {JOINS: 1}
            place.advance(6)

    assert other.depth([JOINS]) == {JOINS: 1}
    assert claim_one(other, JOINS).message == contribution("a", size=1).completion


def test_a_completion_may_be_dead_lettered_revived_seized_and_purged(broker, settler):
    require(broker, "dead_letters")
    first, second = tokens(broker, 2)
    settle(settler, (first, contribution("a", size=1)), (second, contribution("x", 0, 1, "h")))
    for delivery in claim(broker, JOINS):
        broker.settle([(delivery.token, DeadLetter("crashes"))])

    broker.revive(JOINS, [letter.tag for letter in broker.dead(JOINS, 10)])

    assert sorted(ids(broker.peek(JOINS, 10))) == ["join-g-a", "join-h-x"]
    assert ids(broker.seize(["join-g-a"])) == ["join-g-a"]
    assert broker.purge([JOINS]) == 1
    assert claim(broker, JOINS) == []


def test_a_completion_that_leads_nowhere_is_refused_with_its_batch(broker, results, settler):
    one, two = tokens(broker, 2)
    lost = contribution("b", 1)
    lost = Contribution(
        lost.part, replace(lost.completion, queue="", exchange="unknown", routing_key="x")
    )

    with pytest.raises(SettlementRefused) as refusal:
        settle(settler, (one, contribution("a")), (two, lost))

    assert refusal.value.index == 1
    assert counted(results) == []
    assert broker.depth([JOBS, JOINS]) == {JOBS: 0, JOINS: 0}
