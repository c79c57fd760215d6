"""How a worker process ends when it is asked to, and what becomes of its work."""

import os
import signal
import time

import pytest

from celeriac.domain.tasks import states
from tests.integration.cli.running import Place, Program


def test_a_worker_runs_tasks_until_sigterm_and_exits_with_zero(place: Place):
    worker = place.worker("-c", "2")

    results = [place.send("add", n, n) for n in range(20)]

    assert [result.get(timeout=20) for result in results] == [n + n for n in range(20)]
    assert worker.stop() == 0
    assert "warm stop asked for by SIGTERM" in worker.output


def test_sigterm_lets_running_tasks_end_and_leaves_queued_ones_to_the_next_worker(place: Place):
    worker = place.worker("-c", "2")
    running = [place.send("nap", name, 1.0) for name in ("a", "b")]
    for name in ("a", "b"):
        place.until_begun(name)
    queued = [place.send("nap", f"q{n}", 0.01) for n in range(6)]

    assert worker.stop() == 0

    assert [result.state for result in running] == [states.SUCCESS] * 2
    assert [result.state for result in queued] == [states.PENDING] * 6
    place.worker("-c", "2")
    assert [result.get(timeout=20) for result in queued] == [f"q{n}" for n in range(6)]
    assert sorted(line.split()[1] for line in place.marks() if line.startswith("begin")) == sorted(
        ["a", "b", *(f"q{n}" for n in range(6))]
    )


def test_what_does_not_end_within_the_grace_period_is_given_back_if_it_acks_late(place: Place):
    worker = place.worker("-c", "1", "--grace-period", "0.5")
    result = place.send("late_nap", "late", 60.0)
    place.until_begun("late")

    began = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - began < 6.0

    assert "grace period over: 1 tasks are cancelled" in worker.output
    assert result.state == states.PENDING
    place.worker("-c", "1")
    assert result.get(timeout=20) == "late"


def test_what_does_not_end_within_the_grace_period_is_recorded_if_it_may_not_be_repeated(
    place: Place,
):
    worker = place.worker("-c", "1", "--grace-period", "0.5")
    result = place.send("nap", "early", 60.0)
    place.until_begun("early")

    assert worker.stop() == 0

    assert result.state == states.FAILURE
    assert type(result.result).__name__ == "WorkerLostError"
    assert "worker_grace_period" in str(result.result)


def test_a_second_sigint_ends_what_runs_at_once(place: Place):
    worker = place.worker("-c", "1")
    result = place.send("late_nap", "late", 60.0)
    place.until_begun("late")

    worker.send(signal.SIGINT)
    worker.until_it_says("warm stop asked for by SIGINT")
    assert worker.process.poll() is None
    worker.send(signal.SIGINT)

    assert worker.exit_code() == 0
    assert "cold stop asked for by SIGINT" in worker.output
    place.worker("-c", "1")
    assert result.get(timeout=20) == "late"


def test_a_sigint_to_all_processes_as_terminals_send_it_still_stops_warm(place: Place):
    worker = place.worker("-c", "1")
    result = place.send("nap", "a", 1.0)
    place.until_begun("a")

    os.killpg(worker.pid, signal.SIGINT)

    assert worker.exit_code() == 0
    assert result.state == states.SUCCESS


def test_sigquit_stops_cold_at_once(place: Place):
    worker = place.worker("-c", "1")
    place.send("late_nap", "late", 60.0)
    place.until_begun("late")

    assert worker.stop(signal.SIGQUIT) == 0
    assert "cold stop asked for by SIGQUIT" in worker.output


def test_sigterm_can_be_told_to_stop_cold(place: Place):
    worker = place.start(
        *("-A", "shop", "worker", "-l", "INFO", "-c", "1"), environ={"REMAP_SIGTERM": "SIGQUIT"}
    )
    worker.until_it_says(" ready.")
    place.send("late_nap", "late", 60.0)
    place.until_begun("late")

    assert worker.stop(signal.SIGTERM) == 0
    assert "cold stop asked for by SIGTERM" in worker.output


def soft(place: Place, *words: str) -> Program:
    worker = place.start(*("-A", "shop", "worker", "-l", "INFO", "-c", "1"), *words)
    worker.until_it_says(" ready.")
    return worker


