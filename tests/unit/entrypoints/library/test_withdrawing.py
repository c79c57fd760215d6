"""Revoked while they wait, tasks leave their queues, and whoever waits for them is told."""

import pytest

from celeriac.canvas import chain, chord, group
from celeriac.domain.work.settlement import DONE
from celeriac.exceptions import ChordError


@pytest.fixture
def cook(shop):
    return shop.app.task(name="cook")(lambda *dishes: dishes)


@pytest.fixture
def mourn(shop):
    return shop.app.task(name="mourn")(shop.seen.append)


def test_the_chord_of_a_task_that_is_taken_out_fails(shop, cook, mourn):
    gone = cook.s(1).set(task_id="gone")
    meal = chord([gone, cook.s(2)], cook.s().on_error(mourn.s())).apply_async()

    shop.app.control.revoke("gone")
    shop.work_off()

    assert isinstance(meal.get(timeout=1, propagate=False), ChordError)
    assert shop.seen == [meal.id]


@pytest.mark.parametrize("when", ["before the others", "after the others"])
def test_a_chord_of_which_all_or_the_last_are_taken_out_fails(shop, cook, mourn, when):
    meal = chord([cook.s(1), cook.s(2)], cook.s().on_error(mourn.s())).apply_async(countdown=60)
    ids = [one.id for one in meal.parent.results]

    shop.app.control.revoke(ids if when == "before the others" else ids[:1])
    shop.app.control.revoke(ids)
    shop.work_off()

    assert isinstance(meal.get(timeout=1, propagate=False), ChordError)
    assert shop.seen == [meal.id]


def test_what_was_to_follow_in_a_chain_is_revoked_with_its_first_link(shop, cook, mourn):
    course = chain(cook.s(1).set(task_id="gone"), cook.s(), cook.s()).on_error(mourn.s())()

    shop.app.control.revoke("gone")
    shop.work_off()

    assert [course.state, course.parent.state, course.parent.parent.state] == ["REVOKED"] * 3
    assert shop.seen == []


def test_a_chord_behind_a_task_that_is_taken_out_fails(shop, cook):
    header = group(cook.s(1).set(task_id="gone") | cook.s(), cook.s(2))
    meal = (header | cook.s()).apply_async()

    shop.app.control.revoke("gone")
    shop.work_off()

    assert isinstance(meal.get(timeout=1, propagate=False), ChordError)


def test_without_any_worker_a_chord_ends_with_its_last_header_task(shop, cook, mourn):
    inner = chord([cook.s(1), cook.s(2)], cook.s())
    meal = chord([cook.s(3), inner], cook.s().on_error(mourn.s())).apply_async(countdown=60)
    waiting = list(shop.store.messages.lines["celery"].waiting.values())

    shop.app.control.revoke([entry.message.id for entry in waiting])

    assert len(waiting) == 3
    assert isinstance(meal.result, ChordError)
    assert (meal.state, "TaskRevokedError" in str(meal.result)) == ("FAILURE", True)
    assert [one.task for one in shop.app.broker.peek("celery", 9)] == ["mourn"]


def test_whoever_revokes_leaves_the_claims_of_a_worker_in_the_same_process_alone(shop, cook):
    worker = shop.app.broker
    cook.s(1).apply_async(task_id="held")
    worker.enlist("w1@host", lease=60)
    (held,) = worker.claim(["celery"], 1, 0)
    cook.s(2).apply_async(task_id="queued")

    shop.app.control.revoke(["held", "queued"])

    assert shop.app.AsyncResult("queued").state == "REVOKED"
    assert worker.renew()
    assert worker.settle([(held.token, DONE)]) == [True]


def test_a_result_takes_back_its_task_from_a_paused_queue(shop, cook):
    shop.app.broker.pause("celery")
    result = cook.delay(1)

    result.revoke()

    assert result.state == "REVOKED"
    assert shop.app.broker.depth(["celery"]) == {"celery": 0}
