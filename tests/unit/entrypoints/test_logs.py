"""How lines look, and where they go."""

import io
import json
import logging
import sys
from pathlib import Path

import pytest

from celeriac.application.signals import after_setup_task_logger, setup_logging
from celeriac.entrypoints.celery_modules.log import get_task_logger
from celeriac.entrypoints.logs import (
    JsonLines,
    LogOptions,
    Logs,
    Redirected,
    TextLines,
    log_path,
)

FORMAT = "%(levelname)s/%(processName)s %(message)s"
TASK_FORMAT = "%(task_name)s[%(task_id)s]: %(message)s"


def record(text: str, *, name: str = "shop", level: int = logging.INFO, **extra: object):
    made = logging.makeLogRecord(
        {"name": name, "levelno": level, "levelname": logging.getLevelName(level), "msg": text}
    )
    vars(made).update(extra)
    return made


def with_error(text: str):
    try:
        raise ValueError("closed")
    except ValueError:
        return record(text, exc_info=sys.exc_info())


def options(**changed: object) -> LogOptions:
    return LogOptions(node="w1@here", format=FORMAT, task_format=TASK_FORMAT, **changed)


def test_a_text_line_follows_the_format():
    assert TextLines(options(), colour=False).format(record("hello")) == "INFO/MainProcess hello"


def test_a_line_of_a_tasks_logger_names_the_task():
    lines = TextLines(options(), colour=False)
    known = {"task_name": "shop.add", "task_id": "1"}

    assert lines.format(record("hi", name="celery.task.shop", **known)) == "shop.add[1]: hi"
    assert lines.format(record("hi", name="celery.task.shop")) == "INFO/MainProcess hi"
    assert lines.format(record("hi", name="shop", **known)) == "INFO/MainProcess hi"


@pytest.mark.parametrize(
    ("level", "colour"),
    [(logging.ERROR, "\033[31m"), (logging.WARNING, "\033[33m"), (logging.INFO, "")],
)
def test_colour_marks_what_matters(level: int, colour: str):
    line = TextLines(options(), colour=True).format(record("hi", level=level))

    assert line.startswith(colour + logging.getLevelName(level))
    assert line.endswith("\033[0m") == bool(colour)


def test_a_json_line_holds_what_there_is_and_nothing_else():
    made = record("hello", created=1893456000.5, process=42)

    assert json.loads(JsonLines().format(made)) == {
        "time": "2030-01-01T00:00:00.500000+00:00",
        "level": "INFO",
        "logger": "shop",
        "message": "hello",
        "process": "MainProcess",
        "pid": 42,
    }


def test_a_json_line_names_task_and_exception():
    made = with_error("it broke")
    made.task_name, made.task_id = "shop.add", "1"

    line = json.loads(JsonLines().format(made))

    assert (line["task_name"], line["task_id"]) == ("shop.add", "1")
    assert line["exception"].endswith("ValueError: closed")
    assert line["message"] == "it broke"


def test_a_traceback_that_comes_as_text_is_not_said_twice():
    made = record("Task failed\nTraceback: closed", exception="Traceback: closed")

    line = json.loads(JsonLines().format(made))

    assert (line["message"], line["exception"]) == ("Task failed", "Traceback: closed")


def test_a_json_line_is_one_line_whatever_is_in_it():
    line = JsonLines().format(record("two\nlines \N{SNOWMAN}", task_id=object()))

    assert "\n" not in line
    assert json.loads(line)["message"] == "two\nlines \N{SNOWMAN}"


@pytest.mark.parametrize(
    ("template", "index", "path"),
    [
        ("/log/%n%I.log", 0, "/log/w1.log"),
        ("/log/%n%I.log", 3, "/log/w1-3.log"),
        ("/log/%p-%i.log", 3, "/log/w1@box.example.org-3.log"),
        ("/log/%h/%d/%%n", 0, "/log/box.example.org/example.org/%n"),
        ("/log/100%", 0, "/log/100%"),
    ],
)
def test_the_name_of_a_log_file_has_marks(template: str, index: int, path: str):
    assert log_path(template, "w1@box.example.org", index) == path


@pytest.fixture
def root():
    """The root logger, restored afterwards."""
    logger, of_tasks = logging.getLogger(), logging.getLogger("celery.task")
    handlers, level = logger.handlers[:], logger.level
    yield logger
    for handler in of_tasks.handlers[:]:
        of_tasks.removeHandler(handler)
        handler.close()
    of_tasks.propagate = True
    of_tasks.setLevel(logging.NOTSET)
    for handler in logger.handlers[:]:
        if handler not in handlers:
            handler.close()
    logger.handlers[:], logger.level = handlers, level
    logger.setLevel(level)


def test_the_root_logger_is_taken_over(root: logging.Logger, tmp_path: Path):
    old = io.StringIO()
    root.addHandler(logging.StreamHandler(old))

    Logs(options(file=str(tmp_path / "logs" / "%n.log"), level=logging.INFO)).set_up()
    logging.getLogger("shop").info("hello")

    assert (tmp_path / "logs" / "w1.log").read_text() == "INFO/MainProcess hello\n"
    assert old.getvalue() == ""


def test_the_root_logger_is_left_alone_if_that_is_wished(root: logging.Logger, tmp_path: Path):
    old = io.StringIO()
    root.handlers[:] = [logging.StreamHandler(old)]
    file = tmp_path / "w1.log"

    Logs(options(file=str(file), level=logging.INFO, hijack=False)).set_up()
    logging.getLogger("shop").info("hello")

    assert old.getvalue() == "hello\n"
    assert not file.exists()


def test_what_is_printed_is_logged_line_by_line(caplog: pytest.LogCaptureFixture):
    stream = Redirected(logging.WARNING)

    stream.write("one\ntw")
    stream.write("o\n\n")
    stream.write("rest")
    stream.flush()

    assert [record.getMessage() for record in caplog.records] == ["one", "two", "rest"]


def test_a_handler_that_prints_does_not_hear_itself(root: logging.Logger):
    stream = Redirected(logging.WARNING)
    heard: list[str] = []

    class Loud(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage())
            stream.write("I have heard something\n")

    root.handlers[:] = [Loud()]
    stream.write("once\n")

    assert heard == ["once"]


def test_loggers_of_tasks_have_a_handler_whose_format_receivers_may_change(
    root: logging.Logger, tmp_path: Path
):
    heard: list[logging.Logger] = []

    def shout(logger, **kwargs):
        heard.append(logger)
        for handler in logger.handlers:
            handler.setFormatter(logging.Formatter("TASK %(task_name)s: %(message)s"))

    after_setup_task_logger.connect(shout)
    try:
        Logs(options(file=str(tmp_path / "w.log"), level=logging.INFO)).set_up()
    finally:
        after_setup_task_logger.disconnect(shout)
    logger = get_task_logger("market.tasks")
    logger.info("hello", extra={"task_name": "shop.add", "task_id": "1"})
    logging.getLogger("shop").info("good day")

    assert heard == [logging.getLogger("celery.task")]
    assert (tmp_path / "w.log").read_text() == "TASK shop.add: hello\nINFO/MainProcess good day\n"


def test_whoever_sets_up_the_log_keeps_standard_output_too(root: logging.Logger, tmp_path: Path):
    logs = Logs(options(file=str(tmp_path / "w.log"), redirect=True))
    before = sys.stdout

    def mine(**kwargs):
        return "done"

    setup_logging.connect(mine)
    try:
        logs.set_up()
    finally:
        setup_logging.disconnect(mine)
    logs.enter_process()

    assert sys.stdout is before
    assert logs.of_others
    assert not (tmp_path / "w.log").exists()
