"""Pid files, identity, and where their settings come from."""

import os
import sys
from pathlib import Path

import click
import pytest

from celeriac.domain.settings import Settings
from celeriac.entrypoints.cli.daemon import Daemon, pid_file, take_identity

#: Beyond the largest process id there can be.
NOBODYS_PID = 2**22 + 1


def test_a_pid_file_is_there_as_long_as_it_is_held(tmp_path: Path):
    file = tmp_path / "w1.pid"

    with pid_file(Daemon(pidfile=f"{tmp_path}/%n.pid"), "w1@here"):
        assert file.read_text() == f"{os.getpid()}\n"

    assert not file.exists()


@pytest.mark.parametrize("text", [f"{NOBODYS_PID}\n", "", "no number"])
def test_a_pid_file_of_nobody_is_replaced(tmp_path: Path, text: str):
    file = tmp_path / "worker.pid"
    file.write_text(text)

    with pid_file(Daemon(pidfile=str(file)), "w1@here"):
        assert file.read_text() == f"{os.getpid()}\n"


def test_a_pid_file_of_somebody_is_respected(tmp_path: Path):
    file = tmp_path / "worker.pid"
    file.write_text(f"{os.getppid()}\n")

    with (
        pytest.raises(click.ClickException, match=f"process {os.getppid()} holds it"),
        pid_file(Daemon(pidfile=str(file)), "w1@here"),
    ):
        pytest.fail("two hold one file")

    assert file.read_text() == f"{os.getppid()}\n"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody tells them apart")
def test_a_process_that_only_waits_to_be_noticed_holds_no_pid_file(tmp_path: Path):
    file = tmp_path / "worker.pid"
    ended = os.fork()
    if not ended:
        os._exit(0)
    os.waitid(os.P_PID, ended, os.WEXITED | os.WNOWAIT)  # it has ended, and stays a zombie
    file.write_text(f"{ended}\n")

    try:
        with pid_file(Daemon(pidfile=str(file)), "w1@here"):
            assert file.read_text() == f"{os.getpid()}\n"
    finally:
        os.waitpid(ended, 0)


def test_a_pid_file_that_another_has_taken_since_is_left(tmp_path: Path):
    file = tmp_path / "worker.pid"

    with pid_file(Daemon(pidfile=str(file)), "w1@here"):
        file.write_text("1\n")

    assert file.read_text() == "1\n"


def test_a_pid_file_that_cannot_be_written_is_refused(tmp_path: Path):
    with (
        pytest.raises(click.ClickException, match="No such file or directory"),
        pid_file(Daemon(pidfile=f"{tmp_path}/no/such/folder/w.pid"), "w1@here"),
    ):
        pytest.fail("it was written")


def test_what_the_command_line_leaves_open_follows_the_settings():
    conf = Settings(worker_pidfile="by-setting.pid", worker_logfile="by-setting.log")

    settled = Daemon(pidfile="by-option.pid").settled(conf, "worker")

    assert settled == Daemon(pidfile="by-option.pid", logfile="by-setting.log")


def test_the_umask_is_read_as_octal():
    before = os.umask(0)
    os.umask(before)
    try:
        take_identity(Daemon(umask="027"))
        assert os.umask(before) == 0o027
    finally:
        os.umask(before)


@pytest.mark.parametrize(
    ("daemon", "said"),
    [
        (Daemon(umask="9"), "--umask '9': expected octal digits"),
        (Daemon(uid="nobody-of-this-name"), "there is no such user"),
        (Daemon(gid="nobody-of-this-name"), "there is no such group"),
    ],
)
def test_a_wrong_identity_is_refused(daemon: Daemon, said: str):
    with pytest.raises(click.ClickException, match=said):
        take_identity(daemon)
