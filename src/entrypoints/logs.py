"""Where the log of a worker or of beat goes, and how its lines look: text for people, or JSON.

The handler is made before the pool forks, so that children write to the same place; what differs
by process (its name, a log file with the process's index in its name, the redirection of what
tasks print) is decided in the process, by `Logs.enter_process`.
"""

import json
import logging
import os
import socket
import sys
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any, Final

from ..application.context import running
from ..application.signals import after_setup_logger, after_setup_task_logger, setup_logging
from .celery_names import celery_names_are_ours
from .node_names import filled

#: Loggers whose lines are about the task that runs: Celery's name for them, and ours.
TASK_LOGGERS: Final = ("celery.task", "celeriac.task")
REDIRECTED: Final = "celeriac.redirected"
#: Ours, and Celery's: what a project says about the one holds for the other where names are ours.
OURS: Final = "celeriac"
CELERYS: Final = "celery"

_COLOURS: Final = {
    logging.DEBUG: "\033[34m",
    logging.WARNING: "\033[33m",
    logging.ERROR: "\033[31m",
    logging.CRITICAL: "\033[35m",
}
_PLAIN: Final = "\033[0m"


@dataclass(frozen=True, slots=True)
class LogOptions:
    """How a process logs. `file` may hold %n, %h, %d, %p, %i and %I; None is standard error."""

    node: str
    level: int = logging.WARNING
    style: str = "text"
    format: str = "[%(asctime)s: %(levelname)s/%(processName)s] %(message)s"
    datefmt: str | None = None
    task_format: str | None = None
    task_datefmt: str | None = None
    file: str | None = None
    colour: bool | None = None
    hijack: bool = True
    redirect: bool = False
    redirect_level: int = logging.WARNING


class TextLines(logging.Formatter):
    """Lines for people; those of a task's own logger name the task."""

    def __init__(self, options: LogOptions, colour: bool) -> None:
        """Write in these formats."""
        super().__init__(options.format, options.datefmt)
        self._of_tasks = logging.Formatter(
            options.task_format or options.format, options.task_datefmt
        )
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the traceback below it."""
        record.processName = process_name()
        of_task = record.name.startswith(TASK_LOGGERS) or getattr(record, "of_task", False)
        if of_task and _add_task(record):
            text = self._of_tasks.format(record)
        else:
            text = super().format(record)
        return coloured(text, record.levelno) if self._colour else text


class JsonLines(logging.Formatter):
    """One JSON object a line, for machines."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object; what does not apply is left out."""
        _add_task(record)
        message = record.getMessage()
        # That of a task's failure, which its worker logs, comes as text.
        exception = getattr(record, "exception", None)
        if exception:
            message = message.removesuffix(f"\n{exception}")
        elif record.exc_info:
            exception = self.formatException(record.exc_info)
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": message,
            "process": process_name(),
            "pid": record.process,
        }
        for name in ("task_name", "task_id"):
            value = getattr(record, name, None)
            if value is not None:
                line[name] = value
        if exception:
            line["exception"] = exception
        return json.dumps(line, ensure_ascii=False, default=str)


class Redirected:
    """A stream in place of standard output: each line written to it is logged."""

    encoding: Final = "utf-8"
    errors: Final = "replace"
    closed: Final = False

    def __init__(self, level: int, logger: str = REDIRECTED) -> None:
        """Log at this level, by this logger."""
        self._logger, self._level = logging.getLogger(logger), level
        self._local = threading.local()

    def write(self, text: str, /) -> int:
        """Log the lines that are whole by now."""
        # A handler that prints its own trouble must not be heard by itself.
        if getattr(self._local, "busy", False):
            return len(text)
        *lines, rest = (getattr(self._local, "rest", "") + text).split("\n")
        self._local.rest = rest
        self._log(lines)
        return len(text)

    def writelines(self, lines: list[str], /) -> None:
        """Write each."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Log what is there, though its line has no end yet."""
        rest, self._local.rest = getattr(self._local, "rest", ""), ""
        self._log([rest])

    def isatty(self) -> bool:
        """It is no terminal."""
        return False

    def _log(self, lines: list[str]) -> None:
        self._local.busy = True
        try:
            for line in lines:
                if line.strip():
                    self._logger.log(self._level, "%s", line)
        finally:
            self._local.busy = False


