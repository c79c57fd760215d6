"""`app.log`: the set-up of logs under the names of Celery's Logging."""

import logging
import os
import sys
from typing import TYPE_CHECKING, Any

from ...application.signals import after_setup_task_logger
from ..logs import REDIRECTED, TASK_LOGGERS, LogOptions, Logs, Redirected

if TYPE_CHECKING:
    from .app import Celeriac


class Logging:
    """Sets up the log of this process as a worker would, for one app."""

    #: Whether a process sets up its log once only. Tests that bring their own set it.
    already_setup = False

    def __init__(self, app: "Celeriac") -> None:
        """Follow this app's settings."""
        self.app = app
        self._of_others = False

    def setup(
        self,
        loglevel: int | str | None = None,
        logfile: str | None = None,
        redirect_stdouts: bool = False,
        redirect_level: int | str = "WARNING",
        colorize: bool | None = None,
        hostname: str | None = None,
    ) -> bool:
        """Set up the log and, if asked to, redirect standard output into it.

        Returns whether somebody else, listening to `setup_logging` or before, has set it up.
        """
        done = not self.setup_logging_subsystem(loglevel, logfile, None, colorize, hostname)
        if redirect_stdouts and not self._of_others:
            self.redirect_stdouts(redirect_level)
        return done

    def setup_logging_subsystem(
        self,
        loglevel: int | str | None = None,
        logfile: str | None = None,
        format: str | None = None,  # noqa: A002 - Celery's name
        colorize: bool | None = None,
        hostname: str | None = None,
        **kwargs: Any,
    ) -> bool:
        """Set up the root logger; tell whether it was done here."""
        if type(self).already_setup:
            return False
        type(self).already_setup = True
        conf = self.app.conf
        options = LogOptions(
            node=hostname or self.app.hostname,
            level=_level(loglevel, logging.WARNING),
            style=conf.worker_log_format_style,
            format=format or conf.worker_log_format,
            datefmt=conf.worker_log_datefmt,
            task_format=conf.worker_task_log_format,
            task_datefmt=conf.worker_task_log_datefmt,
            file=logfile,
            colour=conf.worker_log_color if colorize is None else colorize,
            hijack=conf.worker_hijack_root_logger,
        )
        logs = Logs(options)
        logs.set_up()
        self._of_others = logs.of_others
        return not logs.of_others

    def redirect_stdouts(self, loglevel: int | str | None = None, name: str = REDIRECTED) -> None:
        """Log what is printed."""
        self.redirect_stdouts_to_logger(logging.getLogger(name), loglevel)

    def redirect_stdouts_to_logger(
        self,
        logger: logging.Logger,
        loglevel: int | str | None = None,
        stdout: bool = True,
        stderr: bool = True,
    ) -> Redirected:
        """Log what is printed, by this logger; return the stream that does it."""
        stream: Any = Redirected(_level(loglevel, logging.WARNING), logger.name)
        if stdout:
            sys.stdout = stream
        if stderr:
            sys.stderr = stream
        made: Redirected = stream
        return made

    def get_default_logger(self, name: str = "celery", **kwargs: Any) -> logging.Logger:
        """Return a logger."""
        return logging.getLogger(name)

    def setup_task_loggers(
        self,
        loglevel: int | str | None = None,
        logfile: Any = None,
        format: str | None = None,  # noqa: A002 - Celery's name
        colorize: bool | None = None,
        propagate: bool = False,
        datefmt: str | None = None,
        **kwargs: Any,
    ) -> logging.Logger:
        """Give the loggers of tasks a handler of their own, if they have none; return theirs."""
        from ..celery_modules.app_log import TaskFormatter

        conf = self.app.conf
        asked = format or conf.worker_task_log_format
        coloured = self.supports_color(colorize, logfile)
        logger = self.setup_handlers(
            logging.getLogger(TASK_LOGGERS[0]),
            logfile,
            asked,
            coloured,
            TaskFormatter,
            datefmt or conf.worker_task_log_datefmt,
        )
        logger.setLevel(_level(loglevel, logging.WARNING))
        logger.propagate = propagate
        after_setup_task_logger.send(
            sender=None,
            logger=logger,
            loglevel=logger.level,
            logfile=logfile,
            format=asked,
            colorize=coloured,
        )
        return logger

    def setup_handlers(
        self,
        logger: logging.Logger,
        logfile: Any,
        format: str | None,  # noqa: A002 - Celery's name
        colorize: bool,
        formatter: Any = None,
        datefmt: str | None = None,
        **kwargs: Any,
    ) -> logging.Logger:
        """Let a logger write to a file, a stream or standard error, unless it writes already."""
        if any(not isinstance(one, logging.NullHandler) for one in logger.handlers):
            return logger
        if formatter is None:
            from ..celery_modules.log import ColorFormatter as formatter
        named = isinstance(logfile, str | os.PathLike)
        handler: logging.Handler
        if named:
            from logging.handlers import WatchedFileHandler  # costs more than who has no file pays

            handler = WatchedFileHandler(logfile, encoding="utf-8")
        else:
            handler = logging.StreamHandler(logfile or sys.__stderr__)
        handler.setFormatter(formatter(format, use_color=colorize, datefmt=datefmt))
        logger.addHandler(handler)
        return logger

    def colored(self, logfile: str | None = None, enabled: bool | None = None) -> Any:
        """Return what writes texts in colours: on a terminal only, if not told otherwise."""
        from ..celery_modules.term import colored

        return colored(enabled=self.supports_color(enabled, logfile))

    def supports_color(self, colorize: bool | None = None, logfile: str | None = None) -> bool:
        """Tell whether lines would be coloured: on a terminal only, if not told otherwise."""
        return (not logfile and sys.stderr.isatty()) if colorize is None else colorize


def _level(value: int | str | None, default: int) -> int:
    if value is None:
        return default
    return value if isinstance(value, int) else logging.getLevelNamesMapping()[value.upper()]
