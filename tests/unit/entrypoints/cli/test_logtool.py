"""`celeriac logtool`: over text of ours and Celery's, and over JSON."""

import json
from pathlib import Path

import pytest

from .conftest import CeleriacCommand

TRACE = """\
Traceback (most recent call last):
  File "shop.py", line 3, in fail
    raise ValueError('closed')
ValueError: closed"""


def at(second: int, level: str, text: str) -> str:
    return f"[2030-01-31 12:00:{second:02},000: {level}/MainProcess] {text}"


CONNECTED = at(0, "INFO", "Connected to redis://")
FAILED = at(4, "ERROR", "Task shop.fail[id-2] raised unexpected: ValueError('closed')")
LOST = at(5, "INFO", "Task shop.add[id-3] received")
DEBUG = at(8, "DEBUG", "Task is what this is about\n  and [so] on")
TEXT = "\n".join(
    [
        " -------------- celery@here v5",
        CONNECTED,
        at(1, "INFO", "Task shop.add[id-1] received"),
        at(2, "INFO", "\x1b[34mTask shop.add[id-1] succeeded in 0.01s: 5\x1b[0m"),
        at(3, "INFO", "Received task: shop.fail[id-2]"),
        FAILED,
        TRACE,
        LOST,
        at(6, "INFO", "Task shop.slow[id-4] received"),
        at(6, "INFO", "Task shop.slow[id-4] retry: Retry in 3s"),
        at(7, "INFO", "Task shop.slow[id-5] received"),
        at(7, "WARNING", "Discarding revoked task: shop.slow[id-5]"),
        DEBUG,
    ]
)


@pytest.fixture
def file(tmp_path: Path) -> str:
    made = tmp_path / "worker.log"
    made.write_text(TEXT)
    return str(made)


def test_stats_count_tasks_and_what_they_came_to(celeriac: CeleriacCommand, file: str):
    done = celeriac("logtool", "stats", file, file)

    assert done.exit_code == 0
    assert done.output == (
        "\nReport\n======\n"
        "Task total: 10\nTask errors: 2\nTask success: 2\nTask completed: 6\n"
        "\nTasks\n=====\nshop.add: 4\nshop.slow: 4\nshop.fail: 2\n"
    )


def test_traces_are_of_failed_tasks(celeriac: CeleriacCommand, file: str):
    assert celeriac("logtool", "traces", file).output == f"{TRACE}\n"


def test_errors_are_single_lines(celeriac: CeleriacCommand, file: str):
    assert celeriac("logtool", "errors", file).output == f"{FAILED}\n"


def test_incomplete_is_what_came_in_and_did_not_end(celeriac: CeleriacCommand, file: str):
    assert celeriac("logtool", "incomplete", file).output == f"{LOST}\n"


def test_debug_is_the_rest(celeriac: CeleriacCommand, file: str):
    done = celeriac("logtool", "debug", file)

    assert done.output == f" -------------- celery@here v5\n{CONNECTED}\n{DEBUG}\n"


def test_json_is_read_too_and_from_standard_input(celeriac: CeleriacCommand):
    def line(message: str, **more: str) -> str:
        return json.dumps({"level": "INFO", "message": message, **more})

    said = [
        line("Task shop.add[id-1] received"),
        line("Task shop.add[id-1] raised ValueError('closed')", exception=TRACE),
        line("worker@here ready."),
        '{"no": "line of a log"}',
    ]

    stats = celeriac("logtool", "stats", input="\n".join(said))
    traces = celeriac("logtool", "traces", "-", input="\n".join(said))
    debug = celeriac("logtool", "debug", input="\n".join(said))

    assert "Task total: 1\nTask errors: 1\nTask success: 0\nTask completed: 1\n" in stats.output
    assert traces.output == f"{TRACE}\n"
    assert debug.output.splitlines() == said[2:]


def test_a_file_that_is_not_there_is_named(celeriac: CeleriacCommand, tmp_path: Path):
    done = celeriac("logtool", "stats", str(tmp_path / "none.log"))

    assert done.exit_code == 1
    assert "none.log: No such file" in done.output
