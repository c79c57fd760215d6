"""The promises of the pool port, kept by every pool."""

import time
from collections.abc import Callable, Iterator, Set
from pathlib import Path
from typing import Any

import pytest

from celeriac.domain.errors import NotSupported
from celeriac.domain.tasks.result_record import ResultRecord
from celeriac.domain.work.job import (
    Began,
    Broken,
    Lost,
    Progress,
    Progressed,
    Reported,
    Resized,
    Warned,
)
from celeriac.ports.pool import Cancel, Restartable, Stop
from tests.contracts.pools import KINDS, Kind, Rig, kinds

RigMaker = Callable[..., Rig]


@pytest.fixture
def rig_of(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    """Makes started pools, and ends them after the test."""
    made: list[Rig] = []

    def make(kind: Kind, **options: Any) -> Rig:
        rig = Rig(kind, tmp_path, **options)
        made.append(rig)
        return rig.start()

    yield make
    for rig in made:
        rig.close()


def every(**wanted: bool) -> pytest.MarkDecorator:
    """Run a test for each sort of pool with these capabilities."""
    chosen = kinds(**wanted)
    return pytest.mark.parametrize("kind", chosen, ids=[kind.name for kind in chosen])


# -- what a pool says of itself ------------------------------------------------------------------


@every()
def test_a_pool_says_what_it_can_do(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)

    assert rig.pool.capabilities == kind.capabilities
    assert rig.pool.slots == rig.slots


@every()
def test_the_processes_that_run_jobs_are_those_it_names(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)

    number = rig.submit({"hold": "gate"})
    rig.wait_for_begin(number)

    processes = rig.slots if kind.capabilities.isolated else 1
    rig.wait(lambda: len(rig.pool.pids) == processes, "the birth of all children")
    assert rig.simulated or rig.pid_of(number) in rig.pool.pids


# -- answers -------------------------------------------------------------------------------------


@every()
def test_each_job_is_answered_exactly_once(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)

    rig.pool.submit([rig.job() for _ in range(300)])
    rig.pool.submit([rig.job(estimate=0.0001) for _ in range(300)])
    rig.wait_for_answers(600)
    rig.pool.stop(Stop.WARM, 10.0)

    assert sorted(rig.answers()) == [(number, "SUCCESS") for number in range(1, 601)]


@every()
def test_a_report_arrives_as_the_runner_made_it(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)

    rig.submit({"big": 10})
    rig.wait_for_answers(1)

    (reported,) = rig.events
    (report,) = reported.reports  # type: ignore[union-attr]
    assert (report.number, report.state, report.summary) == (1, "SUCCESS", "x" * 10)


@every()
def test_jobs_on_one_slot_begin_in_the_order_they_were_submitted(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind, **({} if kind.sizes == (1,) else {"slots": 1}))

    rig.pool.submit([rig.job(estimate=None if n % 3 else 0.0001) for n in range(30)])
    rig.wait_for_answers(30)

    assert [line.number for line in rig.log("begin")] == list(range(1, 31))


@every()
def test_never_more_jobs_run_at_once_than_there_are_slots(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)

    rig.pool.submit([rig.job({"hold": "gate"}) for _ in range(rig.slots)])
    rig.pool.submit([rig.job() for _ in range(20)])
    rig.wait_for_begin(*range(1, rig.slots + 1))
    begun = {line.number for line in rig.log("begin")}
    rig.open("gate")
    rig.wait_for_answers(rig.slots + 20)

    assert begun == set(range(1, rig.slots + 1))
    assert most_at_once(rig) <= rig.slots


def most_at_once(rig: Rig) -> int:
    running = most = 0
    for line in rig.log():
        running += {"begin": 1, "end": -1}.get(line.what, 0)
        most = max(most, running)
    return most


@every()
def test_the_runner_is_started_once_for_each_process_or_thread(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)

    rig.pool.submit([rig.job({"hold": "gate"}) for _ in range(rig.slots)])
    rig.wait_for_begin(*range(1, rig.slots + 1))
    rig.open("gate")
    rig.pool.submit([rig.job() for _ in range(20)])
    rig.wait_for_answers(rig.slots + 20)

    starts = [(line.pid, line.thread) for line in rig.log("start")]
    begun = {(line.pid, line.thread) for line in rig.log("begin")}
    assert len(starts) == (1 if kind.capabilities.shared else rig.slots)
    assert rig.simulated or len(set(starts)) == len(starts)
    if kind.capabilities.shared:  # the process is started: its threads and greenlets come and go
        assert {pid for pid, _ in begun} == {pid for pid, _ in starts}
    else:
        assert begun == set(starts)


@every()
def test_a_job_says_what_it_has_to_say_while_it_runs(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)

    number = rig.submit({"say": "STEP"})
    rig.wait_for_answers(1)

    said = [record for event in rig.of(Progressed) for record in event.records]
    assert said == [Progress(number, ResultRecord("id-1", "STEP"))]
    assert isinstance(rig.events[0], Progressed)


@every()
def test_beginnings_are_announced_if_asked_for(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind, announce_starts=True)

    numbers = [rig.submit(), rig.submit()]
    rig.wait_for_answers(2)

    assert sorted(n for event in rig.of(Began) for n in event.numbers) == numbers
    assert {event.pid for event in rig.of(Began)} <= set(rig.pool.pids)


@every()
def test_a_runner_that_raises_costs_its_job_only(kind: Kind, rig_of: RigMaker):
    if kind.name == "simulated":
        pytest.skip("a runner's fault is the simulator's to see")
    rig = rig_of(kind)

    rig.submit({"fail": "no such thing"})
    rig.wait_for_answers(1)
    rig.submit()
    answers = rig.wait_for_answers(2)

    assert answers == [(1, "lost started"), (2, "SUCCESS")]
    assert "LookupError('no such thing')" in rig.of(Lost)[0].cause


# -- room ----------------------------------------------------------------------------------------


@every()
def test_there_is_room_for_as_many_jobs_as_slots_while_nothing_is_known(
    kind: Kind, rig_of: RigMaker
):
    rig = rig_of(kind)
    at_first = rig.pool.room()

    rig.pool.submit([rig.job({"hold": "gate"}) for _ in range(at_first)])
    rig.wait_for_begin(*range(1, rig.slots + 1))
    when_busy = rig.pool.room()

    assert at_first == rig.slots * (2 if rig.simulated else 1)
    assert when_busy == 0


@every()
def test_there_is_room_for_many_jobs_known_as_short(kind: Kind, rig_of: RigMaker):
    if kind.name == "simulated":
        pytest.skip("it takes batches of a fixed size")
    rig = rig_of(kind)

    rig.submit(estimate=0.0001)
    rig.wait_for_answers(1)

    assert rig.pool.room() == rig.slots * 100


# -- cancel --------------------------------------------------------------------------------------


@every()
def test_a_job_that_has_not_begun_is_taken_back(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)
    held = [rig.submit({"hold": "gate"}) for _ in range(rig.slots)]
    rig.wait_for_begin(*held)
    waiting = [rig.submit() for _ in range(3)]

    rig.pool.cancel([waiting[1]], Cancel.IF_UNSTARTED)
    rig.open("gate")
    answers = rig.wait_for_answers(rig.slots + 3)

    assert [number for number, answer in answers if answer == "cancelled"] == [waiting[1]]
    assert waiting[1] not in {line.number for line in rig.log("begin")}
    assert len(answers) == rig.slots + 3


@every()
def test_a_job_that_has_begun_is_left_alone_by_the_mildest_cancel(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)
    number = rig.submit({"hold": "gate"})
    rig.wait_for_begin(number)

    rig.pool.cancel([number, 4711], Cancel.IF_UNSTARTED)
    rig.open("gate")

    assert rig.wait_for_answers(1) == [(number, "SUCCESS")]


@every(soft_limit=True)
def test_a_soft_cancel_interrupts_the_job_and_no_other(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)
    number = rig.submit({"hold": "gate"})
    rig.wait_for_begin(number)

    rig.pool.cancel([number], Cancel.SOFT)
    rig.wait_for_answers(1)
    rig.open("gate")
    rig.pool.submit([rig.job({"hold": "gate"}) for _ in range(4)])
    answers = rig.wait_for_answers(5)

    assert answers == [(number, "FAILURE"), *((n, "SUCCESS") for n in range(2, 6))]


@every(kill=True)
def test_a_killed_job_is_answered_as_cancelled_after_it_began(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)
    number = rig.submit({"hold": "gate"})
    rig.wait_for_begin(number)

    rig.pool.cancel([number], Cancel.KILL)
    rig.wait_for_answers(1)
    rig.submit()
    answers = rig.wait_for_answers(2)

    assert answers == [(number, "cancelled started"), (2, "SUCCESS")]


@every(kill=False)
def test_a_pool_that_cannot_kill_lets_the_job_go_on(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)
    number = rig.submit({"hold": "gate"})
    rig.wait_for_begin(number)

    rig.pool.cancel([number], Cancel.KILL)
    rig.open("gate")

    assert rig.wait_for_answers(1) == [(number, "SUCCESS")]


# -- limits --------------------------------------------------------------------------------------


@every(soft_limit=True)
def test_a_job_learns_of_its_soft_limit(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)

    asked = time.monotonic()
    number = rig.submit({"hold": "gate"}, soft_limit=0.05)

    assert rig.wait_for_answers(1) == [(number, "FAILURE")]
    assert rig.log("end")[0].at - asked >= 0.05


@every(soft_limit=True)
def test_of_a_soft_limit_is_told_before_what_the_job_makes_of_it(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)

    number = rig.submit({"hold": "gate"}, soft_limit=0.05)
    rig.wait_for_answers(1)

    told = [event for event in rig.events if isinstance(event, Warned | Reported)]
    assert [type(event) for event in told] == [Warned, Reported]
    assert told[0] == Warned(number, 0.05)


@every(soft_limit=True)
def test_a_job_that_is_interrupted_by_wish_is_not_said_to_be_late(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)
    number = rig.submit({"hold": "gate"}, soft_limit=60.0)
    rig.wait_for_begin(number)

    rig.pool.cancel([number], Cancel.SOFT)
    rig.wait_for_answers(1)

    assert rig.of(Warned) == []


@every(hard_limit=True)
def test_a_job_past_its_hard_limit_is_given_up_and_its_slot_is_of_use_again(
    kind: Kind, rig_of: RigMaker
):
    rig = rig_of(kind)

    numbers = [rig.submit({"hold": "gate"}, hard_limit=0.05) for _ in range(rig.slots)]
    rig.wait_for_answers(rig.slots)
    after = rig.submit()
    answers = rig.wait_for_answers(rig.slots + 1)

    assert answers == [*((number, "timed out") for number in numbers), (after, "SUCCESS")]


SOLO = [kind for kind in KINDS if kind.name.startswith("solo")]


@pytest.mark.parametrize("kind", SOLO, ids=[kind.name for kind in SOLO])
def test_a_pool_of_one_thread_that_a_job_will_not_give_back_says_that_it_is_broken(
    kind: Kind, rig_of: RigMaker, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("celeriac.adapters.pools.solo.AGAIN", 0.05)
    monkeypatch.setattr("celeriac.adapters.pools.solo.LOST", 0.1)
    rig = rig_of(kind)

    number = rig.submit({"defy": "gate"}, hard_limit=0.05)
    waiting = rig.submit()
    answers = rig.wait_for_answers(2)
    rig.wait(lambda: rig.of(Broken), "the word that it is broken")

    assert answers == [(number, "timed out"), (waiting, "lost unstarted")]
    assert "worker_pool='prefork' can end any" in rig.of(Broken)[0].cause


@every(hard_limit=True)
def test_limits_do_not_touch_jobs_that_end_in_time(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)

    rig.pool.submit([rig.job(soft_limit=30.0, hard_limit=60.0) for _ in range(50)])

    assert rig.wait_for_answers(50) == [(number, "SUCCESS") for number in range(1, 51)]


# -- death ---------------------------------------------------------------------------------------


@every(isolated=True)
def test_when_a_process_is_killed_what_had_begun_is_told_from_what_had_not(
    kind: Kind, rig_of: RigMaker
):
    rig = rig_of(kind, slots=1)
    jobs = [rig.job({"hold": "gate"}, estimate=0.0001), *(rig.job(estimate=0.0001) for _ in "12")]
    rig.pool.submit(jobs)
    rig.wait_for_begin(1)

    rig.kill_slot_of(1)
    rig.open("gate")
    answers = rig.wait_for_answers(3)

    assert answers[0] == (1, "lost started")
    assert {answer for _, answer in answers[1:]} <= {"lost unstarted", "SUCCESS"}
    assert "signal 9 (SIGKILL)" in rig.of(Lost)[0].cause
    began = {line.number for line in rig.log("begin")}
    assert all((answer == "SUCCESS") == (number in began) for number, answer in answers[1:])


@every(isolated=True)
def test_a_dead_process_is_replaced(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)
    number = rig.submit({"hold": "gate"})
    rig.wait_for_begin(number)
    before = set(rig.pool.pids)

    rig.kill_slot_of(number)
    rig.wait_for_answers(1)
    rig.pool.submit([rig.job() for _ in range(10)])
    rig.wait_for_answers(11)
    rig.wait(lambda: len(rig.pool.pids) == rig.slots, "the replacement")

    assert set(rig.pool.pids) != before


# -- size ----------------------------------------------------------------------------------------


@every(resize=True)
def test_a_pool_grows_and_shrinks_and_loses_nothing(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)

    rig.pool.resize(2)
    rig.pool.submit([rig.job({"hold": "gate"}) for _ in range(4)])
    rig.wait_for_begin(1, 2, 3, 4)
    rig.pool.resize(-3)
    rig.open("gate")
    rig.pool.submit([rig.job() for _ in range(10)])
    answers = rig.wait_for_answers(14)

    assert answers == [(number, "SUCCESS") for number in range(1, 15)]
    assert rig.of(Resized) == [Resized(4), Resized(1)]
    assert rig.pool.slots == 1


@every(resize=True)
def test_the_last_slot_cannot_be_taken_away(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)

    rig.pool.resize(-10)
    rig.submit()

    assert rig.wait_for_answers(1) == [(1, "SUCCESS")]
    assert rig.of(Resized) == [Resized(1)]


@every(resize=False)
def test_a_pool_that_cannot_be_resized_says_which_can(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)

    with pytest.raises(NotSupported, match="use worker_pool="):
        rig.pool.resize(1)


# -- beginning anew ------------------------------------------------------------------------------

RESTARTABLE = [
    kind
    for kind in KINDS
    if kind.name in ("prefork", "spawn", "asyncio", "asyncio-threads", "gevent", "eventlet")
]
QUICK = [kind for kind in RESTARTABLE if kind.name in ("prefork", "asyncio")]
restartable = pytest.mark.parametrize("kind", RESTARTABLE, ids=[kind.name for kind in RESTARTABLE])
#: What one way of beginning shows is true of all.
restartable_quickly = pytest.mark.parametrize("kind", QUICK, ids=[kind.name for kind in QUICK])


@restartable
def test_a_restarted_pool_has_other_processes_and_has_lost_nothing(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)
    held = rig.submit({"hold": "gate"})
    rig.wait_for_begin(held)
    before = set(rig.pool.pids)

    restart(rig)
    rig.wait(lambda: not before.issuperset(rig.pool.pids), "a new process")
    others = [rig.submit() for _ in range(5)]
    rig.wait_for_answers(5)
    rig.open("gate")
    answers = rig.wait_for_answers(6)
    rig.wait(lambda: before.isdisjoint(rig.pool.pids), "the end of the old processes")

    assert answers == [(number, "SUCCESS") for number in (held, *others)]
    assert {line.pid for line in rig.log("begin") if line.number == held} <= before


@restartable_quickly
def test_a_pool_is_restarted_as_often_as_one_likes(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)
    first = all_started(rig)

    restart(rig)
    second = all_started(rig, but=first)
    restart(rig)
    all_started(rig, but=first | second)
    rig.submit()

    assert rig.wait_for_answers(1) == [(1, "SUCCESS")]


@restartable_quickly
def test_when_nothing_new_can_start_the_old_processes_go_on(kind: Kind, rig_of: RigMaker, caplog):
    rig = rig_of(kind)
    before = all_started(rig)

    (rig.folder / "broken").touch()
    restart(rig)
    rig.wait(lambda: "goes on as it was" in caplog.text, "the end of the attempt")
    rig.pool.submit([rig.job() for _ in range(5)])
    answers = rig.wait_for_answers(5)

    assert answers == [(number, "SUCCESS") for number in range(1, 6)]
    assert before == set(rig.pool.pids)


@restartable_quickly
def test_a_pool_is_stopped_in_the_middle_of_a_restart(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)
    number = rig.submit()
    rig.wait_for_answers(1)

    restart(rig)
    rig.pool.stop(Stop.WARM, 5.0)

    assert rig.answers() == [(number, "SUCCESS")]
    assert rig.pool.pids == []


@restartable_quickly
def test_no_pool_is_restarted_twice_at_once_nor_after_its_end(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)
    all_started(rig)

    restart(rig)
    with pytest.raises(NotSupported, match="is being restarted"):
        restart(rig)
    rig.pool.stop(Stop.COLD, 5.0)
    with pytest.raises(NotSupported, match="not running"):
        restart(rig)


def test_pools_in_this_very_process_say_that_they_cannot_be_restarted(tmp_path: Path):
    others = [kind for kind in KINDS if kind not in RESTARTABLE]

    assert not any(isinstance(Rig(kind, tmp_path).pool, Restartable) for kind in others)


def all_started(rig: Rig, but: Set[int] = frozenset()) -> set[int]:
    """Wait until all processes there should be have started, none of them one of these."""
    wanted = rig.slots if rig.pool.capabilities.isolated else 1

    def there() -> bool:
        pids = set(rig.pool.pids)
        return len(pids - but) == len(pids) == wanted and pids <= started()

    def started() -> set[int]:
        return {line.pid for line in rig.log("start")}

    rig.wait(there, f"{wanted} new processes")
    return set(rig.pool.pids)


def restart(rig: Rig) -> None:
    assert isinstance(rig.pool, Restartable)
    rig.pool.restart()


# -- stop ----------------------------------------------------------------------------------------


@every()
def test_a_warm_stop_finishes_what_was_submitted(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)
    rig.pool.submit([rig.job() for _ in range(50)])

    rig.pool.stop(Stop.WARM, 20.0)

    assert sorted(rig.answers()) == [(number, "SUCCESS") for number in range(1, 51)]


@every()
def test_a_warm_stop_ends_at_its_deadline_with_every_job_answered(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)
    held = [rig.submit({"hold": "gate"}) for _ in range(rig.slots)]
    waiting = rig.submit()
    rig.wait_for_begin(*held)

    rig.pool.stop(Stop.WARM, 0.1)

    lost = [*((number, "lost started") for number in held), (waiting, "lost unstarted")]
    assert sorted(rig.answers()) == lost


@every()
def test_a_cold_stop_answers_at_once_for_all_it_holds(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)
    held = [rig.submit({"hold": "gate"}) for _ in range(rig.slots)]
    rig.wait_for_begin(*held)
    waiting = rig.submit()

    rig.pool.stop(Stop.COLD, 5.0)
    rig.open("gate")

    lost = [*((number, "lost started") for number in held), (waiting, "lost unstarted")]
    assert sorted(rig.answers()) == lost


@every()
def test_what_is_submitted_after_the_stop_is_answered_as_unstarted(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)
    rig.pool.stop(Stop.WARM, 5.0)

    number = rig.submit()

    assert rig.wait_for_answers(1) == [(number, "lost unstarted")]
    assert rig.pool.room() == 0


@every()
def test_stopping_again_does_nothing(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)
    rig.submit()
    rig.wait_for_answers(1)

    rig.pool.stop(Stop.WARM, 5.0)
    rig.pool.stop(Stop.COLD, 5.0)

    assert rig.answers() == [(1, "SUCCESS")]
    assert rig.of(Broken) == []


def test_only_the_main_threads_own_pool_wants_the_main_thread(tmp_path: Path):
    wanting = [kind.name for kind in KINDS if Rig(kind, tmp_path).pool.wants_main_thread]

    assert wanting == ["solo"]


# -- links that follow where the one before them ended ------------------------------------------


def relays_of(rig: Rig) -> list[tuple[int, bool]]:
    """The numbers reported, and whether a link had begun where each ended."""
    return [
        (report.number, report.relay is not None)
        for event in rig.of(Reported)
        for report in event.reports
    ]


@every(isolated=True)
def test_links_follow_in_the_same_slot_under_the_next_numbers(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)

    rig.submit({"then": [{}, {}, {}]}, relays=2, estimate=0.0)
    rig.wait_for_answers(3)

    assert relays_of(rig) == [(1, True), (2, True), (3, False)]
    assert [line.number for line in rig.log("begin")] == [1, 2, 3]
    assert len({line.pid for line in rig.log("begin")}) == 1


@every(isolated=False)
def test_a_pool_that_does_not_go_on_leaves_the_rest_to_the_store(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)

    rig.submit({"then": [{}]}, relays=2, estimate=0.0)
    rig.wait_for_answers(1)

    assert relays_of(rig) == [(1, False)]


@every(isolated=True)
def test_while_others_wait_in_the_slot_no_link_follows(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind, slots=1)
    first = rig.job({"hold": "gate", "then": [{}]}, relays=2, estimate=0.0)
    other = rig.job({}, estimate=0.0)._replace(number=4)

    rig.pool.submit([first, other])
    rig.wait_for_begin(1)
    rig.open("gate")
    rig.wait_for_answers(2)

    assert relays_of(rig) == [(1, False), (4, False)]


@every(isolated=True)
def test_when_a_slot_dies_with_a_link_that_link_is_the_one_lost(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)

    rig.submit({"then": [{}, {"hold": "gate"}]}, relays=2, estimate=0.0)
    rig.wait_for_begin(3)
    # By then it has run for so long that word of those before it was asked for.
    rig.wait(lambda: rig.simulated or len(relays_of(rig)) == 2, "word of the first two")
    rig.kill_slot_of(3)
    rig.wait_for_answers(3)

    assert relays_of(rig) == [(1, True), (2, True)]
    assert rig.answers()[-1] == (3, "lost started")


@every(isolated=True)
def test_a_link_can_be_cancelled(kind: Kind, rig_of: RigMaker):
    rig = rig_of(kind)

    rig.submit({"then": [{"hold": "gate"}]}, relays=2, estimate=0.0)
    rig.wait_for_begin(2)
    rig.wait(lambda: rig.simulated or len(relays_of(rig)) == 1, "word of the first")
    rig.pool.cancel([2], Cancel.KILL)
    rig.wait_for_answers(2)

    assert rig.answers() == [(1, "SUCCESS"), (2, "cancelled started")]
