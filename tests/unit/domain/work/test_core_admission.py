"""Tasks whose limits the cluster shares: asked before they begin, parked when they may not."""

from datetime import timedelta
from math import inf

import pytest

from celeriac.domain.tasks.options import TaskOptions
from celeriac.domain.work.admission import Ask, Budget
from celeriac.domain.work.core import WorkerCore, WorkerPolicy
from celeriac.domain.work.effects import Admit, Kill, Settle, Start
from celeriac.domain.work.job import Cancelled, Lost, Report
from celeriac.domain.work.settlement import Park
from tests.unit.domain.samples import NOON, delivered, message

TASKS = {
    options.name: options
    for options in (
        TaskOptions("shop.add"),
        TaskOptions("shop.mail", rate_limit="2/s", rate_limit_scope="cluster"),
        TaskOptions("shop.db", max_concurrency=2),
    )
}
MAIL = Budget("task:shop.mail", 2.0, 2)


def core_with(slots=4, **policy):
    return WorkerCore(WorkerPolicy(slots, **policy), TASKS.get)


def got(core, task, *tags):
    deliveries = [delivered(message(f"id-{tag}", task), tag) for tag in tags]
    return core.on_deliveries(deliveries, NOON, 0.0)


def ids(start):
    return [job.message.id for job in start.jobs]


def test_what_shares_a_limit_asks_in_one_batch_and_the_rest_begins():
    core = core_with()
    got(core, "shop.mail", 1)
    got(core, "shop.add", 2)
    got(core, "shop.db", 3)

    start, admit = core.start(4)

    assert ids(start) == ["id-2"]
    assert admit == Admit(
        [Ask("id-1:1:1", (), MAIL), Ask("id-3:3:1", (("task:shop.db", 2),), None)]
    )


def test_only_what_could_begin_now_asks():
    core = core_with(slots=2)
    got(core, "shop.db", 1, 2, 3)

    (admit,) = core.start(2)

    assert [ask.holder for ask in admit.asks] == ["id-1:1:1", "id-2:2:1"]


def test_the_admitted_begin_and_the_others_wait_in_the_store():
    core = core_with()
    got(core, "shop.mail", 1, 2)
    core.start(4)

    start, settle = core.on_admission([0.0, 0.4], NOON, 50.0)

    assert ids(start) == ["id-1"]
    (parked,) = settle.settlements
    assert parked.token.tag == 2
    assert parked.disposition == Park(NOON + timedelta(seconds=0.4))
    assert core.held == 1


def test_nothing_of_a_shared_rate_is_held_in_memory():
    core = core_with()
    effects = got(core, "shop.mail", 1, 2, 3)

    assert effects == []
    assert core.next_tick() is None


def test_with_rate_limits_disabled_nobody_is_asked():
    core = core_with(disable_rate_limits=True)
    got(core, "shop.mail", 1)

    (start,) = core.start(4)

    assert isinstance(start, Start)


def test_a_rate_set_while_it_runs_is_the_one_asked_for():
    core = core_with()
    core.rate_limit("shop.mail", "30/m")
    got(core, "shop.mail", 1)

    (admit,) = core.start(4)

    assert admit.asks[0].budget == Budget("task:shop.mail", 0.5, 1)


@pytest.mark.parametrize(
    "end",
    [
        lambda core, number: core.on_reports([Report(number, "SUCCESS")]),
        lambda core, number: core.on_pool(Lost([], [number], "it died"), NOON),
        lambda core, number: core.on_pool(Cancelled([number]), NOON),
        lambda core, number: core.unmarked([number]),
    ],
)
def test_slots_are_free_once_their_task_has_left_in_whatever_way(end):
    core = core_with()
    got(core, "shop.db", 1)
    core.start(4)
    (start,) = core.on_admission([0.0], NOON, 50.0)
    assert core.freed() == []

    end(core, start.jobs[0].number)

    assert core.freed() == [("task:shop.db", "id-1:1:1")]
    assert core.freed() == []


def test_a_slot_of_what_died_is_held_until_it_is_buried():
    core = core_with()
    got(core, "shop.db", 1)
    core.start(4)
    (start,) = core.on_admission([0.0], NOON, 50.0)
    number = start.jobs[0].number

    core.on_pool(Lost([number], [], "it died"), NOON)
    assert core.freed() == []
    core.on_reports([Report(number, "FAILURE")])

    assert core.freed() == [("task:shop.db", "id-1:1:1")]


def test_slots_of_a_lost_lease_run_out_by_themselves():
    core = core_with()
    got(core, "shop.db", 1)
    core.start(4)
    core.on_admission([0.0], NOON, 50.0)

    assert core.lease_lost() == [Kill([1])]

    assert core.freed() == []


def test_who_finds_no_slot_is_parked_for_a_moment():
    core = core_with()
    got(core, "shop.db", 1, 2)
    core.start(4)

    (settle,) = core.on_admission([inf, inf], NOON, 50.0)

    assert isinstance(settle, Settle)
    untils = [one.disposition.until - NOON for one in settle.settlements]
    assert untils == [timedelta(seconds=0.1), timedelta(seconds=0.15)]
