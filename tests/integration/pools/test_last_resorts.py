"""What becomes of a worker whose one thread is never given back by a task."""

import signal
import subprocess
import sys
import time

import pytest

from tests.integration.cli.running import Place
from tests.integration.pools.conftest import worker_of

#: A guard, and a worker that is told to be over at once and does nothing but sleep.
OVERDUE = """
import os, time
from celeriac.adapters.pools.guard import ForkedGuard

guard = ForkedGuard(lambda papers: None, 2.0)
guard.expect(time.monotonic() + {seconds})
if {changes}:
    guard.expect(0.0)
time.sleep({naps})
os._exit(0)
"""


def test_a_task_that_defies_its_hard_limit_is_recorded_and_the_worker_leaves(zoo: Place):
    worker = worker_of(zoo, "solo")
    defying = zoo.app.send_task("zoo.defy", (60,), time_limit=0.3)
    waiting = zoo.app.send_task("zoo.nap", (0,))

    error = defying.get(timeout=20, propagate=False)
    code = worker.exit_code()
    fresh = worker_of(zoo, "solo")

    assert type(error).__name__ == "TimeLimitExceeded"
    assert code == 1
    assert "cannot be ended; worker_pool='prefork' can end any" in worker.output
    assert waiting.get(timeout=20) == fresh.pid


@pytest.mark.parametrize("pool", ["threads", "solo"])
@pytest.mark.parametrize("name", ["exit_hard", "segfault"])
def test_a_task_that_takes_its_worker_along_is_recorded_by_the_next_one(
    zoo: Place, pool: str, name: str
):
    lease = ("--", "worker_lease=3")
    victim = worker_of(zoo, pool, *lease)
    fatal = zoo.app.send_task(f"zoo.{name}")
    assert victim.exit_code() in (3, -signal.SIGSEGV)

    heir = worker_of(zoo, pool, *lease)
    error = fatal.get(timeout=30, propagate=False)
    alive = zoo.app.send_task("zoo.nap", (0,)).get(timeout=20)

    assert type(error).__name__ == "WorkerLostError"
    assert alive == heir.pid


def test_a_process_that_has_eaten_too_much_is_replaced_and_its_task_has_succeeded(zoo: Place):
    worker = worker_of(zoo, "prefork", "-c", "1", "--max-memory-per-child", "150000")

    glutton = zoo.app.send_task("zoo.keep_memory", (300_000_000,)).get(timeout=20)
    after = zoo.app.send_task("zoo.nap", (0,)).get(timeout=20)

    assert after != glutton
    assert f"process {glutton} uses" in worker.output


@pytest.mark.parametrize(("changes", "code"), [(False, -9), (True, 0)])
def test_whoever_guards_a_worker_kills_it_when_it_is_overdue(changes: bool, code: int):
    script = OVERDUE.format(seconds=0.2, changes=changes, naps=1.0 if changes else 20)

    begun = time.monotonic()
    done = subprocess.run([sys.executable, "-c", script], timeout=20, check=False)

    assert done.returncode == code
    assert time.monotonic() - begun < 15
