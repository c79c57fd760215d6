"""What is particular to pools whose jobs run in this very process."""

import threading
from pathlib import Path

import pytest

from celeriac.adapters.pools.solo import SoloPool
from celeriac.adapters.pools.threads import ThreadsPool
from celeriac.domain.errors import NotSupported
from celeriac.domain.work.job import Broken, Lost, TimedOut
from celeriac.ports.pool import Stop
from tests.contracts.pools import KINDS, Kind, Rig, ScriptedRunner

IN_THREADS = [kind for kind in KINDS if kind.name in ("solo-thread", "threads")]


@pytest.mark.parametrize("kind", IN_THREADS, ids=[kind.name for kind in IN_THREADS])
def test_a_pool_whose_threads_cannot_start_says_that_it_is_broken(kind: Kind, tmp_path: Path):
    (tmp_path / "broken").touch()

    rig = Rig(kind, tmp_path).start()
    rig.wait(lambda: bool(rig.of(Broken)), "the end of the pool")
    number = rig.submit()
    rig.close()

    cause = "a thread of the pool could not start: RuntimeError('the runner cannot start')"
    assert rig.of(Broken) == [Broken(cause)]
    assert rig.of(Lost) == [Lost((), [number], "the pool is not running any more")]


def test_solo_jobs_run_in_the_thread_that_lends_itself(tmp_path: Path):
    rig = Rig(KINDS[0], tmp_path)
    rig.pool.start(ScriptedRunner(tmp_path), rig.events.append)
    rig.submit()

    stopper = threading.Thread(target=rig.pool.stop, args=(Stop.WARM, 10.0))
    stopper.start()
    rig.pool.run_main()
    stopper.join()

    assert [line.thread for line in rig.log("begin")] == [threading.get_ident()]
    assert rig.answers() == [(1, "SUCCESS")]


def test_what_raises_out_of_a_runners_start_raises_out_of_run_main(tmp_path: Path):
    (tmp_path / "broken").touch()
    pool = SoloPool()
    pool.start(ScriptedRunner(tmp_path), lambda event: None)

    with pytest.raises(RuntimeError, match="the runner cannot start"):
        pool.run_main()


def test_a_pool_with_a_thread_of_its_own_returns_at_once_from_run_main():
    assert SoloPool(main_thread=False).run_main() is None


def test_what_a_thread_that_was_given_up_brings_about_is_not_heard(tmp_path: Path):
    kind = next(kind for kind in KINDS if kind.name == "threads")
    rig = Rig(kind, tmp_path, slots=1).start()

    number = rig.submit({"hold": "gate"}, hard_limit=0.02)
    rig.wait_for_answers(1)
    rig.open("gate")
    rig.wait(lambda: bool(rig.log("end")), "the end of the job given up")
    rig.submit()
    rig.wait_for_answers(2)
    rig.pool.stop(Stop.WARM, 10.0)

    assert rig.of(TimedOut) == [TimedOut(number, 0.02)]
    assert rig.answers() == [(number, "timed out"), (2, "SUCCESS")]


def test_a_pool_without_threads_is_refused():
    with pytest.raises(NotSupported, match="worker_concurrency=0"):
        ThreadsPool(0)
