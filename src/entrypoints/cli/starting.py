"""What worker and beat do alike before they work: their log, their imports, their warnings."""

import importlib
import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ...application.signals import import_modules
from ..logs import LogOptions
from .program import CommandFailed
from .session import Session

if TYPE_CHECKING:
    from ..library.app import Celeriac


def import_tasks(app: "Celeriac", include: Iterable[str], logger: logging.Logger) -> None:
    """Import what holds tasks, as settings and -I say. What does not import ends the program.

    `import_modules` is sent first: that is when an app looks for the tasks of its packages.
    """
    for receiver, answer in import_modules.send(sender=app):
        if isinstance(answer, Exception):
            raise CommandFailed(f"tasks could not be imported: {receiver!r} raised {answer!r}")
    for module in dict.fromkeys((*app.conf.imports, *app.conf.include, *include)):
        try:
            importlib.import_module(module)
        except Exception as broken:
            logger.exception("cannot import %s", module)
            raise CommandFailed(
                f"module {module!r}, which the settings imports and include or -I name, could not "
                f"be imported: {broken!r}"
            ) from broken


def log_options(
    session: Session, asked: Mapping[str, Any], node: str, file: str | None, app: "Celeriac"
) -> LogOptions:
    """Return how to log, by command line and settings."""
    conf = app.conf
    return LogOptions(
        node=node,
        level=_level(asked["loglevel"]),
        style=asked["log_format"] or conf.worker_log_format_style,
        format=conf.worker_log_format,
        datefmt=conf.worker_log_datefmt,
        task_format=conf.worker_task_log_format,
        task_datefmt=conf.worker_task_log_datefmt,
        file=file,
        colour=False if session.no_color else conf.worker_log_color,
        hijack=conf.worker_hijack_root_logger,
        redirect=conf.worker_redirect_stdouts,
        redirect_level=_level(conf.worker_redirect_stdouts_level),
    )


def _level(value: Any) -> int:
    return value if isinstance(value, int) else logging.getLevelNamesMapping()[str(value).upper()]


def say_what_has_no_effect(
    session: Session, asked: Mapping[str, Any], names: Iterable[str], logger: logging.Logger
) -> None:
    """Name, in one line, the options given that govern what does not exist yet."""
    given = [f"--{name.replace('_', '-')}" for name in names if asked[name] is not None]
    given += session.without_effect
    if given:
        logger.warning("these options have no effect yet: %s", ", ".join(given))
