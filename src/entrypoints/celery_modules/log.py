"""`celery.utils.log`: loggers as projects ask for them."""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, Any, ClassVar, Final

from ..logs import Redirected, names_its_task, process_index

__all__ = [
    "LOG_LEVELS",
    "MP_LOG",
    "RESERVED_LOGGER_NAMES",
    "ColorFormatter",
    "LoggingProxy",
    "base_logger",
    "current_process",
    "current_process_index",
    "get_logger",
    "get_multiprocessing_logger",
    "get_task_logger",
    "in_sighandler",
    "iter_open_logger_fds",
    "logger",
    "logger_isa",
    "mlevel",
    "reset_multiprocessing_logger",
    "set_in_sighandler",
    "task_logger",
    "worker_logger",
]

MP_LOG = os.environ.get("MP_LOG", False)
RESERVED_LOGGER_NAMES = {"celery", "celery.task"}
LOG_LEVELS: dict[Any, Any] = {
    **logging.getLevelNamesMapping(),
    **{level: name for name, level in logging.getLevelNamesMapping().items() if name != "WARN"},
}

base_logger = logger = logging.getLogger("celery")
task_logger = logging.getLogger("celery.task")
worker_logger = logging.getLogger("celery.worker")


#: What terminals know, in the order of their numbers.
_COLOURS: Final = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")

#: Whether a handler of signals runs: what it prints must not wait for a lock that is held.
_in_sighandler = False


def _painted(number: int, text: object) -> str:
    return f"\033[{30 + number}m{text}\033[0m"


class ColorFormatter(logging.Formatter):
    """Lines for people, coloured by their level."""

    #: A colour's name → what paints a text with it.
    COLORS: ClassVar[dict[str, Callable[[object], str]]] = {
        name: partial(_painted, number) for number, name in enumerate(_COLOURS)
    }
    #: A level's name → what paints its lines; heirs may have others.
    colors: ClassVar[dict[str, Callable[[object], str]]] = {
        "DEBUG": COLORS["blue"],
        "WARNING": COLORS["yellow"],
        "ERROR": COLORS["red"],
        "CRITICAL": COLORS["magenta"],
    }

    def __init__(
        self, fmt: str | None = None, use_color: bool = True, datefmt: str | None = None
    ) -> None:
        """Write in this format."""
        super().__init__(fmt, datefmt)
        self.use_color = use_color

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        text = super().format(record)
        paint = self.colors.get(record.levelname) if self.use_color else None
        return paint(text) if paint else text


class LoggingProxy(Redirected):
    """A stream that logs what is written to it."""

    mode = "w"
    name = None
    loglevel = logging.ERROR

    def __init__(self, logger: logging.Logger, loglevel: int | str | None = None) -> None:
        """Log by this logger, at this level."""
        super().__init__(mlevel(loglevel or logger.level or logging.ERROR), logger.name)
        self.logger, self.loglevel = logger, mlevel(loglevel or logger.level or logging.ERROR)

    def write(self, data: str) -> int:
        """Log the lines that are whole by now; within handlers of signals they are printed."""
        if _in_sighandler:
            print(data, end="", file=sys.__stderr__)
            return len(data)
        return super().write(data)

    def writelines(self, sequence: list[str]) -> None:
        """Write each."""
        super().writelines(sequence)

    def close(self) -> None:
        """Stay open: others may hold it."""

    def fileno(self) -> None:
        """There is no file."""


def get_logger(name: str) -> logging.Logger:
    """Return a logger; what it is told is heard like the rest of the library's log."""
    found = logging.getLogger(name)
    if logging.root not in (found, found.parent) or found in (logging.root, base_logger):
        return found
    return _below(base_logger, found)


def get_task_logger(name: str) -> logging.Logger:
    """Return a logger for tasks: its lines name the task that runs.

    Raises RuntimeError for a name that is the library's own.
    """
    if name in RESERVED_LOGGER_NAMES:
        raise RuntimeError(f"logger name {name!r} is reserved: use __name__")
    found = _below(task_logger, get_logger(name))
    if names_its_task not in found.filters:
        found.addFilter(names_its_task)
    return found


def _below(parent: logging.Logger, child: logging.Logger) -> logging.Logger:
    if not logger_isa(child, parent):
        child.parent = parent
    return child


def logger_isa(
    l: logging.Logger,  # noqa: E741 - Celery's name
    p: logging.Logger,
    max: int = 1000,  # noqa: A002 - Celery's name
) -> bool:
    """Tell whether a logger hands its lines to another one."""
    this: logging.Logger | None = l
    for _ in range(max):
        if this is None or this is p:
            return this is p
        this = this.parent
    raise RuntimeError(f"logger {l.name!r} has more than {max} above it")


def mlevel(level: Any) -> int:
    """Return the number of a level's name."""
    if level and not isinstance(level, int):
        return int(logging.getLevelNamesMapping()[level.upper()])
    return int(level or 0)


def current_process() -> Any:
    """Return the process object of this process."""
    from billiard.process import current_process

    return current_process()


def current_process_index(base: int = 1) -> int | None:
    """Return which child of the pool this is, counted from `base`; None outside of the pool."""
    index = process_index()
    return index - 1 + base if index else None


def get_multiprocessing_logger() -> logging.Logger | None:
    """Return the logger of the pool's processes, which billiard has; None before it is made."""
    from billiard import util

    found: logging.Logger | None = util.get_logger()
    return found


def reset_multiprocessing_logger() -> None:
    """Have that logger made anew when it is asked for again."""
    from billiard import util

    util._logger = None


def iter_open_logger_fds() -> Iterator[IO[str]]:
    """Yield the streams that any logger writes to, each handler's once."""
    known = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    handlers = [each for one in known for each in getattr(one, "handlers", ())]
    for handler in dict.fromkeys(handlers):
        stream = getattr(handler, "stream", None)
        if stream is not None:
            yield stream


def set_in_sighandler(value: bool) -> None:
    """Say whether a handler of signals runs."""
    global _in_sighandler
    _in_sighandler = value


@contextmanager
def in_sighandler() -> Iterator[None]:
    """Say meanwhile that a handler of signals runs."""
    set_in_sighandler(True)
    try:
        yield
    finally:
        set_in_sighandler(False)
