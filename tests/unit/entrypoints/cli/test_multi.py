"""What `celeriac multi` understands, without starting anything."""

import os
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result

from .conftest import CeleriacCommand

HOST = socket.gethostname()


def commands(done: Result) -> list[list[str]]:
    """Return the commands that were shown, without the files of which there are defaults."""
    assert done.exit_code == 0, done.output
    shown = [shlex.split(line) for line in done.stdout.splitlines()]
    left_out = ("--pidfile=", "--logfile=", "--executable=")
    return [[word for word in line if not word.startswith(left_out)] for line in shown]


@pytest.fixture
def show(celeriac: CeleriacCommand):
    return lambda *words: commands(celeriac("multi", "show", *words))


def worker(node: str, *options: str, before: tuple[str, ...] = ()) -> list[str]:
    started = [sys.executable, "-m", "celeriac", *before, "worker", "--detach", *options]
    return [*started, "-n", f"{node}@{HOST}"]


def test_a_number_is_a_range_of_names(celeriac: CeleriacCommand):
    counted = celeriac("multi", "names", "3")
    prefixed = celeriac("multi", "names", "2", "--range-prefix=web")

    assert counted.output.split() == [f"celeriac{n}@{HOST}" for n in (1, 2, 3)]
    assert prefixed.output.split() == [f"web1@{HOST}", f"web2@{HOST}"]


def test_names_are_given_a_host_unless_they_have_one(celeriac: CeleriacCommand):
    done = celeriac("multi", "names", "one", "two@far", "three@%h")
    elsewhere = celeriac("multi", "names", "one", "two@far", "-n", "w@near")

    assert done.output.split() == [f"one@{HOST}", "two@far", f"three@{HOST}"]
    assert elsewhere.output.split() == ["one@near", "two@far"]


@pytest.mark.parametrize("written", ["-c:1-2", "-c:1,2", "-c:one,two", "--concurrency:one,2"])
def test_an_option_may_hold_for_some_nodes_only(show, written: str):
    words = [written, "10"] if written.startswith("-c") else [f"{written}=10"]
    flag = ["-c", "10"] if written.startswith("-c") else ["--concurrency=10"]

    assert show("one", "two", "three", "-c", "3", *words) == [
        worker("one", *flag),
        worker("two", *flag),
        worker("three", "-c", "3"),
    ]


def test_flags_take_no_word_and_options_take_the_next(show):
    assert show("-E", "one", "--pool", "solo", "-c4", "two") == [
        worker("one", "-E", "--pool=solo", "-c", "4"),
        worker("two", "-E", "--pool=solo", "-c", "4"),
    ]


def test_options_of_the_program_stand_before_the_word_worker(show, celeriac: CeleriacCommand):
    assert show("one", "-l", "INFO", "-A", "shop", "--workdir", "/srv") == [
        worker("one", "-l", "INFO", before=("-A", "shop", "--workdir=/srv"))
    ]


def test_settings_stay_behind_two_dashes(show):
    expected = [*worker("one", "-E"), "--", "prefetch_multiplier=1"]

    assert show("one", "-E", "--", "prefetch_multiplier=1") == [expected]


def test_an_option_of_a_command_line_of_ones_own_is_passed_on(show):
    assert show("one", "-Z", "9", "--shout", "--tone=high") == [
        worker("one", "-Z", "9", "--shout", "--tone=high")
    ]


def test_marks_are_filled_in_by_node_and_those_of_children_are_left(celeriac: CeleriacCommand):
    done = celeriac(
        *("multi", "show", "one", "--pidfile=~/%n.pid", "--logfile=%n%I.log", "-Q", "q.%n")
    )

    words = shlex.split(done.stdout)
    assert f"--pidfile={os.path.expanduser('~')}/one.pid" in words
    assert {"--logfile=one%I.log", "q.one"} <= set(words)


def test_files_are_where_services_have_theirs_if_nobody_says(celeriac: CeleriacCommand):
    words = shlex.split(celeriac("multi", "show", "one").stdout)

    assert "--pidfile=/var/run/celeriac/one.pid" in words
    assert "--logfile=/var/log/celeriac/one%I.log" in words
    assert f"--executable={sys.executable}" in words


