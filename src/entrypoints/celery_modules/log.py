"""`celery.utils.log`: loggers as projects ask for them."""

import logging
from typing import Any

from ..logs import Redirected, coloured, names_its_task, process_index

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
    "get_task_logger",
    "logger",
    "logger_isa",
    "mlevel",
    "task_logger",
    "worker_logger",
]

MP_LOG = False
RESERVED_LOGGER_NAMES = {"celery", "celery.task"}
LOG_LEVELS: dict[Any, Any] = {
    **logging.getLevelNamesMapping(),
    **{level: name for name, level in logging.getLevelNamesMapping().items() if name != "WARN"},
}

base_logger = logger = logging.getLogger("celery")
task_logger = logging.getLogger("celery.task")
worker_logger = logging.getLogger("celery.worker")


class ColorFormatter(logging.Formatter):
    """Lines for people, coloured by their level."""

    def __init__(
        self, fmt: str | None = None, use_color: bool = True, datefmt: str | None = None
    ) -> None:
        """Write in this format."""
        super().__init__(fmt, datefmt)
        self.use_color = use_color

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        text = super().format(record)
        return coloured(text, record.levelno) if self.use_color else text


class LoggingProxy(Redirected):
    """A stream that logs what is written to it."""

    mode = "w"
    name = None

    def __init__(self, logger: logging.Logger, loglevel: int | str | None = None) -> None:
        """Log by this logger, at this level."""
        super().__init__(mlevel(loglevel or logger.level or logging.ERROR), logger.name)
        self.logger, self.loglevel = logger, mlevel(loglevel or logger.level or logging.ERROR)

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
