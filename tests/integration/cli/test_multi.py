"""`celeriac multi`: real nodes in the background, found by their pid files."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.integration.cli.running import Place, eventually

FILES = ("--pidfile=run/%n.pid", "--logfile=log/%n%I.log")
OPTIONS = ("-A", "shop", "-P", "solo", "-l", "INFO", *FILES)


@pytest.fixture
def pair(place: Place) -> Iterator[Place]:
    """A place where two nodes run, one of them for a queue of its own."""
    done = multi(place, "start", "one", "two", "-Q:two", "second")
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        for node in ("one", "two"):
            until_ready(place, node)
        yield place
    finally:
        for pid in pids(place).values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def multi(place: Place, *words: str) -> "subprocess.CompletedProcess[str]":
    return place.run("multi", *words, *OPTIONS)


def pids(place: Place) -> dict[str, int]:
    files = (place.folder / "run").glob("*.pid")
    return {file.stem: int(file.read_text()) for file in files}


def log(place: Place, node: str) -> str:
    file = place.folder / "log" / f"{node}.log"
    return file.read_text() if file.exists() else ""


def until_ready(place: Place, node: str) -> None:
    """Wait until a node has taken its signals: one that comes before just ends it."""
    eventually(lambda: " ready." in log(place, node), lambda: f"{node} said: {log(place, node)}")


def is_there(pid: int) -> bool:
    """Tell whether a process lives; one that only waits to be noticed does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_nodes_are_started_in_the_background_and_work_each_with_its_own_options(pair: Place):
    first, second = pair.send("add", 1, 2), pair.send("add", 3, 4, queue="second")

    assert [first.get(timeout=30), second.get(timeout=30)] == [3, 7]
    assert sorted(pids(pair)) == ["one", "two"]
    assert all(map(is_there, pids(pair).values()))
    assert f"{second.id}] succeeded" in log(pair, "two")
    assert f"{second.id}]" not in log(pair, "one")


def test_a_node_that_runs_is_not_started_again(pair: Place):
    before = pids(pair)

    again = multi(pair, "start", "one")

    assert again.returncode == 1
    assert f"FAILED (process {before['one']} holds " in again.stdout
    assert pids(pair) == before


def test_restart_puts_new_processes_in_place_of_the_old(pair: Place):
    before = pids(pair)

    done = multi(pair, "restart", "one", "two")

    after = pids(pair)
    assert (done.returncode, done.stdout.count("> Restarting node ")) == (0, 2), done.stdout
    assert sorted(after) == ["one", "two"]
    assert not set(before.values()) & set(after.values())
    assert not any(map(is_there, before.values()))
    assert pair.send("add", 1, 2).get(timeout=30) == 3


def test_stopwait_returns_when_all_have_ended(pair: Place):
    before = pids(pair)

    done = multi(pair, "stopwait", "one", "two")

    assert done.returncode == 0
    assert "> Waiting for 2 nodes -> " in done.stdout
    assert done.stdout.count(": OK") == 2
    assert pids(pair) == {}
    assert not any(map(is_there, before.values()))
    assert "stopped." in log(pair, "one")


def test_stop_sends_the_signal_it_is_told_to_and_does_not_wait(pair: Place):
    pid = pids(pair)["two"]

    done = multi(pair, "stop", "two", "-QUIT")

    assert f"QUIT -> {pid}" in done.stdout
    eventually(lambda: not is_there(pid), lambda: log(pair, "two"))
    assert "cold stop asked for by SIGQUIT" in log(pair, "two")
    assert sorted(pids(pair)) == ["one"]


def test_what_was_killed_is_down_and_can_be_started_again(pair: Place):
    pid = pids(pair)["one"]

    killed = multi(pair, "kill", "one")
    eventually(lambda: not is_there(pid), lambda: killed.stdout)
    stopped = multi(pair, "stop", "one")
    started = multi(pair, "start", "one")

    assert f"KILL -> {pid}" in killed.stdout
    assert ": DOWN" in stopped.stdout
    assert started.returncode == 0, started.stdout
    assert pids(pair)["one"] != pid


def test_a_node_whose_app_is_not_there_fails_with_its_own_words(place: Place):
    done = place.run("multi", "start", "one", "-A", "nowhere", *FILES)

    assert done.returncode == 1
    assert "there is no module 'nowhere'" in done.stderr
    assert "FAILED (exit code 1)" in done.stdout
    assert pids(place) == {}


def test_a_node_that_ends_before_it_holds_its_pid_file_fails(place: Place):
    done = place.run("multi", "start", "one", "-A", "shop", *FILES, "--umask=9")

    assert done.returncode == 1
    assert "FAILED (it ended at once; " in done.stdout


def test_options_of_the_program_may_stand_before_the_word_multi(place: Place):
    started = place.run("-A", "shop", "multi", "start", "1", "-P", "solo", *FILES)
    stopped = place.run("multi", "stopwait", "1", *FILES)

    assert (started.returncode, stopped.returncode) == (0, 0), started.stdout
    assert stopped.stdout.count(": OK") == 1
