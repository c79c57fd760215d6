"""What comes out of a worker's log."""

import json
import os
import pty
import subprocess
import sys

from tests.integration.cli.running import Place


def test_every_line_of_a_json_log_is_an_object_that_names_its_task(place: Place):
    worker = place.start("-A", "shop", "worker", "-c", "1", "-l", "INFO", "--log-format", "json")
    worker.until_it_says(" ready.")
    result = place.send("fail")
    result.get(timeout=20, propagate=False)
    said = place.send("say", "hello")
    said.get(timeout=20)

    assert worker.stop() == 0

    lines = [json.loads(line) for line in worker.output.splitlines()]
    assert all({"time", "level", "logger", "message", "process"} <= set(line) for line in lines)
    failed = next(line for line in lines if line["level"] == "ERROR")
    assert (failed["task_name"], failed["task_id"]) == ("shop.fail", result.id)
    assert failed["message"].endswith("raised ValueError('this shop is closed')")
    assert failed["exception"].startswith("Traceback (most recent call last):\n")
    printed = next(line for line in lines if line["message"] == "hello")
    assert (printed["level"], printed["task_id"]) == ("WARNING", said.id)
    assert printed["process"] == "celeriac-child-1"


def test_each_process_has_a_log_file_of_its_own_if_the_name_asks_for_it(place: Place):
    worker = place.start("-A", "shop", "worker", "-c", "1", "-n", "w", "-f", "logs/%n%I.log")
    place.send("say", "hello").get(timeout=20)

    assert worker.stop() == 0

    assert "hello" in (place.folder / "logs" / "w-1.log").read_text()
    assert "hello" not in (place.folder / "logs" / "w.log").read_text()


def test_what_tasks_print_can_be_left_alone(place: Place):
    worker = place.worker("-c", "1", "--", "redirect_stdouts=0")
    place.send("say", "hello").get(timeout=20)

    assert worker.stop() == 0

    assert "hello" in worker.output.splitlines()


def test_what_tasks_print_is_logged_at_the_level_that_is_set(place: Place):
    worker = place.worker("-c", "1", "--", "redirect_stdouts_level=ERROR")
    said = place.send("say", "hello")
    said.get(timeout=20)

    assert worker.stop() == 0

    [line] = [line for line in worker.output.splitlines() if line.endswith("hello")]
    assert "ERROR/celeriac-child-1]" in line


def worker_at_a_terminal(place: Place, *words: str) -> str:
    """Return what a worker writes to a terminal that runs one task and ends."""
    (place.folder / "ending.py").write_text(
        "import os, signal\n"
        "from shop import app\n"
        "from celeriac.signals import worker_ready\n"
        "@worker_ready.connect\n"
        "def leave(sender=None, **kwargs):\n"
        "    import logging\n"
        "    logging.getLogger('shop').error('closing time')\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
    )
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "celeriac", *words, "-A", "ending", "worker", "-P", "threads"],
        cwd=place.folder,
        env=place._environ(None),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    try:
        while piece := os.read(ours, 65_536):
            seen += piece
    except OSError:
        pass  # so a terminal says that it is over
    finally:
        os.close(ours)
    process.wait(20)
    return seen.decode()


def test_lines_are_coloured_at_a_terminal_only_and_not_where_that_is_unwanted(place: Place):
    [line] = [one for one in worker_at_a_terminal(place).splitlines() if "closing time" in one]
    [plain] = [
        one
        for one in worker_at_a_terminal(place, "--no-color").splitlines()
        if "closing time" in one
    ]

    assert line.startswith("\033[31m[")
    assert plain.startswith("[")


def test_what_a_project_says_about_celerys_loggers_holds_for_ours(place: Place):
    (place.folder / "quiet.py").write_text(
        "import logging\n"
        "from shop import app\n"
        "from celeriac.signals import after_setup_logger\n"
        "@after_setup_logger.connect\n"
        "def hush(**kwargs):\n"
        "    logging.getLogger('celery').setLevel(logging.ERROR)\n"
    )

    words = ("-A", "quiet", "worker", "-l", "INFO", "-P", "threads", "-c", "1")
    worker = place.start("--as-celery", *words)
    place.send("add", 2, 3).get(timeout=20)

    assert worker.stop() == 0
    assert "received" not in worker.output
    assert "stop asked for" not in worker.output
