"""Leaving the terminal by hand, as `celery.platforms` has it."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import util as processes
from typing import Any, Final, Self

from ..cli import daemon as daemons
from .platform_files import close_open_fds, fd_by_path, number_of
from .platform_signals import signals

DAEMON_WORKDIR: Final = "/"


class DaemonContext:
    """Lets the process go on as a daemon: `with DaemonContext(workdir="/srv"): …`.

    Args:
        pidfile: Accepted for Celery's sake; take one with `create_pidlock`, after it was opened.
        workdir: Where it goes on; default: the root.
        umask: Its mask of rights; a text that begins with 0 is octal.
        fake: Only go to the folder and set the mask: the terminal is kept.
        after_chdir: Called once it is in its folder, before files are closed.
        after_forkers: Tell `multiprocessing` that the process was forked.
        **kwargs: Accepted for Celery's sake.
    """

    def __init__(
        self,
        pidfile: str | None = None,
        workdir: str | None = None,
        umask: int | str | None = None,
        fake: bool = False,
        after_chdir: Callable[[], Any] | None = None,
        after_forkers: bool = True,
        **kwargs: Any,
    ) -> None:
        self.workdir, self.fake = workdir or DAEMON_WORKDIR, fake
        self.umask = int(umask, 8 if umask[:1] == "0" else 10) if isinstance(umask, str) else umask
        self.after_chdir, self.after_forkers = after_chdir, after_forkers
        self.stdfds = (sys.stdin, sys.stdout, sys.stderr)
        self._is_open = False

    def open(self) -> Self:
        """Become a daemon, the first time."""
        if self._is_open:
            return self
        if not self.fake:
            daemons.detach()
        os.chdir(self.workdir)
        if self.umask is not None:
            os.umask(self.umask)
        if self.after_chdir:
            self.after_chdir()
        if not self.fake:
            self._let_go()
        self._is_open = True
        return self

    __enter__ = open  # noqa: A003 - the method above

    def close(self, *args: object) -> None:
        """Let it be opened again; the process stays what it is."""
        self._is_open = False

    __exit__ = close

    def redirect_to_null(self, fd: int | None) -> None:
        """Let what is written to a file, or read from it, be nothing."""
        if fd is not None:
            nothing = os.open(os.devnull, os.O_RDWR)
            os.dup2(nothing, fd)
            os.close(nothing)

    def _let_go(self) -> None:
        # Python itself may keep this one open.
        close_open_fds([*self.stdfds, *fd_by_path(["/dev/urandom"])])
        for stream in self.stdfds:
            self.redirect_to_null(number_of(stream))
        if self.after_forkers:
            processes._run_after_forkers()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


def set_pdeathsig(name: str) -> None:
    """Be sent this signal when the parent ends; only Linux does it, elsewhere nothing happens."""
    from billiard.util import set_pdeathsig as ask

    if signals.supported(name):
        with suppress(OSError):
            ask(signals.signum(name))