def test_a_soft_stop_gives_what_runs_its_own_time_before_the_cold_one(place: Place):
    worker = soft(place, "--", "soft_shutdown_timeout=30")
    short = place.send("nap", "short", 1.0)
    place.until_begun("short")

    assert worker.stop(signal.SIGQUIT) == 0

    assert short.state == states.SUCCESS
    assert "soft stop asked for by SIGQUIT" in worker.output
    assert "1 tasks have 30 s to end (worker_soft_shutdown_timeout)" in worker.output


def test_what_does_not_end_within_a_soft_stop_is_given_back(place: Place):
    worker = soft(place, "--", "soft_shutdown_timeout=0.5")
    late = place.send("late_nap", "late", 60.0)
    place.until_begun("late")

    assert worker.stop(signal.SIGQUIT) == 0

    assert late.state == states.PENDING
    place.worker("-c", "1")
    assert late.get(timeout=20) == "late"


def test_a_soft_stop_asked_for_once_more_is_a_cold_one(place: Place):
    worker = soft(place, "--", "soft_shutdown_timeout=60")
    place.send("late_nap", "late", 60.0)
    place.until_begun("late")

    worker.send(signal.SIGQUIT)
    worker.until_it_says("soft stop asked for by SIGQUIT")
    assert worker.stop(signal.SIGQUIT) == 0

    assert "cold stop asked for by SIGQUIT" in worker.output


def test_an_idle_worker_waits_a_soft_stop_out_only_if_told_to(place: Place):
    began = time.monotonic()
    assert soft(place, "--", "soft_shutdown_timeout=60").stop(signal.SIGQUIT) == 0
    assert time.monotonic() - began < 30.0

    told = ("soft_shutdown_timeout=1.5", "enable_soft_shutdown_on_idle=true")
    worker = soft(place, "--", *told)
    began = time.monotonic()
    assert worker.stop(signal.SIGQUIT) == 0
    assert time.monotonic() - began >= 1.4


def test_sighup_restarts_the_worker_in_place_with_what_is_new_in_its_code(place: Place):
    worker = place.worker("-c", "1", "--pidfile", "w.pid")
    running = place.send("nap", "a", 1.0)
    place.until_begun("a")
    shop = place.folder / "shop.py"
    shop.write_text(shop.read_text().replace("return x + y", "return x + y + 100"))

    worker.send(signal.SIGHUP)

    worker.until_it_says("restarting: ")
    assert running.get(timeout=20) == "a"
    assert place.send("add", 2, 3).get(timeout=20) == 105
    assert worker.process.poll() is None
    assert int((place.folder / "w.pid").read_text()) == worker.pid
    assert worker.stop() == 0


def test_sigusr1_writes_the_stacks_of_all_threads_to_the_log(place: Place):
    worker = place.worker("-c", "1")
    assert place.send("add", 2, 3).get(timeout=20) == 5  # by now all its threads are there

    worker.send(signal.SIGUSR1)

    worker.until_it_says("stacks of all threads")
    worker.until_it_says("celeriac-keeper\n====")
    assert place.send("add", 2, 3).get(timeout=20) == 5


def test_sigusr2_is_refused_with_a_line(place: Place):
    worker = place.worker("-c", "1")

    worker.send(signal.SIGUSR2)

    worker.until_it_says("SIGUSR2 is ignored: there is no remote debugger")
    assert place.send("add", 2, 3).get(timeout=20) == 5


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_a_pool_that_cannot_kill_ends_with_its_process(place: Place, pool: str):
    worker = place.worker("-P", pool, "-c", "1", "--grace-period", "0.2")
    late = place.send("late_nap", "late", 60.0)
    place.until_begun("late")

    began = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - began < 12.0

    place.worker("-c", "1")
    assert late.get(timeout=20) == "late"


def test_the_same_holds_for_a_pool_of_threads_and_for_none(place: Place):
    for pool in ("threads", "solo"):
        worker = place.worker("-P", pool, "-c", "1")
        running = place.send("nap", pool, 1.0)
        place.until_begun(pool)
        queued = place.send("nap", f"{pool}-queued", 0.01)

        assert worker.stop() == 0, str(worker)

        assert (running.state, queued.state) == (states.SUCCESS, states.PENDING)
        place.app.control.purge()
