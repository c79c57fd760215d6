"""What a worker says when it cannot start, or not yet: a reason, in bounded time, and a code."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.integration.cli.running import Place, eventually

NOBODY_LISTENS = "postgresql://nobody:secret@127.0.0.1:9/shop"


def test_an_app_whose_module_does_not_import_ends_with_its_traceback(place: Place):
    (place.folder / "broken.py").write_text("import shop\n1 / 0\n")

    done = place.run("-A", "broken", "worker")

    assert done.returncode == 1
    assert "broken.py" in done.stderr
    assert "ZeroDivisionError" in done.stderr
    assert "module 'broken' could not be imported" in done.stderr


def test_a_task_module_that_does_not_import_ends_with_its_traceback(place: Place):
    (place.folder / "broken.py").write_text("1 / 0\n")

    done = place.run("-A", "shop", "worker", "-I", "broken")

    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert "module 'broken'" in done.stderr


def test_an_unknown_scheme_is_refused_with_those_there_are(place: Place):
    done = place.run("-A", "shop", "-b", "nats://localhost", "worker")

    assert done.returncode == 1
    assert "nats" in done.stderr
    assert "sqlite" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_pool_is_refused_with_those_there_are(place: Place):
    done = place.run("-A", "shop", "worker", "-P", "fibres")

    assert done.returncode == 1
    assert "worker_pool='fibres'" in done.stderr
    assert "prefork" in done.stderr


def test_a_missing_driver_is_named_with_the_extra_that_brings_it(place: Place, tmp_path: Path):
    without = tmp_path / "without"
    without.mkdir()
    (without / "pymysql.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'pymysql'\", name='pymysql')\n"
    )

    done = place.run(
        *("-A", "shop", "-b", "mysql://u@127.0.0.1:9/shop", "worker"),
        environ={"PYTHONPATH": str(without)},
    )

    assert done.returncode == 1
    assert "pip install 'celeriac[" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("pool", ["gevent", "eventlet"])
def test_a_pool_whose_library_is_missing_is_refused_with_the_extra_that_brings_it(
    place: Place, pool: str
):
    (place.folder / "sitecustomize.py").write_text(f"import sys; sys.modules[{pool!r}] = None\n")

    done = place.run(
        *("-A", "shop", "worker", "-P", pool), environ={"PYTHONPATH": str(place.folder)}
    )

    assert done.returncode == 1
    assert f"pip install 'celeriac[{pool}]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unreachable_broker_ends_the_start_with_69_and_no_password(place: Place):
    pytest.importorskip("psycopg")
    began = time.monotonic()

    done = place.run("-A", "shop", "-b", NOBODY_LISTENS, "worker")

    assert time.monotonic() - began < 15
    assert done.returncode == 69, done.stderr
    assert "127.0.0.1:9" in done.stderr
    assert "secret" not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_an_unreachable_broker_is_tried_again_if_that_is_wished(place: Place):
    pytest.importorskip("psycopg")
    worker = place.start(
        *("-A", "shop", "-b", NOBODY_LISTENS, "worker", "-l", "INFO"),
        *("--", "broker_connection_retry_on_startup=1"),
    )

    worker.until_it_says("cannot reach the broker, next attempt in 2 s")

    assert worker.process.poll() is None
    assert worker.stop() == 0


def test_a_read_only_folder_ends_the_start_with_a_reason(place: Place):
    done = place.run("-A", "shop", "-b", "sqlite:////proc/celeriac.sqlite3", "worker")

    assert done.returncode == 69, done.stderr
    assert "/proc/celeriac.sqlite3" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_banner_names_the_file_that_holds_everything(place: Place):
    worker = place.worker("-c", "1")

    assert f"sqlite:///{place.folder / 'celeriac.sqlite3'} (embedded default)" in worker.output
    assert "shop.add" in worker.output
    assert "prefork, 1 process" in worker.output


def test_waiting_messages_can_be_purged_before_the_start(place: Place):
    old = [place.send("add", 1, 1) for _ in range(3)]

    worker = place.worker("--purge")

    assert "purged 3 messages from celery" in worker.output
    assert place.send("add", 2, 2).get(timeout=20) == 4
    assert [result.state for result in old] == ["PENDING"] * 3


def test_a_pid_file_keeps_a_second_worker_out_and_goes_with_the_first(place: Place):
    first = place.worker("--pidfile", "worker.pid")
    file = place.folder / "worker.pid"
    assert int(file.read_text()) == first.pid

    second = place.run("-A", "shop", "worker", "--pidfile", "worker.pid")

    assert second.returncode == 1
    assert f"process {first.pid} holds it" in second.stderr
    assert first.stop() == 0
    assert not file.exists()


def test_the_pid_file_of_a_dead_worker_is_no_obstacle(place: Place):
    first = place.worker("--pidfile", "worker.pid")
    first.stop(9)

    second = place.worker("--pidfile", "worker.pid")

    assert int((place.folder / "worker.pid").read_text()) == second.pid


def test_a_detached_worker_leaves_the_terminal_and_logs_to_its_file(place: Place):
    done = place.run(
        *("-A", "shop", "worker", "-l", "INFO", "-n", "away", "-D"),
        *("--pidfile", "%n.pid", "-f", "%n.log"),
    )

    log = place.folder / "away.log"
    assert done.returncode == 0
    eventually(lambda: log.exists() and " ready." in log.read_text(), lambda: done.stderr)
    assert place.send("add", 2, 3).get(timeout=20) == 5
    pid = int((place.folder / "away.pid").read_text())
    os.kill(pid, 15)
    eventually(lambda: not (place.folder / "away.pid").exists(), log.read_text)
    assert "stopped." in log.read_text()


def test_a_detached_worker_goes_on_with_another_python_and_restarts_in_place(place: Place):
    other = place.folder / "python"
    other.write_text(f'#!/bin/sh\necho begun >> marks.txt\nexec {sys.executable} "$@"\n')
    other.chmod(0o755)
    log, pid_file = place.folder / "away.log", place.folder / "away.pid"

    done = place.run(
        *("-A", "shop", "worker", "-l", "INFO", "-n", "away", "-D", "-c", "1"),
        *("--pidfile", "%n.pid", "-f", "%n.log", "--executable", str(other)),
    )

    assert done.returncode == 0, done.stderr
    eventually(lambda: log.exists() and " ready." in log.read_text(), lambda: done.stderr)
    assert place.marks() == ["begun"]
    pid = int(pid_file.read_text())
    os.kill(pid, signal.SIGHUP)
    eventually(lambda: log.read_text().count(" ready.") == 2, log.read_text)
    assert int(pid_file.read_text()) == pid
    os.kill(pid, signal.SIGTERM)
    eventually(lambda: not pid_file.exists(), log.read_text)


def test_a_camera_of_events_can_be_a_daemon(place: Place):
    (place.folder / "cameras.py").write_text(
        "from celeriac.entrypoints.library.snapshots import Polaroid\n"
        "from shop import mark\n"
        "class Camera(Polaroid):\n"
        "    clear_after = True\n"
        "    def on_shutter(self, state):\n"
        "        mark('flash')\n"
    )
    pid_file = place.folder / "ev.pid"

    done = place.run(
        *("-A", "shop", "events", "-c", "cameras.Camera", "-F", "0.1", "--detach"),
        *("-f", "ev.log", "--pidfile", "ev.pid", "-l", "INFO"),
    )

    assert done.returncode == 0, done.stderr
    eventually(lambda: "flash" in place.marks(), (place.folder / "ev.log").read_text)
    os.kill(int(pid_file.read_text()), signal.SIGTERM)
    eventually(lambda: not pid_file.exists(), lambda: "the pid file is still there")


def test_lines_of_events_cannot_be_detached(place: Place):
    done = place.run("-A", "shop", "events", "--dump", "--detach")

    assert done.returncode == 2
    assert "--detach goes with --camera only" in done.stderr
