"""Begin anew in place of this process: the same command, the same process id, whatever is new."""

import logging
import os
import sys
from contextlib import suppress
from typing import Final

import click

logger = logging.getLogger("celeriac.worker")

#: Says to a program that it is one begun anew, and in which process: it has left the terminal then.
VARIABLE: Final = "CELERIAC_RESTARTED"

_folders: list[str] = []


def remember_folder() -> None:
    """Remember where the program was started; called before it goes elsewhere."""
    with suppress(OSError):  # the folder may be gone
        _folders.append(os.getcwd())


def was_restarted() -> bool:
    """Tell whether this process ran the same command before."""
    return os.environ.get(VARIABLE) == str(os.getpid())


def restart() -> None:
    """Run this process's command from its beginning. Does not return.

    What must stay true: whatever the process held is let go of before: exec runs no clean-up.
    """
    logger.warning("restarting: %s", " ".join(sys.orig_argv))
    logging.shutdown()
    _begin(sys.executable)


def begin_as(executable: str | None) -> None:
    """Go on with another Python, if one is named. Raises click.ClickException."""
    if executable is None or executable == sys.executable:
        return
    try:
        _begin(executable)
    except OSError as error:
        raise click.ClickException(f"--executable {executable!r}: {error.strerror}") from error


def _begin(executable: str) -> None:
    for folder in _folders[:1]:
        os.chdir(folder)
    os.environ[VARIABLE] = str(os.getpid())
    os.execv(executable, [executable, *sys.orig_argv[1:]])  # noqa: S606 - our own command
