"""`celery.platforms`: the process, its user, its files and its signals."""

import errno
import grp
import os
import platform
import pwd
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, Final

from ...domain.errors import ImproperlyConfigured, SecurityError
from ..cli import daemon as daemons
from .platform_daemon import DAEMON_WORKDIR, DaemonContext, set_pdeathsig
from .platform_files import close_open_fds, fd_by_path, get_fdmax
from .platform_pidfile import (
    PIDFILE_FLAGS,
    PIDFILE_MODE,
    PIDLOCKED,
    LockFailed,
    PIDFile,
    Pidfile,
    create_pidlock,
)
from .platform_signals import (
    SIGMAP,
    SIGNAMES,
    Signals,
    get_signal,
    ignore_signal,
    install_signal_handler,
    reset_signal,
    signal_name,
    signals,
)

__all__ = [
    "DAEMON_WORKDIR",
    "EX_CANTCREAT",
    "EX_FAILURE",
    "EX_OK",
    "EX_UNAVAILABLE",
    "EX_USAGE",
    "IS_WINDOWS",
    "PIDFILE_FLAGS",
    "PIDFILE_MODE",
    "PIDLOCKED",
    "ROOT_DISALLOWED",
    "SIGMAP",
    "SIGNAMES",
    "SYSTEM",
    "DaemonContext",
    "IS_macOS",
    "LockFailed",
    "PIDFile",
    "Pidfile",
    "Signals",
    "check_privileges",
    "close_open_fds",
    "create_pidlock",
    "detached",
    "fd_by_path",
    "get_errno_name",
    "get_fdmax",
    "get_signal",
    "ignore_errno",
    "ignore_signal",
    "initgroups",
    "install_signal_handler",
    "isatty",
    "maybe_drop_privileges",
    "parse_gid",
    "parse_uid",
    "pyimplementation",
    "reset_signal",
    "set_mp_process_title",
    "set_pdeathsig",
    "set_process_title",
    "setgid",
    "setgroups",
    "setuid",
    "signal_name",
    "signals",
    "strargv",
]

EX_OK: Final = os.EX_OK
EX_FAILURE: Final = 1
EX_USAGE: Final = os.EX_USAGE
EX_UNAVAILABLE: Final = os.EX_UNAVAILABLE
EX_CANTCREAT: Final = os.EX_CANTCREAT

SYSTEM: Final = platform.system()
IS_macOS: Final = SYSTEM == "Darwin"
IS_WINDOWS: Final = SYSTEM == "Windows"

ROOT_DISALLOWED: Final = (
    "accept_content has 'pickle', and this is root (uid={uid} euid={euid} gid={gid} egid={egid}): "
    "whoever can send a message can do anything here; use --uid, or set C_FORCE_ROOT=1 if you "
    "really mean it"
)


def pyimplementation() -> str:
    """Return which Python this is."""
    return platform.python_implementation()


def isatty(fh: Any) -> bool | None:
    """Tell whether a stream is a terminal; None if it cannot say."""
    ask = getattr(fh, "isatty", None)
    return None if ask is None else bool(ask())


def strargv(argv: list[str]) -> str:
    """Return the arguments of a program as text."""
    return " ".join(argv[1:])


# -- errors of the system


def get_errno_name(n: int | str) -> int:
    """Return the number of an error's name: `ENOENT`; numbers as they are."""
    return getattr(errno, n) if isinstance(n, str) else n


@contextmanager
def ignore_errno(*errnos: int | str, **kwargs: Any) -> Iterator[None]:
    """Pass over errors of these numbers or names; `types` are the exceptions looked at."""
    numbers = {get_errno_name(one) for one in errnos}
    types: tuple[type[Exception], ...] = kwargs.get("types") or (Exception,)
    try:
        yield
    except types as error:
        if getattr(error, "errno", None) not in numbers:
            raise


# -- users


