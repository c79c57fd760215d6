"""What a worker decides: each event, and all it is answered with."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from celeriac.domain.errors import TaskRevokedError, TimeLimitExceeded, WorkerLostError
from celeriac.domain.messaging.delivery import Delivery, Orphan, Token, Undecodable
from celeriac.domain.tasks.builtin_names import JOIN_CHORD
from celeriac.domain.tasks.options import TaskOptions
from celeriac.domain.tasks.result_record import ResultRecord
from celeriac.domain.work.core import WorkerCore, WorkerPolicy
from celeriac.domain.work.effects import Bury, Effect, Join, Kill, Note, Settle, Start
from celeriac.domain.work.job import (
    Began,
    Broken,
    Cancelled,
    Job,
    Lost,
    Progressed,
    Report,
    Reported,
    Resized,
    TimedOut,
)
from celeriac.domain.work.settlement import DONE, REQUEUE, DeadLetter, Park, Requeue, Settlement
from tests.unit.domain.samples import NOON, delivered, message

TASKS = {
    options.name: options
    for options in (
        TaskOptions("shop.add"),
        TaskOptions("shop.late", acks_late=True),
        TaskOptions("shop.again", retry_on_worker_lost=True),
        TaskOptions("shop.limited", rate_limit="2/s"),
        TaskOptions("shop.rare", rate_limit="1/m"),
        TaskOptions("shop.timed", time_limit=9.0, soft_time_limit=8.0),
    )
}


def core_with(slots: int = 2, **policy: Any) -> WorkerCore:
    return WorkerCore(WorkerPolicy(slots, **policy), TASKS.get)


def got(tag: int, task: str = "shop.add", crashes: int = 0, **sent: Any) -> Delivery:
    return delivered(message(f"id-{tag}", task, **sent), tag, crashes=crashes)


def token(tag: int) -> Token:
    return Token(tag, 1)


def settled(*pairs: tuple[int, Any]) -> Settle:
    return Settle([Settlement(token(tag), disposition) for tag, disposition in pairs])


def numbers_of(effects: Sequence[Effect]) -> list[int]:
    return [job.number for effect in effects if isinstance(effect, Start) for job in effect.jobs]


def running(core: WorkerCore, *deliveries: Delivery) -> list[int]:
    """Have deliveries taken in and handed over; return their numbers."""
    assert core.on_deliveries(deliveries, NOON, 0.0) == []
    numbers = numbers_of(core.start(100))
    assert len(numbers) == len(deliveries)
    return numbers


def told(bury: Effect) -> tuple[str, bool, Any]:
    assert isinstance(bury, Bury)
    return repr(bury.error), bury.timed_out, bury.disposition


def revoked(bury: Effect, delivery: Delivery, why: str) -> bool:
    """Tell whether something is to be recorded as revoked, and its delivery done."""
    assert isinstance(bury, Bury)
    return (bury.delivery, repr(bury.error), bury.state, bury.disposition) == (
        delivery,
        repr(TaskRevokedError(why)),
        "REVOKED",
        None,
    )


# -- taking in


def test_what_is_due_waits_here_for_a_slot():
    core = core_with()

    effects = core.on_deliveries([got(1), got(2)], NOON, 0.0)

    assert effects == []
    assert core.waiting() == [got(1), got(2)]
    assert (core.held, core.running, core.idle) == (2, 0, False)


def test_what_is_not_due_is_parked():
    later = NOON + timedelta(hours=1)

    effects = core_with().on_deliveries([got(1, eta=later)], NOON, 0.0)

    assert effects == [settled((1, Park(later)))]


def test_what_expired_is_recorded_and_done():
    core = core_with()

    note, bury = core.on_deliveries([got(1, expires=NOON)], NOON, 0.0)

    assert note == Note("revoked", "shop.add", "id-1", "expired")
    assert revoked(bury, got(1, expires=NOON), "expired")
    assert core.on_reports([Report(1, "REVOKED")]) == [settled((1, DONE))]


def test_an_unknown_task_and_unreadable_bytes_are_set_aside():
    garbage = Undecodable(b"\xff", token(2), "celery", "no JSON")

    effects = core_with().on_deliveries([got(1, "shop.gone"), garbage], NOON, 0.0)

    unknown, bury, unreadable, settle = effects
    assert isinstance(unknown, Note)
    assert (unknown.what, unknown.task, unknown.task_id) == ("refused", "shop.gone", "id-1")
    assert isinstance(bury, Bury)
    assert isinstance(bury.disposition, DeadLetter)
    assert (bury.state, bury.disposition.reason) == ("FAILURE", "unknown-task")
    assert unreadable == Note("undecodable", "?", "2", "no JSON")
    assert settle == Settle([Settlement(token(2), DeadLetter("undecodable", "no JSON"))])


def test_the_completion_of_a_chord_is_joined_by_the_worker_itself():
    core = core_with()

    (join,) = core.on_deliveries([got(1, JOIN_CHORD)], NOON, 0.0)

    assert join == Join(1, got(1, JOIN_CHORD))
    assert core.held == 1
    settle = Settlement(token(1), DONE, closes=("g",))
    assert core.on_reports([Report(1, "SUCCESS", closes=("g",))]) == [Settle([settle])]
    assert core.idle


def test_the_completion_that_a_dead_worker_held_is_joined_too():
    core = core_with()

    (join,) = core.on_orphans([Orphan(got(1, JOIN_CHORD), True, "w9")], NOON)

    assert join == Join(1, got(1, JOIN_CHORD))


def test_a_batch_is_answered_with_one_batch_of_settlements_at_the_end():
    later = NOON + timedelta(hours=1)
    batch = [got(1, eta=later), got(2), got(3, expires=NOON), got(4, eta=later)]

    effects = core_with().on_deliveries(batch, NOON, 0.0)

    assert [type(effect) for effect in effects] == [Note, Bury, Settle]
    assert isinstance(effects[-1], Settle)
    assert [one.token.tag for one in effects[-1].settlements] == [1, 4]


# -- handing over


def test_unknown_jobs_go_to_free_slots_only_and_are_marked():
    core = core_with(slots=2)
    core.on_deliveries([got(1), got(2, "shop.timed"), got(3)], NOON, 0.0)

    effects = core.start(pool_room=100)

    jobs = [Job(1, got(1).message), Job(2, got(2, "shop.timed").message, 8.0, 9.0)]
    assert effects == [Start(jobs, {1: token(1), 2: token(2)}, {token(1), token(2)})]
    assert core.start(100) == []
    assert core.jobs() == [(1, got(1)), (2, got(2, "shop.timed"))]
    assert core.waiting() == [got(3)]


def test_what_the_broker_marked_with_the_claim_is_not_marked_again():
    core = core_with(slots=3)
    core.on_deliveries([replace(got(1), started=True), got(2)], NOON, 0.0)

    (start,) = core.start(100)

    assert isinstance(start, Start)
    assert [job.number for job in start.jobs] == [1, 2]
    assert start.mark == {2: token(2)}


def test_as_many_of_a_claim_begin_as_have_a_free_slot():
    core = core_with(slots=3)
    assert core.claims(["jobs"], 100)[0].begin == 3

    running(core, got(1))
    core.on_deliveries([got(2)], NOON, 0.0)

    assert core.claims(["jobs"], 100)[0].begin == 1


def test_only_what_is_never_repeated_may_leave_the_store_at_its_start():
    core = core_with(slots=3)
    core.on_deliveries([got(1), got(2, "shop.late"), got(3, "shop.again")], NOON, 0.0)

    (start,) = core.start(100)

    assert isinstance(start, Start)
    assert list(start.mark.values()) == [token(1), token(2), token(3)]
    assert start.early == {token(1)}


def test_a_slot_that_is_free_again_is_filled_at_once():
    core = core_with(slots=1)
    running(core, got(1))
    core.on_deliveries([got(2)], NOON, 0.0)

    core.on_reports([Report(1, "SUCCESS", runtime=1.0)])

    assert core.start(100) == [
        Start([Job(2, got(2).message, estimate=1.0)], {2: token(2)}, {token(2)})
    ]


def test_short_jobs_go_in_batches_of_what_the_pool_has_room_for():
    core = core_with(slots=1)
    running(core, got(1))
    core.on_reports([Report(1, "SUCCESS", runtime=0.001)])
    core.on_deliveries([got(tag) for tag in range(2, 9)], NOON, 0.0)

    assert [len(numbers_of(core.start(room))) for room in (3, 0, 9)] == [3, 0, 4]


def test_a_job_says_whether_its_message_was_delivered_before():
    core = core_with()
    core.on_deliveries([replace(got(1), redelivered=True)], NOON, 0.0)

    (start,) = core.start(1)

    assert isinstance(start, Start)
    assert start.jobs[0].redelivered


def test_a_job_whose_mark_was_refused_is_forgotten():
    core = core_with()
    first, second = running(core, got(1), got(2))

    core.unmarked([first])

    assert core.jobs() == [(second, got(2))]
    assert core.on_reports([Report(first, "SUCCESS")]) == []


def test_the_delivery_of_a_job_is_known_until_its_end():
    core = core_with()
    first, second = running(core, got(1), got(2))
    core.on_pool(Lost([first], [], "gone"), NOON)
    core.on_reports([Report(second, "SUCCESS")])

    assert (core.delivery(first), core.delivery(second)) == (got(1), None)


@pytest.mark.parametrize(
    ("policy", "pool_room", "expected"),
    [
        ({}, 2, 8 - 3),
        ({}, 50, 50 - 1),
        ({"prefetch_multiplier": 1}, 50, 0),
        ({"disable_prefetch": True}, 50, 0),
        ({"prefetch_multiplier": 2}, 0, 1),
    ],
)
def test_how_much_a_worker_with_two_slots_and_three_in_hand_claims(
    policy: dict[str, Any], pool_room: int, expected: int
):
    core = core_with(slots=2, **policy)
    core.on_deliveries([got(1), got(2), got(3)], NOON, 0.0)
    core.start(0)

    assert core.room(pool_room) == expected


# -- ends that a report tells of


def test_reports_become_settlements_in_one_batch():
    core = core_with()
    first, second = running(core, got(1), got(2))
    record, follow_up = ResultRecord("id-1", "SUCCESS"), message("next")

    effects = core.on_pool(
        Reported(
            [
                Report(second, "RETRY", REQUEUE),
                Report(first, "SUCCESS", DONE, (record,), (follow_up,)),
            ]
        ),
        NOON,
    )

    done = Settlement(token(1), DONE, (record,), (follow_up,))
    assert effects == [Settle([Settlement(token(2), REQUEUE), done])]
    assert core.idle


def test_a_second_report_of_a_job_is_dropped():
    core = core_with()
    (number,) = running(core, got(1))
    core.on_reports([Report(number, "SUCCESS")])

    assert core.on_reports([Report(number, "SUCCESS")]) == []


@pytest.mark.parametrize("event", [Progressed([]), Began([1], 4711), Broken("no more")])
def test_news_that_end_nothing_are_answered_with_nothing(event: Any):
    core = core_with()
    running(core, got(1))

    assert core.on_pool(event, NOON) == []
    assert core.running == 1


def test_a_resized_pool_has_other_slots():
    core = core_with(slots=1)
    core.on_deliveries([got(1), got(2), got(3)], NOON, 0.0)

    assert core.on_pool(Resized(3), NOON) == []
    assert len(numbers_of(core.start(9))) == 3


# -- ends that no report tells of


def test_a_lost_job_that_had_not_begun_is_delivered_again():
    core = core_with()
    (number,) = running(core, got(1))

    assert core.on_pool(Lost([], [number], "gone"), NOON) == [settled((1, REQUEUE))]


def test_a_lost_job_that_had_begun_is_a_failure():
    core = core_with()
    (number,) = running(core, got(1))

    note, bury = core.on_pool(Lost([number], [], "process 4711 died"), NOON)

    assert note == Note("lost", "shop.add", "id-1", "process 4711 died; not repeated")
    assert told(bury) == ("WorkerLostError('process 4711 died')", False, None)
    assert isinstance(bury, Bury)
    assert (bury.number, bury.delivery) == (number, got(1))
    assert (core.held, core.running) == (1, 0)
    assert core.on_reports([Report(number, "FAILURE")]) == [settled((1, DONE))]
    assert core.idle


def test_a_lost_job_that_is_acknowledged_late_is_delivered_again_and_counted():
    core = core_with()
    (number,) = running(core, got(1, "shop.late", crashes=1))

    effects = core.on_pool(Lost([number], [], "process 4711 died"), NOON)

    assert effects == [
        Note("lost", "shop.late", "id-1", "process 4711 died; delivered again"),
        settled((1, Requeue(crashed=True))),
    ]


def test_what_keeps_killing_its_process_is_set_aside_as_a_failure():
    core = core_with()
    (number,) = running(core, got(1, "shop.late", crashes=2))

    _, bury = core.on_pool(Lost([number], [], "process 4711 died"), NOON)

    detail = "process 4711 died; that was crash 3 of at most 3"
    letter = DeadLetter("crashes", detail)
    assert told(bury) == (repr(WorkerLostError(detail)), False, letter)


def test_a_job_that_ran_too_long_is_a_failure_and_what_stood_behind_it_comes_again():
    core = core_with()
    first, second = running(core, got(1), got(2))

    note, bury, settle = core.on_pool(TimedOut(first, 9.0, [second]), NOON)

    assert note == Note("timed out", "shop.add", "id-1", "limit 9 s")
    assert told(bury) == (repr(TimeLimitExceeded(9.0)), True, None)
    assert settle == settled((2, REQUEUE))


# -- orphans


def test_orphans_are_judged_like_lost_jobs():
    core = core_with()
    orphans = [
        Orphan(got(1), False, "w9"),
        Orphan(got(2), True, "w9"),
        Orphan(got(3, "shop.late"), True, "w9"),
        Orphan(got(4, "shop.late", crashes=2), True, "w9"),
        Orphan(Undecodable(b"\xff", token(5), "celery", "no JSON"), False, "w9"),
    ]

    effects = core.on_orphans(orphans, NOON)

    notes = [effect for effect in effects if isinstance(effect, Note)]
    buried = [effect for effect in effects if isinstance(effect, Bury)]
    crashed = "its worker w9 died; that was crash 3 of at most 3"
    assert notes == [
        Note("lost", "shop.add", "id-2", "its worker w9 died; not repeated"),
        Note("lost", "shop.late", "id-3", "its worker w9 died; delivered again"),
        Note("lost", "shop.late", "id-4", crashed),
        Note("undecodable", "?", "5", "no JSON"),
    ]
    assert [told(bury) for bury in buried] == [
        ("WorkerLostError('its worker w9 died')", False, None),
        (repr(WorkerLostError(crashed)), False, DeadLetter("crashes", crashed)),
    ]
    assert effects[-1] == settled(
        (1, REQUEUE), (3, Requeue(crashed=True)), (5, DeadLetter("undecodable", "no JSON"))
    )
    assert core.held == 2
    reports = [Report(bury.number, "FAILURE") for bury in buried]
    assert core.on_reports(reports) == [settled((2, DONE), (4, DONE))]
    assert core.idle


# -- revoking


def test_what_waits_is_dropped_when_it_is_revoked():
    core = core_with()
    core.on_deliveries([got(1), got(2)], NOON, 0.0)

    note, bury = core.revoke(["id-2", "id-9"], NOON, 0.0)

    assert note == Note("revoked", "shop.add", "id-2", "revoked")
    assert revoked(bury, got(2), "revoked")
    assert core.waiting() == [got(1)]


def test_what_is_revoked_before_it_comes_is_dropped_when_it_comes():
    core = core_with()

    assert core.revoke(["id-1"], NOON, 0.0) == []
    effects = core.on_deliveries([got(1)], NOON, 0.0)

    assert revoked(effects[-1], got(1), "revoked")


def test_what_runs_is_let_run_unless_it_is_terminated():
    core = core_with()
    (number,) = running(core, got(1))

    assert core.revoke(["id-1"], NOON, 0.0) == []
    assert core.revoke(["id-1"], NOON, 0.0, terminate=True) == [Kill([number])]


@pytest.mark.parametrize("task", ["shop.add", "shop.late"])
@pytest.mark.parametrize("how", ["lost", "cancelled", "cancelled before it began"])
def test_a_terminated_task_is_recorded_as_revoked_and_never_repeated(task: str, how: str):
    core = core_with()
    (number,) = running(core, got(1, task))
    core.revoke(["id-1"], NOON, 0.0, terminate=True)

    answers = {
        "lost": Lost([number], [], "killed"),
        "cancelled": Cancelled([number], [number]),
        "cancelled before it began": Cancelled([number]),
    }
    (bury,) = core.on_pool(answers[how], NOON)

    assert told(bury) == ("TaskRevokedError('terminated')", False, None)
    assert core.on_reports([Report(number, "REVOKED")]) == [settled((1, DONE))]


# -- rate limits


def test_one_task_is_promised_the_next_token_and_the_others_are_parked():
    core = core_with(slots=9)

    effects = core.on_deliveries([got(tag, "shop.limited") for tag in range(1, 5)], NOON, 10.0)

    after_the_next = NOON + timedelta(seconds=1)
    assert effects == [settled((3, Park(after_the_next)), (4, Park(after_the_next)))]
    assert core.next_tick() == 10.5
    assert len(numbers_of(core.start(9))) == 1


def test_a_promised_task_runs_when_its_time_has_come():
    core = core_with(slots=9)
    core.on_deliveries([got(tag, "shop.limited") for tag in (1, 2)], NOON, 10.0)
    core.start(9)

    core.on_tick(10.4)
    early = core.start(9)
    core.on_tick(10.5)
    on_time = core.start(9)

    assert early == []
    assert on_time == [Start([Job(2, got(2, "shop.limited").message)], {2: token(2)}, {token(2)})]
    assert core.next_tick() is None


def test_a_rate_far_from_its_next_token_leaves_tasks_in_the_store():
    core = core_with(slots=9)

    effects = core.on_deliveries([got(tag, "shop.rare") for tag in (1, 2)], NOON, 10.0)

    assert effects == [settled((2, Park(NOON + timedelta(seconds=60))))]
    assert core.next_tick() is None


def test_rate_limits_may_be_switched_off_or_changed():
    off, changed = core_with(slots=9, disable_rate_limits=True), core_with(slots=9)
    changed.rate_limit("shop.rare", None)
    changed.rate_limit("shop.add", "1/h")
    batch = [got(1, "shop.rare"), got(2, "shop.rare"), got(3), got(4)]

    assert off.on_deliveries(batch, NOON, 0.0) == []
    assert changed.on_deliveries(batch, NOON, 0.0) == [
        settled((4, Park(NOON + timedelta(hours=1))))
    ]
    with pytest.raises(ValueError, match="rate_limit='often'"):
        changed.rate_limit("shop.add", "often")


def test_a_promised_task_may_be_revoked():
    core = core_with()
    core.on_deliveries([got(tag, "shop.limited") for tag in (1, 2)], NOON, 0.0)

    effects = core.revoke(["id-2"], NOON, 0.0)

    assert revoked(effects[-1], got(2, "shop.limited"), "revoked")
    assert core.next_tick() is None


# -- leaving


def test_stopping_gives_back_all_that_waits_and_takes_nothing_more():
    core = core_with(slots=1)
    core.on_deliveries([got(tag, "shop.limited") for tag in (1, 2)], NOON, 0.0)
    core.start(9)
    core.on_deliveries([got(3)], NOON, 0.0)

    effects = core.stop()

    assert effects == [settled((3, REQUEUE), (2, REQUEUE))]
    assert core.room(50) == 0
    assert core.on_deliveries([got(4)], NOON, 0.0) == [settled((4, REQUEUE))]
    assert (core.held, core.running) == (1, 1)


def test_stopping_with_nothing_in_hand_asks_for_nothing():
    core = core_with()

    assert (core.stop(), core.end_grace(), core.lease_lost()) == ([], [], [])


def test_when_grace_ends_what_runs_is_given_back_if_it_may_be_repeated():
    core = core_with(slots=4)
    early, late, queued = running(core, got(1), got(2, "shop.late"), got(3))
    core.stop()

    assert core.end_grace() == [Kill([early, late, queued])]
    effects = core.on_pool(Cancelled([early, late, queued], [early, late]), NOON)

    why = "cancelled at the end of the worker's grace period (worker_grace_period)"
    assert told(effects[0]) == (repr(WorkerLostError(why)), False, None)
    assert effects[1:] == [settled((2, REQUEUE), (3, REQUEUE))]


def test_a_process_killed_at_the_end_of_grace_counts_as_no_crash():
    core = core_with()
    (number,) = running(core, got(1, "shop.late"))
    core.end_grace()

    assert core.on_pool(Lost([number], [], "killed"), NOON) == [settled((1, REQUEUE))]


def test_a_lost_lease_empties_all_hands_and_nothing_is_settled_any_more():
    core = core_with(slots=2)
    first, second = running(core, got(1), got(2))
    core.on_pool(Lost([first], [], "gone"), NOON)
    core.on_deliveries([got(3), got(4, "shop.limited"), got(5, "shop.limited")], NOON, 0.0)

    assert core.lease_lost() == [Kill([second])]
    assert core.idle
    assert core.on_reports([Report(first, "FAILURE"), Report(second, "SUCCESS")]) == []
    assert core.on_pool(Cancelled([second], [second]), NOON) == []
    assert core.start(9) == []


def test_a_started_orphan_of_an_unknown_task_is_never_repeated():
    core = core_with()

    note, bury = core.on_orphans([Orphan(got(1, "shop.gone"), True, "w9")], NOON)

    assert isinstance(note, Note)
    assert (note.what, note.task) == ("refused", "shop.gone")
    assert isinstance(bury, Bury)
    assert isinstance(bury.disposition, DeadLetter)
    assert bury.disposition.reason == "unknown-task"


def test_a_pool_whose_slots_share_one_line_is_given_some_jobs_beyond_its_slots():
    core = core_with(slots=4, ahead=0.25)
    core.on_deliveries([got(tag) for tag in range(8)], NOON, 0.0)

    assert len(numbers_of(core.start(0))) == 5
    assert numbers_of(core.start(0)) == []


@pytest.mark.parametrize(("seconds", "given"), [(0.05, 12), (0.1, 8), (3600.0, 5), (0.0, 2)])
def test_a_pool_whose_slots_share_one_line_is_given_what_they_work_off_in_a_moment(seconds, given):
    core = core_with(slots=4, ahead=0.25, ahead_seconds=0.1)
    (number,) = running(core, got(0))
    core.on_reports([Report(number, "SUCCESS", runtime=seconds)])
    core.on_deliveries([got(tag) for tag in range(1, 16)], NOON, 0.0)

    assert len(numbers_of(core.start(2))) == given
