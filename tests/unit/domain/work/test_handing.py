"""What a worker decides of tasks that receive their messages by themselves."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from celeriac.domain.errors import WorkerLostError
from celeriac.domain.messaging.delivery import Delivery, Token
from celeriac.domain.tasks.options import TaskOptions
from celeriac.domain.work.core import WorkerPolicy
from celeriac.domain.work.effects import (
    Bury,
    CallBegan,
    CallEnded,
    Effect,
    HandOver,
    Kill,
    Note,
    Release,
    Settle,
    Start,
)
from celeriac.domain.work.handing import HandingCore
from celeriac.domain.work.job import Began, Cancelled, Job, Lost, Report, TimedOut
from celeriac.domain.work.queue_slots import Claim
from celeriac.domain.work.settlement import (
    DONE,
    REQUEUE,
    DeadLetter,
    Park,
    Requeue,
    Settlement,
)
from celeriac.domain.work.uniqueness import HEADER, UniqueKey
from tests.unit.domain.samples import NOON, delivered, message

TASKS = {
    options.name: options
    for options in (
        TaskOptions("shop.add"),
        TaskOptions("shop.batch"),
        TaskOptions("shop.late", acks_late=True),
    )
}
CALL = message("call", "celeriac.call_function", body=b"pickled")


def core_with(slots: int = 2, gathered: int = 3, **policy: Any) -> HandingCore:
    receiving = {"shop.batch": gathered, "shop.late": gathered}
    return HandingCore(WorkerPolicy(slots, **policy), TASKS.get, receiving)


def got(tag: int, task: str = "shop.late", crashes: int = 0, **sent: Any) -> Delivery:
    return delivered(message(f"id-{tag}", task, **sent), tag, crashes=crashes)


def handed(core: HandingCore, *deliveries: Delivery) -> list[int]:
    """Have deliveries taken in; return the numbers they are handed over with."""
    effects = core.on_deliveries(deliveries, NOON, 0.0)
    assert [type(effect) for effect in effects] == [HandOver] * len(deliveries)
    return [effect.number for effect in effects if isinstance(effect, HandOver)]


def begun(core: HandingCore, about: Sequence[int] | None, task: str = "shop.late") -> int:
    """Have a call begin; return its number."""
    number = core.call(CALL, task, about)
    assert number is not None
    [start] = core.start(100)
    assert isinstance(start, Start)
    assert [job.number for job in start.jobs] == [number]
    return number


def settled(*pairs: tuple[int, Any]) -> Settle:
    return Settle([Settlement(Token(tag, 1), disposition) for tag, disposition in pairs])


# -- handing over


def test_what_is_for_a_receiver_is_handed_over_and_stays_in_hand():
    core = core_with()

    effects = core.on_deliveries([got(1), got(2, "shop.add")], NOON, 0.0)

    assert effects == [HandOver(1, got(1))]
    assert (core.held, core.load, core.running, core.idle) == (2, 1, 0, False)
    assert [one.delivery for one in core.hands()] == [got(2, "shop.add"), got(1)]
    assert {one.where for one in core.hands()} == {"reserved"}


def test_what_is_not_due_or_revoked_or_expired_is_handed_to_nobody():
    core, later = core_with(), NOON + timedelta(hours=1)
    core.revoke(["id-2"], NOON, 0.0)

    effects = core.on_deliveries([got(1, eta=later), got(2), got(3, expires=NOON)], NOON, 0.0)

    assert not any(isinstance(effect, HandOver) for effect in effects)
    assert settled((1, Park(later))) in effects
    buried = [effect.delivery for effect in effects if isinstance(effect, Bury)]
    assert buried == [got(2), got(3, expires=NOON)]


def test_what_was_handed_over_fills_no_slot():
    core = core_with(slots=1, gathered=10, prefetch_multiplier=1)
    handed(core, got(1), got(2))
    core.on_deliveries([got(3, "shop.add")], NOON, 0.0)

    [start] = core.start(1)

    assert isinstance(start, Start)
    assert [job.message.id for job in start.jobs] == ["id-3"]


def test_as_much_is_claimed_as_receivers_gather_and_no_more():
    core = core_with(slots=1, gathered=3, prefetch_multiplier=1)

    for tag in range(6):  # two tasks that gather three each
        assert core.claims(["celery"], 1) == [Claim(["celery"], 1, 0)]
        handed(core, got(tag))

    assert core.claims(["celery"], 1) == []
    begun(core, None)
    core.slots = 2
    assert core.claims(["celery"], 1) == [Claim(["celery"], 1, 0)]


def test_nothing_is_marked_with_its_claim_since_it_may_be_for_a_receiver():
    assert core_with(slots=2).claims(["celery"], 2) == [Claim(["celery"], 8, 0)]


# -- settling


def test_what_receivers_say_is_settled_in_one_batch_once():
    core = core_with()
    one, two, three = handed(core, got(1), got(2), got(3))
    away = DeadLetter("rejected", "")

    assert core.on_said([(one, DONE), (two, REQUEUE), (three, away)]) == [
        settled((1, DONE), (2, REQUEUE), (3, away))
    ]
    assert core.on_said([(one, DONE), (99, DONE)]) == []
    assert core.idle


def test_what_a_receiver_failed_with_is_recorded_as_failed():
    core = core_with()
    [number] = handed(core, got(1))
    error, away = KeyError("x"), DeadLetter("strategy", "raised")

    [bury] = core.on_failed([number, 99], error, NOON, away)

    assert bury == Bury(number, got(1), error, disposition=away)
    assert core.on_reports([Report(number, "FAILURE", away)]) == [settled((1, away))]
    assert core.idle


def test_a_unique_call_lets_go_of_its_key_when_its_work_begins_or_is_done_without_any():
    core = core_with()
    header = {HEADER: {"name": "k", "fence": 7, "until": "start"}}
    one, two, three = handed(core, *(got(tag, headers=header) for tag in (1, 2, 3)))

    core.call(CALL, "shop.late", [one])
    _, release = core.start(9)

    assert release == Release([UniqueKey("k", "id-1", 7)])
    assert core.on_said([(one, DONE)]) == [settled((1, DONE))]
    assert core.on_said([(two, DONE), (three, REQUEUE)]) == [
        settled((2, DONE), (3, REQUEUE)),
        Release([UniqueKey("k", "id-2", 7)]),
    ]


# -- calls


def test_a_call_marks_what_it_is_about_then_begins():
    core = core_with()
    early, late, _ = handed(core, got(1, "shop.batch"), got(2), got(3))

    number = core.call(CALL, "shop.batch", [early, late], soft_limit=5.0, hard_limit=9.0)

    assert number == 4
    mark = {early: Token(1, 1), late: Token(2, 1)}
    assert core.start(9) == [Start([Job(4, CALL, 5.0, 9.0)], mark, {Token(1, 1)})]
    assert (core.running, core.load) == (1, 1)
    assert [one.where for one in core.hands()] == ["active", "active", "reserved"]


def test_a_call_that_names_nothing_is_about_all_of_its_task_that_is_in_no_call():
    core = core_with()
    one, two, *_ = handed(core, got(1), got(2), got(3, "shop.batch"))
    begun(core, [one])

    core.call(CALL, "shop.late")

    [start] = core.start(9)
    assert isinstance(start, Start)
    assert list(start.mark) == [two]


def test_calls_and_jobs_share_the_slots():
    core = core_with(slots=2)
    one, two, three = handed(core, got(1), got(2), got(3))
    core.on_deliveries([got(4, "shop.add")], NOON, 0.0)
    for about in ([one], [two], [three]):
        core.call(CALL, "shop.late", about)

    [start] = core.start(9)

    assert isinstance(start, Start)
    assert len(start.jobs) == core.running == 2
    assert core.start(9) == []
    core.on_reports([Report(start.jobs[0].number, "SUCCESS")])
    [start] = core.start(9)
    assert isinstance(start, Start)
    assert [job.message.id for job in start.jobs] == ["call"]


def test_a_calls_beginning_and_end_are_told():
    core = core_with()
    [one] = handed(core, got(1))
    call = begun(core, [one])

    assert core.on_pool(Began([call], 4711), NOON) == [CallBegan(call, 4711)]
    [shown] = core.hands()
    assert (shown.began, shown.pid) == (NOON, 4711)

    report = Report(call, "SUCCESS")
    assert core.on_reports([report]) == [CallEnded(call, (one,), report)]
    assert (core.running, core.held) == (0, 1)
    assert core.on_said([(one, DONE)]) == [settled((1, DONE))]


def test_a_second_call_marks_nothing_again():
    core = core_with()
    [one] = handed(core, got(1))
    core.on_reports([Report(begun(core, [one]), "FAILURE")])

    core.call(CALL, "shop.late", [one])

    [start] = core.start(9)
    assert isinstance(start, Start)
    assert start.mark == {}


def test_a_mark_that_is_refused_takes_the_delivery_out_of_these_hands():
    core = core_with()
    one, two = handed(core, got(1), got(2))
    begun(core, [one, two])

    core.unmarked([two])

    assert core.on_said([(one, DONE), (two, DONE)]) == [settled((1, DONE))]


@pytest.mark.parametrize(
    ("crashes", "disposition"), [(0, Requeue(crashed=True)), (2, None)], ids=["again", "poison"]
)
def test_late_ones_of_a_call_whose_process_died_come_again_but_not_for_ever(crashes, disposition):
    core = core_with()
    [one] = handed(core, got(1, crashes=crashes))
    call = begun(core, [one])

    effects: list[Effect] = core.on_pool(Lost([call], [], "killed"), NOON)

    assert CallEnded(call, (one,), cause="killed") in effects
    if disposition is not None:
        assert effects[-1] == settled((1, disposition))
        assert core.idle
    else:
        [bury] = [effect for effect in effects if isinstance(effect, Bury)]
        assert bury.disposition is not None
        assert isinstance(bury.error, WorkerLostError)


def test_early_ones_of_a_call_whose_process_died_are_failures_unless_acknowledged():
    core = core_with()
    one, two = handed(core, got(1, "shop.batch"), got(2, "shop.batch"))
    call = begun(core, [one, two])
    core.on_said([(one, DONE)])

    note, bury, ended = core.on_pool(Lost([call], [], "killed"), NOON)

    assert note == Note("lost", "shop.batch", "id-2", "killed; not repeated")
    assert isinstance(bury, Bury)
    assert bury.delivery.message.id == "id-2"
    assert ended == CallEnded(call, (one, two), cause="killed")


def test_a_call_past_its_limit_is_lost():
    core = core_with()
    [one] = handed(core, got(1))
    call = begun(core, [one])

    effects = core.on_pool(TimedOut(call, 9.0), NOON)

    assert effects[-1] == settled((1, Requeue(crashed=True)))


@pytest.mark.parametrize("event", [Lost, Cancelled])
def test_a_call_that_had_not_begun_gives_back_what_it_is_about_uncounted(event):
    core = core_with()
    [one] = handed(core, got(1))
    call = begun(core, [one])
    answer = Lost([], [call], "gone") if event is Lost else Cancelled([call])

    ended, settle = core.on_pool(answer, NOON)

    assert isinstance(ended, CallEnded)
    assert ended.report is None
    assert settle == settled((1, REQUEUE))
    assert core.idle


def test_a_call_about_what_is_settled_by_the_time_a_slot_is_free_does_not_begin():
    core = core_with()
    [one] = handed(core, got(1))
    number = core.call(CALL, "shop.late", [one])
    core.on_said([(one, DONE)])

    assert core.start(9) == [CallEnded(number, (one,), cause="settled meanwhile")]
    assert core.idle


# -- the end


def test_a_stop_gives_back_what_no_running_call_is_about_and_runs_no_more_calls():
    core = core_with(slots=1)
    one, two, three = handed(core, got(1), got(2), got(3))
    call = begun(core, [one])
    waiting = core.call(CALL, "shop.late", [two])

    effects = core.stop()

    assert effects == [
        CallEnded(waiting, (two,), cause="the worker stops"),
        settled((2, REQUEUE), (3, REQUEUE)),
    ]
    assert core.call(CALL, "shop.late", [three]) is None
    assert not core.idle
    core.on_reports([Report(call, "SUCCESS")])
    assert core.on_said([(one, DONE)]) == [settled((1, DONE))]
    assert core.idle


def test_calls_are_ended_with_the_grace_period_and_late_ones_given_back_uncounted():
    core = core_with()
    late, early = handed(core, got(1), got(2, "shop.batch"))
    call = begun(core, [late, early])
    core.stop()

    assert core.end_grace() == [Kill([call])]
    effects = core.on_pool(Lost([call], [], "killed"), NOON)

    assert effects[-1] == settled((1, REQUEUE))
    [bury] = [effect for effect in effects if isinstance(effect, Bury)]
    assert "worker_grace_period" in str(bury.error)


def test_a_lost_lease_empties_the_hands_and_ends_calls_in_vain():
    core = core_with()
    one, two = handed(core, got(1), got(2))
    call = begun(core, [one])

    effects = core.lease_lost()

    assert effects == [CallEnded(call, (one,), cause="the lease was lost"), Kill([call])]
    assert core.idle
    assert core.call(CALL, "shop.late", [two]) is None
    assert core.on_said([(one, DONE), (two, DONE)]) == []
    assert core.on_reports([Report(call, "SUCCESS")]) == []