def parse_uid(uid: int | str) -> int:
    """Return the number of a user. Raises KeyError."""
    with suppress(ValueError):
        return int(uid)
    try:
        return pwd.getpwnam(str(uid)).pw_uid
    except KeyError as missing:
        raise KeyError(f"User does not exist: {uid}") from missing


def parse_gid(gid: int | str) -> int:
    """Return the number of a group. Raises KeyError."""
    with suppress(ValueError):
        return int(gid)
    try:
        return grp.getgrnam(str(gid)).gr_gid
    except KeyError as missing:
        raise KeyError(f"Group does not exist: {gid}") from missing


def setuid(uid: int | str) -> None:
    """Become this user."""
    os.setuid(parse_uid(uid))


def setgid(gid: int | str) -> None:
    """Become one of this group."""
    os.setgid(parse_gid(gid))


def setgroups(groups: Iterable[int]) -> None:
    """Be in these groups."""
    os.setgroups(list(groups))


def initgroups(uid: int, gid: int) -> None:
    """Be in the groups that a user is in."""
    os.initgroups(pwd.getpwuid(uid).pw_name, gid)


def maybe_drop_privileges(uid: int | str | None = None, gid: int | str | None = None) -> None:
    """Become another user and group, as far as they are given; does nothing unless it is root.

    Raises SecurityError if the rights of root could be had again.
    """
    if os.geteuid() and os.getuid():
        return
    number = None if uid is None else parse_uid(uid)
    group = None if gid is None else parse_gid(gid)
    if number is not None and group is None:
        group = pwd.getpwuid(number).pw_gid
    if group is not None:
        os.setgid(group)
    if number is not None and group is not None:
        initgroups(number, group)
        os.setuid(number)
        _be_sure(number)


def _be_sure(number: int) -> None:
    if number == 0:
        return
    try:
        os.setuid(0)
    except PermissionError:
        return
    raise SecurityError("the rights of root were dropped, and could be had again")


def check_privileges(accept_content: Iterable[str]) -> None:
    """Warn where messages may run code as root; refuses unless C_FORCE_ROOT is set."""
    if os.getuid() and os.geteuid():
        return
    runs_code = {"pickle", "application/x-python-serialize"} & set(accept_content)
    if runs_code and not os.environ.get("C_FORCE_ROOT"):
        raise SecurityError(
            ROOT_DISALLOWED.format(
                uid=os.getuid(), euid=os.geteuid(), gid=os.getgid(), egid=os.getegid()
            )
        )


# -- what the process is called, and where it runs


def set_process_title(progname: str, info: str | None = None) -> str:
    """Show a title in lists of processes, if `setproctitle` is installed; returns the title."""
    title = f"[{progname}]" + (f" {info}" if info else "")
    with suppress(ImportError):
        import_module("setproctitle").setproctitle(title)
    return title


def set_mp_process_title(
    progname: str, info: str | None = None, hostname: str | None = None
) -> str:
    """As `set_process_title`, with host and the name of a child of the pool."""
    from ..logs import process_name

    parts = (progname, hostname.partition(".")[0] if hostname else None, process_name())
    return set_process_title(":".join(part for part in parts if part), info)


@contextmanager
def detached(
    logfile: str | None = None,
    pidfile: str | None = None,
    uid: int | str | None = None,
    gid: int | str | None = None,
    umask: int | str = 0,
    workdir: str | None = None,
    fake: bool = False,
    **opts: Any,
) -> Iterator[None]:
    """Leave the terminal; what follows runs as a daemon. With `fake` it stays.

    Raises ImproperlyConfigured for a log file that cannot be written, or a pid file in use.
    """
    for path in (logfile, pidfile):
        if path and not os.access(os.path.dirname(os.path.abspath(path)), os.W_OK):
            raise ImproperlyConfigured(f"{path}: its folder cannot be written to")
    maybe_drop_privileges(uid, gid)
    if not fake:
        sys.stdout.flush()
        daemons.detach()
    os.umask(int(umask, 8) if isinstance(umask, str) else umask)
    if workdir:
        os.chdir(workdir)
    yield