def test_another_command_may_be_started(celeriac: CeleriacCommand):
    words = celeriac("multi", "get", "one", "one", "--cmd=-m shop worker -D", "--append=-E").output

    assert words.startswith("-m shop worker -D -n one@")
    assert words.endswith("-E\n")


def test_get_prints_one_command_without_its_python(celeriac: CeleriacCommand):
    found = celeriac("multi", "get", "two", "one", "two", "-c:2", "5")
    missing = celeriac("multi", "get", "four", "one", "two")

    assert found.output.startswith(f"-m celeriac worker --detach -c 5 -n two@{HOST} ")
    assert (missing.exit_code, "four is none of these nodes" in missing.output) == (1, True)


def test_expand_fills_in_a_template(celeriac: CeleriacCommand):
    done = celeriac("multi", "expand", "%n on %d: %p %i", "one", "two@far")

    assert done.output.splitlines() == [
        f"one on {HOST}: one@{HOST} %i",
        "two on far: two@far %i",
    ]


def test_an_option_for_nobody_is_told_of(celeriac: CeleriacCommand):
    done = celeriac("multi", "show", "one", "-c:five", "10")

    assert done.exit_code == 0
    assert "-c:five is for none of these nodes" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show"], "no node is named"),
        (["start", "one", "-c"], "-c lacks its value"),
        (["dance", "one"], "no such command of multi: 'dance'"),
        (["start", "one", "one"], "more than one node would have the pid file"),
        (["start", "one", "two", "--pidfile=same.pid"], "put %n into --pidfile"),
        (["stop", "one", "-NONE"], "there is no signal 'NONE'"),
        (["get"], "expected the name of a node and then nodes"),
    ],
)
def test_a_wrong_command_line_is_refused(celeriac: CeleriacCommand, words: list[str], said: str):
    done = celeriac("multi", *words)

    assert done.exit_code == 2
    assert said in done.output


def test_what_does_not_run_is_down(celeriac: CeleriacCommand, tmp_path: Path):
    stale = tmp_path / "two.pid"
    stale.write_text(f"{2**22 + 1}\n")

    done = celeriac("multi", "stopwait", "one", "two", f"--pidfile={tmp_path}/%n.pid")
    quiet = celeriac("multi", "stop", "one", "--quiet", f"--pidfile={tmp_path}/%n.pid")

    assert done.exit_code == 0
    assert done.output.splitlines()[1:] == [
        "> Stopping nodes...",
        f"> one@{HOST}: DOWN",
        f"> two@{HOST}: DOWN",
    ]
    assert quiet.output == ""


def test_a_folder_that_cannot_be_made_is_named(celeriac: CeleriacCommand, tmp_path: Path):
    (tmp_path / "file").write_text("")

    done = celeriac("multi", "start", "one", f"--pidfile={tmp_path}/file/one.pid")

    assert done.exit_code == 1
    assert f"FAILED ({tmp_path}/file: " in done.output
    assert "1 of 1 nodes did not start" in done.output


def test_a_word_in_capitals_is_a_signal_and_a_glued_option_is_none(
    celeriac: CeleriacCommand, tmp_path: Path
):
    file = tmp_path / "one.pid"
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    file.write_text(f"{child.pid}\n")

    try:
        done = celeriac("multi", "stop", "one", "-Ashop", "-USR1", f"--pidfile={file}")
        assert child.wait(30) == -signal.SIGUSR1
    finally:
        child.kill()

    assert f"one@{HOST}: USR1 -> {child.pid}" in done.output


@pytest.mark.parametrize("words", [[], ["help"], ["--nosplash"], ["start", "--help"]])
def test_without_a_command_it_says_what_there_is(celeriac: CeleriacCommand, words: list[str]):
    done = celeriac("multi", *words)

    assert done.exit_code == 0
    assert "celeriac multi start 3 -A shop -c 4" in done.output
