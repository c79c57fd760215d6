"""kill -9 in the middle of work: every task is accounted for."""

import os
import signal
from pathlib import Path

from celeriac.domain.tasks import states
from tests.integration.cli.running import Place, eventually


def test_a_task_whose_process_is_killed_runs_again_if_it_acks_late(place: Place):
    place.worker("-c", "2")
    result = place.send("late_nap", "late", 60.0)

    os.kill(place.until_begun("late"), signal.SIGKILL)

    assert result.get(timeout=20) == "late"


def test_a_task_whose_process_is_killed_has_failed_if_it_acks_early(place: Place):
    place.worker("-c", "2")
    result = place.send("nap", "early", 60.0, link_error=place.app.signature("shop.mourn"))

    os.kill(place.until_begun("early"), signal.SIGKILL)

    found = result.get(timeout=20, propagate=False)
    assert (result.state, type(found).__name__) == (states.FAILURE, "WorkerLostError")
    eventually(lambda: f"mourned {result.id}" in place.marks(), lambda: str(place))


def test_a_worker_goes_on_after_the_death_of_a_child(place: Place):
    place.worker("-c", "1")
    first = place.send("nap", "early", 60.0)

    os.kill(place.until_begun("early"), signal.SIGKILL)

    first.get(timeout=20, propagate=False)
    assert place.send("add", 2, 3).get(timeout=20) == 5


def test_another_worker_takes_over_all_that_a_killed_one_held(place: Place):
    first = place.worker("-c", "2", "-n", "first", "--", "lease=2")
    late, early = place.send("late_nap", "late", 60.0), place.send("nap", "early", 60.0)
    place.until_begun("late")
    place.until_begun("early")
    queued = [place.send("nap", f"q{n}", 0.01) for n in range(6)]

    first.send(signal.SIGKILL)
    first.exit_code()
    second = place.worker("-c", "2", "-n", "second", "--", "lease=2")

    assert late.get(timeout=20) == "late"
    assert [result.get(timeout=20) for result in queued] == [f"q{n}" for n in range(6)]
    lost = early.get(timeout=20, propagate=False)
    assert (early.state, type(lost).__name__) == (states.FAILURE, "WorkerLostError")
    begun = [line.split()[1] for line in place.marks() if line.startswith("begin")]
    assert sorted(begun) == sorted(["early", "late", "late", *(f"q{n}" for n in range(6))])
    assert second.stop() == 0


def test_a_worker_whose_pool_breaks_gives_its_work_back_and_exits_with_one(place: Place):
    worker = place.worker("-c", "1")
    result = place.send("late_nap", "late", 60.0)
    child = place.until_begun("late")
    nursery = int(Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[1])

    os.kill(nursery, signal.SIGKILL)

    assert worker.exit_code() == 1
    assert "the pool can run nothing any more" in worker.output
    place.worker("-c", "1")
    assert result.get(timeout=20) == "late"
