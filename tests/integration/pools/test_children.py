"""What children are like: replaced in time, deaf to what is the hub's, owning nothing."""

import decimal
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from celeriac.adapters.pools.prefork import PreforkPool
from celeriac.domain.errors import NotSupported
from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.work.job import Job, Lost, Reported
from celeriac.ports.pool import Cancel, Stop
from tests.contracts.pools import Rig, ScriptedRunner

Prefork = Callable[..., Rig]


def test_a_child_is_replaced_after_so_many_jobs_and_loses_none(prefork: Prefork):
    rig = prefork(slots=2, max_tasks=7)

    rig.pool.submit([rig.job(estimate=0.0001 if n % 2 else None) for n in range(100)])
    answers = rig.wait_for_answers(100)

    assert answers == [(number, "SUCCESS") for number in range(1, 101)]
    by_child: dict[int, int] = {}
    for line in rig.log("begin"):
        by_child[line.pid] = by_child.get(line.pid, 0) + 1
    assert max(by_child.values()) == 7
    rig.wait(lambda: len(rig.log("stop")) >= 12, "good-bye of the runners")


def test_a_child_that_has_grown_too_large_is_replaced_and_loses_none(prefork: Prefork):
    rig = prefork(slots=1, max_memory=1)

    rig.pool.submit([rig.job(estimate=0.0001) for _ in range(5)])
    answers = rig.wait_for_answers(5)

    assert answers == [(number, "SUCCESS") for number in range(1, 6)]
    assert len({line.pid for line in rig.log("begin")}) == 5


def test_jobs_behind_an_unexpectedly_long_one_go_to_another_child(prefork: Prefork):
    rig = prefork(slots=2)
    rig.submit()
    rig.submit()
    rig.wait_for_answers(2)

    long_one = rig.job({"hold": "gate"}, estimate=0.0001)
    rig.pool.submit([long_one, *(rig.job(estimate=0.0001) for _ in range(40))])
    rig.wait_for_answers(42)
    rest = rig.answers()
    rig.open("gate")
    rig.wait_for_answers(43)

    assert (long_one.number, "SUCCESS") not in rest
    assert {answer for _, answer in rest} == {"SUCCESS"}


def test_a_job_that_waits_in_a_childs_hands_can_be_cancelled(prefork: Prefork):
    rig = prefork(slots=1)
    rig.pool.submit([rig.job({"hold": "gate"}, estimate=0.0001), rig.job(estimate=0.0001)])
    rig.wait_for_begin(1)

    rig.pool.cancel([2], Cancel.KILL)
    rig.wait(lambda: (2, "cancelled") in rig.answers(), "the cancellation")
    rig.open("gate")

    assert rig.wait_for_answers(2) == [(1, "SUCCESS"), (2, "cancelled")]


def test_large_messages_pass_both_ways(prefork: Prefork):
    rig = prefork(slots=1)
    ten_megabytes = 10_000_000
    body = b'{"measure": "' + b"x" * ten_megabytes + b'"}'

    rig.submit({"big": ten_megabytes})
    rig.pool.submit([Job(2, TaskMessage("id", "task", body))])
    rig.wait_for_answers(2)

    summaries = [report.summary for event in rig.of(Reported) for report in event.reports]
    assert [len(summaries[0]), summaries[1]] == [ten_megabytes, str(len(body))]


def test_a_child_that_does_not_read_does_not_hold_up_the_hub(prefork: Prefork):
    rig = prefork(slots=1)
    rig.submit()
    rig.wait_for_answers(1)
    (pid,) = rig.pool.pids
    body = b'{"measure": "' + b"x" * 1_000_000 + b'"}'

    os.kill(pid, signal.SIGSTOP)
    before = time.monotonic()
    rig.pool.submit([Job(n, TaskMessage(str(n), "t", body), estimate=0.001) for n in range(2, 12)])
    took = time.monotonic() - before
    os.kill(pid, signal.SIGCONT)

    assert rig.wait_for_answers(11)[-1] == (11, "SUCCESS")
    assert took < 1.0


def test_headers_that_are_not_plain_data_pass_too(prefork: Prefork):
    rig = prefork(slots=1)
    odd = {"price": decimal.Decimal("1.5")}

    rig.pool.submit(
        [Job(1, TaskMessage("id", "task", b"{}", headers=odd)), rig.job()._replace(number=2)]
    )

    assert rig.wait_for_answers(2) == [(1, "SUCCESS"), (2, "SUCCESS")]


