"""`app.log`: the set-up of logs under the names of Celery's Logging."""

import logging
import sys
from typing import TYPE_CHECKING, Any

from ..logs import REDIRECTED, LogOptions, Logs, Redirected

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

    def supports_color(self, colorize: bool | None = None, logfile: str | None = None) -> bool:
        """Tell whether lines would be coloured: on a terminal only, if not told otherwise."""
        return (not logfile and sys.stderr.isatty()) if colorize is None else colorize


def _level(value: int | str | None, default: int) -> int:
    if value is None:
        return default
    return value if isinstance(value, int) else logging.getLevelNamesMapping()[value.upper()]
