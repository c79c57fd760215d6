"""Keys of unique tasks: free when their task is done or begins, and not while it goes on."""

import pytest

from celeriac.domain.tasks.options import TaskOptions
from celeriac.domain.work.core import WorkerCore, WorkerPolicy
from celeriac.domain.work.effects import Release, Settle, Start
from celeriac.domain.work.job import Report
from celeriac.domain.work.settlement import REQUEUE
from celeriac.domain.work.uniqueness import HEADER, UniqueKey, header_of
from tests.unit.domain.samples import NOON, delivered, message

KEY = UniqueKey("unique:shop.add:x", "id-1", 7)


def started(until):
    core = WorkerCore(WorkerPolicy(2), {"shop.add": TaskOptions("shop.add")}.get)
    headers = {HEADER: header_of(KEY, until)}
    core.on_deliveries([delivered(message("id-1", "shop.add", headers=headers), 1)], NOON, 0.0)
    return core, core.start(2)


def test_a_key_until_the_end_is_let_go_after_the_settlement():
    core, effects = started("done")
    assert [type(effect) for effect in effects] == [Start]

    settle, release = core.on_reports([Report(1, "SUCCESS")])

    assert isinstance(settle, Settle)
    assert release == Release([KEY])


def test_a_key_until_the_start_is_let_go_once_the_start_is_marked():
    core, effects = started("start")

    assert [type(effect) for effect in effects] == [Start, Release]
    assert effects[1] == Release([KEY])
    assert [type(effect) for effect in core.on_reports([Report(1, "SUCCESS")])] == [Settle]


def test_what_goes_on_under_the_same_id_takes_the_key_along():
    core, _ = started("done")
    again, other = message("id-1", "shop.instead"), message("id-2", "shop.add")

    (settle,) = core.on_reports([Report(1, "RETRY", publish=(again, other))])

    first, second = settle.settlements[0].publish
    assert first.headers[HEADER] == header_of(KEY, "done")
    assert HEADER not in second.headers


def test_a_task_given_back_keeps_its_key():
    core, _ = started("done")

    effects = core.on_reports([Report(1, "REJECTED", REQUEUE)])

    assert [type(effect) for effect in effects] == [Settle]


@pytest.mark.parametrize(
    "said", [None, "x", {}, {"until": "done"}, {"until": "done", "name": 1, "fence": True}]
)
def test_a_header_that_says_nonsense_is_passed_over(said):
    core = WorkerCore(WorkerPolicy(2), {"shop.add": TaskOptions("shop.add")}.get)
    sent = message("id-1", "shop.add", headers={HEADER: said})
    core.on_deliveries([delivered(sent, 1)], NOON, 0.0)
    core.start(2)

    assert [type(effect) for effect in core.on_reports([Report(1, "SUCCESS")])] == [Settle]