def test_a_job_that_cannot_be_sent_is_answered_all_the_same(prefork: Prefork):
    rig = prefork(slots=1)
    odd = {"lock": threading.Lock()}

    rig.pool.submit(
        [Job(1, TaskMessage("id", "task", b"{}", headers=odd)), rig.job()._replace(number=2)]
    )

    assert rig.wait_for_answers(2) == [(1, "lost started"), (2, "SUCCESS")]
    assert "cannot be sent between processes" in rig.of(Lost)[0].cause


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"])
def test_the_signals_of_the_group_are_the_hubs(prefork: Prefork, name: str):
    rig = prefork(slots=1)
    number = rig.submit({"hold": "gate"})
    rig.wait_for_begin(number)

    os.kill(rig.pid_of(number), signal.Signals[name])
    rig.open("gate")

    assert rig.wait_for_answers(1) == [(number, "SUCCESS")]


def test_children_have_no_input_and_default_signals(prefork: Prefork):
    def reload(signum: int, at: object) -> None:
        raise AssertionError("never called")

    before = signal.signal(signal.SIGUSR2, reload)
    try:
        rig = prefork(slots=1)
    finally:
        signal.signal(signal.SIGUSR2, before)

    rig.submit({"signals": ["SIGUSR2", "SIGCHLD"]})
    rig.submit({"stdin": True})
    rig.wait_for_answers(2)

    summaries = [report.summary for event in rig.of(Reported) for report in event.reports]
    assert summaries == ["<Handlers.SIG_DFL: 0> <Handlers.SIG_DFL: 0>", "b''"]


def test_children_born_later_hold_nothing_that_the_hub_opened_meanwhile(prefork: Prefork):
    rig = prefork(slots=1)
    with socket.create_server(("127.0.0.1", 0)) as opened:
        mine = os.readlink(f"/proc/self/fd/{opened.fileno()}")

        rig.pool.resize(1)
        rig.wait(lambda: len(rig.pool.pids) == 2, "the second child")

        for pid in rig.pool.pids:
            assert mine not in files_of(pid)


def files_of(pid: int) -> list[str]:
    found = []
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(os.readlink(fd))
        except FileNotFoundError:
            continue
    return found


def test_stopping_leaves_no_file_open_and_no_thread_behind(prefork: Prefork):
    files, threads = files_of(os.getpid()), set(threading.enumerate())

    rig = prefork(slots=2)
    rig.submit()
    rig.pool.stop(Stop.WARM, 10.0)

    assert sorted(files_of(os.getpid())) == sorted(files)
    assert set(threading.enumerate()) <= threads  # those of other tests may have ended meanwhile


def test_a_soft_limit_hits_its_own_job_or_none(prefork: Prefork):
    rig = prefork(slots=2)

    for n in range(200):
        limit = 0.005 if n % 2 else None
        order = {"hold": "gate"} if limit else {}
        rig.pool.submit([rig.job(order, soft_limit=limit, estimate=0.0001)])
    answers = rig.wait_for_answers(200)

    assert answers == [(n + 1, "FAILURE" if n % 2 else "SUCCESS") for n in range(200)]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_fresh_children_are_replaced_and_lose_nothing(prefork: Prefork, method: str):
    rig = prefork(slots=1, start_method=method, max_tasks=3)

    rig.pool.submit([rig.job() for _ in range(5)])
    answers = rig.wait_for_answers(5)

    assert answers == [(number, "SUCCESS") for number in range(1, 6)]
    assert len({line.pid for line in rig.log("begin")}) == 2


def test_a_runner_that_cannot_travel_to_a_fresh_child_is_refused(tmp_path: Path):
    class Local(ScriptedRunner):
        """Nobody can import it."""

    with pytest.raises(NotSupported, match="must import what they run"):
        PreforkPool(1, start_method="spawn").start(Local(tmp_path), lambda event: None)


def test_an_unknown_start_method_is_refused_with_those_there_are():
    with pytest.raises(NotSupported, match=r"worker_pool_start_method='clone': expected fork, "):
        PreforkPool(1, start_method="clone")


def test_a_pool_without_children_is_refused():
    with pytest.raises(NotSupported, match="worker_concurrency=0"):
        PreforkPool(0)
