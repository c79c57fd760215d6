"""kill -9 in the middle of work on RabbitMQ: every task is accounted for."""

import os
import signal

import pytest

from celeriac.domain.tasks import states
from tests.integration.cli.running import eventually

pytestmark = pytest.mark.needs_server("rabbitmq", "redis")


def test_a_late_task_whose_process_is_killed_runs_again(place):
    place.worker("-c", "2")
    result = place.send("late_nap", "late", 60.0)

    os.kill(place.until_begun("late"), signal.SIGKILL)

    assert result.get(timeout=20) == "late"


def test_an_early_task_whose_process_is_killed_has_failed(place):
    place.worker("-c", "2")
    result = place.send("nap", "early", 60.0, link_error=place.app.signature("shop.mourn"))

    os.kill(place.until_begun("early"), signal.SIGKILL)

    found = result.get(timeout=20, propagate=False)
    assert (result.state, type(found).__name__) == (states.FAILURE, "WorkerLostError")
    eventually(lambda: f"mourned {result.id}" in place.marks(), lambda: str(place))


@pytest.mark.parametrize("store", ["redis", "sql"])
def test_another_worker_takes_over_all_that_a_killed_one_held(make_place, store, tmp_path):
    conf = {"worker_lease": 2}
    if store == "sql":
        conf["result_backend"] = f"db+sqlite:///{tmp_path / 'results.sqlite3'}"
    place = make_place(**conf)
    first = place.worker("-c", "2")
    late, early = place.send("late_nap", "late", 60.0), place.send("nap", "early", 60.0)
    place.until_begun("late")
    place.until_begun("early")
    queued = [place.send("nap", f"q{n}", 0.01) for n in range(6)]

    first.send(signal.SIGKILL)
    first.exit_code()
    second = place.worker("-c", "2")

    assert late.get(timeout=20) == "late"
    assert [result.get(timeout=20) for result in queued] == [f"q{n}" for n in range(6)]
    lost = early.get(timeout=20, propagate=False)
    assert (early.state, type(lost).__name__) == (states.FAILURE, "WorkerLostError")
    begun = [line.split()[1] for line in place.marks() if line.startswith("begin")]
    assert sorted(begun) == sorted(["early", "late", "late", *(f"q{n}" for n in range(6))])
    assert second.stop() == 0


def test_without_a_ledger_the_worker_says_what_is_lost(make_place):
    place = make_place(result_backend=None)
    worker = place.worker("-c", "1")
    place.send("nap", "early", 60.0)

    os.kill(place.until_begun("early"), signal.SIGKILL)
    place.send("nap", "next", 0.01)

    eventually(lambda: any(line.startswith("end next") for line in place.marks()), place.__str__)
    assert "keeps a ledger of started tasks" in worker.output
    assert worker.stop() == 0


def test_a_worker_that_stops_gives_back_what_it_had_fetched(place):
    first = place.worker("-c", "1")
    place.send("nap", "running", 2.0)
    place.until_begun("running")
    waiting = [place.send("nap", f"w{n}", 0.01) for n in range(8)]
    second = place.worker("-c", "1")

    assert first.stop() == 0

    assert [result.get(timeout=20) for result in waiting] == [f"w{n}" for n in range(8)]
    begun = [line.split()[1] for line in place.marks() if line.startswith("begin")]
    assert sorted(begun) == sorted(["running", *(f"w{n}" for n in range(8))])
    assert second.stop() == 0
