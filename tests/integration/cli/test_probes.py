"""Probes of a worker in a process of its own, asked as Kubernetes asks."""

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.integration.cli.running import ROOT, Place, Program, eventually

#: What a probe must do without: its start would cost more than its answer.
HEAVY = (
    *("click", "sqlalchemy", "kombu", "redis", "celeriac.entrypoints.library", "logging"),
    *("typing", "socket", "threading", "__future__"),  # each costs as much as all else together
)


@pytest.fixture
def worker(place: Place) -> Program:
    return place.worker("-c", "1", "-n", "w@here")


def asked(place: Place, *words: str) -> "subprocess.CompletedProcess[str]":
    return place.run("status", "--self", *words)


def test_status_self_tells_whether_the_worker_is_at_work(place: Place, worker: Program):
    eventually(lambda: asked(place).returncode == 0, lambda: str(asked(place)))

    found = asked(place)

    assert (found.stdout, found.stderr) == ("w@here: OK\n", "")
    told = json.loads(asked(place, "--json", "-d", "w@here").stdout)
    assert told["pid"] == worker.pid
    assert told["slots"] == 1


def test_a_worker_that_stops_is_not_ready_and_alive(place: Place, worker: Program):
    place.send("nap", "long", 60.0)
    place.until_begun("long")

    worker.send(signal.SIGTERM)
    worker.until_it_says("warm stop")

    eventually(lambda: "it is stopping" in asked(place).stdout, lambda: str(asked(place)))
    assert asked(place).returncode == 1
    assert asked(place, "--live").returncode == 0
    assert worker.stop(signal.SIGQUIT) == 0
    assert asked(place).returncode == 69


def test_a_worker_that_was_killed_is_gone(place: Place, worker: Program):
    os.killpg(worker.pid, signal.SIGKILL)
    worker.exit_code()

    found = asked(place)

    assert found.returncode == 69
    assert "no worker answers" in found.stderr


def test_a_worker_that_is_stuck_is_told_of(place: Place, worker: Program):
    worker.send(signal.SIGSTOP)
    try:
        found = asked(place, "--live")
    finally:
        worker.send(signal.SIGCONT)

    assert found.returncode == 1
    assert "it does not answer within 2 s" in found.stdout


def test_a_probe_imports_nothing_that_is_slow():
    code = (
        "import sys; sys.argv = ['celeriac', 'status', '--self']\n"
        "from celeriac.entrypoints.start import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines()[-1] == "[]"


def test_options_that_do_not_fit_are_refused_by_the_whole_command_line(place: Place):
    assert "--live goes with --self only" in place.run("-A", "shop", "status", "--live").stderr
    assert "No such option" in place.run("status", "--self", "--nonsense").stderr