class Logs:
    """The log of this process, and of those it forks."""

    def __init__(self, options: LogOptions) -> None:
        """Nothing happens before `set_up`."""
        self.options = options
        self._handlers: dict[logging.Logger, logging.Handler] = {}
        self._anew = self._of_others = False

    @property
    def of_others(self) -> bool:
        """Whether a receiver of `setup_logging` has set it up."""
        return self._of_others

    def __getstate__(self) -> LogOptions:
        """Travel as what was asked for."""
        return self.options

    def __setstate__(self, options: LogOptions) -> None:
        """Be the log of a process that began with nothing."""
        self.options, self._handlers, self._anew, self._of_others = options, {}, True, False

    def set_up(self) -> None:
        """Take over the root logger, or, where that is not wanted, only if it has no handler.

        Loggers of tasks get a handler of their own, so that receivers may give it a format, and
        then do not speak to the root's. Whoever listens to `setup_logging` does all that instead,
        and nothing is redirected then.
        """
        options, root = self.options, logging.getLogger()
        of_tasks = logging.getLogger(TASK_LOGGERS[0])
        if celery_names_are_ours():
            logging.getLogger(OURS).parent = logging.getLogger(CELERYS)
        said: dict[str, Any] = {"loglevel": options.level, "logfile": options.file}
        said |= {"format": options.format, "colorize": options.colour}
        if setup_logging.send(sender=None, **said):
            self._of_others = True
            return
        if options.hijack:
            for logger in (root, logging.getLogger(CELERYS), of_tasks):
                for old in logger.handlers[:]:
                    logger.removeHandler(old)
        root.setLevel(options.level)
        if not root.handlers:
            self._handle(root, 0)
            of_tasks.propagate = False
            of_tasks.setLevel(options.level)
            self._handle(of_tasks, 0)
        after_setup_logger.send(sender=None, logger=root, **said)
        said["format"] = options.task_format or options.format
        after_setup_task_logger.send(sender=None, logger=of_tasks, **said)

    def enter_process(self) -> None:
        """Arrange what is this process's own; called where tasks will run."""
        if self._anew:
            self._anew = False
            self.set_up()
        index = process_index()
        name = self.options.file or ""
        if index and ("%i" in name or "%I" in name):
            for logger, old in list(self._handlers.items()):
                logger.removeHandler(old)
                self._handle(logger, index)
                # It may be that of a receiver of the signals above.
                self._handlers[logger].setFormatter(old.formatter)
        if self.options.redirect and not self._of_others and not isinstance(sys.stdout, Redirected):
            stream: Any = Redirected(self.options.redirect_level)
            sys.stdout = sys.stderr = stream

    def _handle(self, logger: logging.Logger, index: int) -> None:
        self._handlers[logger] = made = self._make(index)
        logger.addHandler(made)

    def _make(self, index: int) -> logging.Handler:
        options = self.options
        handler: logging.StreamHandler[Any]
        if options.file:
            path = log_path(options.file, options.node, index)
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            handler = logging.FileHandler(path, encoding="utf-8")
        else:
            handler = logging.StreamHandler(sys.__stderr__)
        handler.setFormatter(
            JsonLines() if options.style == "json" else TextLines(options, self._coloured(handler))
        )
        return handler

    def _coloured(self, handler: "logging.StreamHandler[Any]") -> bool:
        stream: IO[str] | None = handler.stream
        if self.options.colour is False or stream is None:
            return False
        return bool(stream.isatty())


def coloured(text: str, level: int) -> str:
    """Return a line in the colour of its level, for terminals."""
    colour = _COLOURS.get(level)
    return f"{colour}{text}{_PLAIN}" if colour else text


def names_its_task(record: logging.LogRecord) -> bool:
    """Filter that lets every record pass, and name the task that runs."""
    record.of_task = True
    _add_task(record)
    return True


def log_path(template: str, node: str, index: int) -> str:
    """Return the path of a log file: %p the node, %n its name, %h its host, %i the process."""
    name, _, host = node.partition("@")
    marks = {
        "%p": node,
        "%n": name,
        "%h": host or socket.gethostname(),
        "%d": host.partition(".")[2],
        "%i": str(index),
        "%I": f"-{index}" if index else "",
        "%%": "%",
    }
    return filled(template, marks)


def process_name() -> str:
    """Return the name of this process: that of a child of the pool, if it is one."""
    forked = sys.modules.get("billiard.process")
    return str(forked.current_process().name) if forked else "MainProcess"


def process_index() -> int:
    """Return which child of the pool this is, counted from 1; 0 outside of the pool."""
    last = process_name().rpartition("-")[2]
    return int(last) if last.isdigit() else 0


def _add_task(record: logging.LogRecord) -> bool:
    """Put the running task into a record that names none; say whether it names one now."""
    if hasattr(record, "task_id"):
        return True
    frame = running()
    if frame is None:
        return False
    record.task_id, record.task_name = frame[1].id, frame[0].name
    return True
