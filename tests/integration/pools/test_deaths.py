"""However processes die, every job is answered once, and no process is left behind."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from celeriac.domain.work.job import Broken, Lost, TimedOut
from celeriac.ports.pool import Stop
from tests.contracts.pools import PATIENCE, Rig

Prefork = Callable[..., Rig]


@pytest.mark.parametrize(
    ("order", "cause"),
    [
        ({"exit": 3}, "exited with code 3"),
        ({"kill": signal.SIGSEGV}, "was killed by signal 11 (SIGSEGV)"),
    ],
)
def test_the_cause_says_how_the_process_ended(prefork: Prefork, order: dict, cause: str):
    rig = prefork()

    number = rig.submit(order)
    rig.wait_for_answers(1)

    assert rig.of(Lost) == [Lost([number], [], f"process {rig.pid_of(number)} {cause}")]


def test_what_was_reported_before_the_death_is_honoured(prefork: Prefork):
    rig = prefork(slots=1)

    rig.pool.submit([rig.job(), rig.job(), rig.job({"exit": 1})])

    assert rig.wait_for_answers(3) == [(1, "SUCCESS"), (2, "SUCCESS"), (3, "lost started")]


def test_jobs_behind_a_crashing_one_in_its_batch_are_lost_unstarted(prefork: Prefork):
    rig = prefork(slots=1)

    crash = rig.job({"exit": 1}, estimate=0.0001)
    rig.pool.submit([crash, *(rig.job(estimate=0.0001) for _ in range(5))])

    assert rig.wait_for_answers(6) == [
        (1, "lost started"),
        *((number, "lost unstarted") for number in range(2, 7)),
    ]


def test_jobs_behind_one_over_its_hard_limit_are_not_lost(prefork: Prefork):
    rig = prefork(slots=1)

    slow = rig.job({"hold": "gate"}, estimate=0.0001, hard_limit=0.2)
    rig.pool.submit([slow, *(rig.job(estimate=0.0001) for _ in range(5))])
    answers = rig.wait_for_answers(6)

    # They were taken back when it ran for long, and given to the child that came after.
    assert answers == [(1, "timed out"), *((number, "SUCCESS") for number in range(2, 7))]
    assert rig.of(TimedOut) == [TimedOut(1, 0.2)]


def test_every_job_is_answered_once_while_children_are_killed_at_random(prefork: Prefork):
    rig = prefork(slots=2)
    chance = random.Random(11)
    total = 3000

    for _ in range(total // 100):
        orders = [{"exit": 1} if chance.random() < 0.01 else {} for _ in range(100)]
        rig.pool.submit([rig.job(order, estimate=chance.choice([None, 2e-4])) for order in orders])
        rig.wait(lambda: bool(rig.pool.pids), "a child to kill")
        if chance.random() < 0.5:
            with contextlib.suppress(ProcessLookupError):  # it has just been killed
                os.kill(chance.choice(rig.pool.pids), signal.SIGKILL)
    rig.wait_for_answers(total)
    rig.pool.stop(Stop.WARM, PATIENCE)

    answers = dict(rig.answers())
    assert sorted(number for number, _ in rig.answers()) == list(range(1, total + 1))
    begun = {line.number for line in rig.log("begin")}
    assert not begun & {n for n, answer in answers.items() if answer == "lost unstarted"}
    assert {n for n, answer in answers.items() if answer == "SUCCESS"} <= begun
    assert "lost started" in answers.values()


def test_a_runner_that_cannot_start_does_not_make_a_storm_of_forks(
    prefork: Prefork, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "broken").touch()
    rig = prefork(slots=2)

    rig.submit()
    rig.wait(lambda: len(caplog.records) >= 3, "three complaints")
    pauses = [record.args[1] for record in caplog.records if "the next is tried" in record.msg]
    (tmp_path / "broken").unlink()

    assert rig.wait_for_answers(1) == [(1, "SUCCESS")]
    assert pauses[:3] == [0.25, 0.5, 1.0]


def test_without_the_nursery_all_jobs_are_answered_and_the_pool_is_broken(prefork: Prefork):
    rig = prefork(slots=1)
    number = rig.submit({"hold": "gate"})
    rig.wait_for_begin(number)
    waiting = rig.submit()
    child = rig.pid_of(number)
    nursery = parent_of(child)

    os.kill(nursery, signal.SIGKILL)
    rig.wait(lambda: bool(rig.of(Broken)), "the end of the pool")
    late = rig.submit()

    assert rig.wait_for_answers(3) == [
        (number, "lost started"),
        (waiting, "lost unstarted"),
        (late, "lost unstarted"),
    ]
    cause = f"the process {nursery} that makes the pool's children died"
    assert rig.of(Broken) == [Broken(cause)]
    assert rig.pool.room() == 0
    wait_until_gone([child])


HUB = """
import sys, time
from pathlib import Path
from tests.contracts.pools import KINDS, Rig
rig = Rig(next(kind for kind in KINDS if kind.name == "prefork"), Path(sys.argv[1])).start()
for _ in range(2):
    rig.submit({"hold": "never"})
rig.wait_for_begin(1, 2)
print(*rig.pool.pids, flush=True)
time.sleep(60)
"""


def test_when_the_hub_is_killed_no_process_is_left(tmp_path: Path):
    with subprocess.Popen(
        [sys.executable, "-c", HUB, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as hub:
        assert hub.stdout is not None
        children = [int(pid) for pid in hub.stdout.readline().split()]
        nursery = parent_of(children[0])

        hub.kill()

    assert len(children) == 2
    wait_until_gone([nursery, *children])


def parent_of(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("PPid:")[1].split()[0])


def wait_until_gone(pids: list[int]) -> None:
    """Wait until processes have ended; a zombie that nobody reaps has ended as well."""
    end = time.monotonic() + PATIENCE
    while living := [pid for pid in pids if is_alive(pid)]:
        assert time.monotonic() < end, f"{living} still live"
        time.sleep(0.005)


def is_alive(pid: int) -> bool:
    try:
        return " Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3]
    except FileNotFoundError:
        return False
