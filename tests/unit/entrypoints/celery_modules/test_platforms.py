"""`celery.platforms`: pid files, signals, users and errors of the system."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from celeriac.domain.errors import SecurityError
from celeriac.entrypoints.celery_modules import platforms


class TestPidfile:
    def test_it_is_held_while_the_block_lasts(self, tmp_path):
        path = tmp_path / "w.pid"

        with platforms.Pidfile(str(path)) as lock:
            assert (lock.is_locked(), lock.read_pid()) == (True, os.getpid())

        assert not path.exists()

    def test_one_of_a_living_process_is_respected(self, tmp_path):
        path = tmp_path / "w.pid"
        path.write_text(f"{os.getppid()}\n")

        with pytest.raises(platforms.LockFailed, match=str(os.getppid())):
            platforms.Pidfile(str(path)).acquire()
        with pytest.raises(SystemExit) as left:
            platforms.create_pidlock(str(path))
        assert left.value.code == platforms.EX_CANTCREAT

    @pytest.mark.parametrize("text", ["gone", "no number"])
    def test_one_of_nobody_is_taken_over(self, tmp_path, text):
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        path = tmp_path / "w.pid"
        path.write_text(str(gone.pid) if text == "gone" else text)

        with platforms.Pidfile(str(path)) as lock:
            assert lock.read_pid() == os.getpid()


class TestSignals:
    def test_a_handler_is_set_and_reset_by_the_signals_name(self):
        before = signal.getsignal(signal.SIGUSR2)
        handler = lambda signum, frame: None  # noqa: E731
        try:
            platforms.signals["USR2"] = handler
            assert platforms.signals["USR2"] is handler
            platforms.reset_signal("USR2")
            assert signal.getsignal(signal.SIGUSR2) == signal.SIG_DFL
            platforms.signals.update(USR2=handler)
            platforms.ignore_signal("SIGUSR2")
            assert signal.getsignal(signal.SIGUSR2) == signal.SIG_IGN
        finally:
            signal.signal(signal.SIGUSR2, before)

    def test_what_the_system_lacks_is_passed_over(self):
        platforms.signals["NOSUCH"] = None

        assert not platforms.signals.supported("NOSUCH")
        with pytest.raises(AttributeError, match="SIGNOSUCH"):
            platforms.get_signal("NOSUCH")
        with pytest.raises(TypeError, match="in capitals"):
            platforms.get_signal("term")

    def test_names_and_numbers(self):
        assert platforms.signal_name(15) == "TERM"
        assert platforms.get_signal("TERM") == 15


def test_errors_of_the_system_are_passed_over_by_number_or_name():
    with platforms.ignore_errno("ENOENT"):
        raise FileNotFoundError(errno.ENOENT, "gone")
    with pytest.raises(PermissionError), platforms.ignore_errno("ENOENT", types=(OSError,)):
        raise PermissionError(errno.EPERM, "no")


def test_open_files_are_found_by_their_path_and_closed_but_those_kept(tmp_path):
    code = (
        "import os; from celeriac.entrypoints.celery_modules import platforms as p\n"
        f"a, b = (os.open('{tmp_path}/' + n, os.O_CREAT | os.O_RDWR) for n in 'ab')\n"
        f"print(p.fd_by_path(['{tmp_path}/a']) == [a])\n"
        "import sys; sys.stdout.flush(); p.close_open_fds([0, 1, 2, a])\n"
        "os.fstat(a)\n"
        "try: os.fstat(b)\n"
        "except OSError: print('closed')\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stdout.split() == ["True", "closed"], done.stderr


def test_users_and_groups_are_known_by_name_and_number():
    assert platforms.parse_uid("root") == platforms.parse_uid("0") == platforms.parse_gid(0) == 0
    with pytest.raises(KeyError, match="nobody-at-all"):
        platforms.parse_uid("nobody-at-all")


@pytest.mark.skipif(os.getuid() != 0, reason="needs to be root, to be somebody less")
def test_the_rights_of_root_are_dropped_for_good():
    code = (
        "import os; from celeriac.entrypoints.celery_modules import platforms as p\n"
        "p.maybe_drop_privileges(uid=65534)\n"
        "print(os.getuid(), os.geteuid())\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stdout.split() == ["65534", "65534"], done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="only root is warned")
def test_root_does_not_run_what_anybody_may_send(monkeypatch):
    monkeypatch.delenv("C_FORCE_ROOT", raising=False)
    platforms.check_privileges(["json"])

    with pytest.raises(SecurityError, match="C_FORCE_ROOT"):
        platforms.check_privileges(["json", "pickle"])

    monkeypatch.setenv("C_FORCE_ROOT", "1")
    platforms.check_privileges(["pickle"])
