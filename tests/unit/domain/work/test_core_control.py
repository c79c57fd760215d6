"""What remote control looks at, and changes, in a worker's core."""

from celeriac.domain.tasks.options import TaskOptions
from celeriac.domain.work.core import WorkerCore, WorkerPolicy
from celeriac.domain.work.effects import Bury, Kill
from celeriac.domain.work.job import Began
from tests.unit.domain.samples import NOON, delivered, message

TASKS = {
    options.name: options
    for options in (
        TaskOptions("shop.add"),
        TaskOptions("shop.limited", rate_limit="2/s"),
        TaskOptions("shop.timed", time_limit=9.0, soft_time_limit=8.0),
    )
}


def core_with(*deliveries, slots=1):
    core = WorkerCore(WorkerPolicy(slots), TASKS.get)
    core.on_deliveries(deliveries, NOON, 0.0)
    return core


def got(tag, task="shop.add", **headers):
    return delivered(message(f"id-{tag}", task, headers=headers), tag)


def test_all_that_is_in_hand_is_shown_where_it_is():
    limited = [got(3, "shop.limited"), got(4, "shop.limited")]
    core = core_with(got(1), got(2), *limited)
    core.start(1)
    core.on_pool(Began([1], 4711), NOON)

    hands = core.hands()

    assert [(hand.where, hand.delivery.message.id) for hand in hands] == [
        ("active", "id-1"),
        ("reserved", "id-2"),
        ("reserved", "id-3"),
        ("scheduled", "id-4"),
    ]
    assert [(hand.began, hand.pid) for hand in hands[:2]] == [(NOON, 4711), (None, None)]
    assert hands[0].options == TASKS["shop.add"]


def test_beginnings_of_jobs_that_are_gone_are_passed_over():
    core = core_with()

    assert core.on_pool(Began([99], 4711), NOON) == []


def test_tasks_are_revoked_by_their_stamps():
    core = core_with(got(1, stamps={"shop": ["a", "b"]}), got(2, stamps={"shop": "c"}), got(3))

    effects = core.revoke_stamped({"shop": ["b", "x"]}, NOON)

    assert [effect.delivery.message.id for effect in effects if isinstance(effect, Bury)] == [
        "id-1"
    ]
    assert [hand.delivery.message.id for hand in core.hands()] == ["id-2", "id-3"]


def test_stamps_are_remembered_for_what_comes_later():
    core = core_with()
    core.revoke_stamped({"shop": "a"}, NOON)
    core.revoke_stamped({"shop": ["a", "b"]}, NOON)

    effects = core.on_deliveries(
        [got(1, stamps={"shop": "b"}), got(2, stamps={"other": "b"})], NOON, 0.0
    )

    assert core.revoked_stamps == {"shop": ["a", "b"]}
    assert [effect.delivery.message.id for effect in effects if isinstance(effect, Bury)] == [
        "id-1"
    ]


def test_what_runs_with_a_stamp_is_ended_only_if_that_is_asked_for():
    core = core_with(got(1, stamps={"shop": "a"}))
    core.start(1)

    assert core.revoke_stamped({"shop": "a"}, NOON) == []
    assert core.revoke_stamped({"shop": "a"}, NOON, terminate=True) == [Kill([1])]


def test_time_limits_can_be_changed_while_it_works():
    core = core_with(got(1, "shop.timed"), slots=9)
    (before,) = core.start(1)
    core.time_limits["shop.timed"] = (20.0, 10.0)
    core.time_limits["shop.add"] = (None, 3.0)
    core.on_deliveries([got(2, "shop.timed"), got(3)], NOON, 0.0)

    (after,) = core.start(9)

    limits = [(job.hard_limit, job.soft_limit) for job in (*before.jobs, *after.jobs)]
    assert limits == [(9.0, 8.0), (20.0, 10.0), (None, 3.0)]
