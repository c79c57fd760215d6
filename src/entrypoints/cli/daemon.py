"""What makes a process a daemon: its pid file, its user, its umask, and leaving the terminal."""

import errno
import grp
import os
import pwd
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from ..logs import log_path
from .options import option

if TYPE_CHECKING:
    from pathlib import Path

F = TypeVar("F", bound=Callable[..., Any])

GROUP: Final = "Daemonization Options"


@dataclass(frozen=True, slots=True)
class Daemon:
    """What was asked for; None follows the settings, and there too means: leave it."""

    logfile: str | None = None
    pidfile: str | None = None
    uid: str | None = None
    gid: str | None = None
    umask: str | None = None
    executable: str | None = None

    @classmethod
    def asked(cls, options: Mapping[str, Any]) -> "Daemon":
        """Return what the command line says."""
        return cls(**{name: options[name] for name in cls.__slots__})

    def settled(self, conf: Any, command: str) -> "Daemon":
        """Return it with the settings `worker_logfile`, `beat_pidfile` and so on filled in."""
        asked = {name: getattr(self, name) for name in self.__slots__}
        found = {
            name: conf.get(f"{command}_{name}") if value is None else value
            for name, value in asked.items()
        }
        return Daemon(**{name: _text(name, value) for name, value in found.items()})


def _text(name: str, value: Any) -> str | None:
    if value is None:
        return None
    return f"{value:o}" if name == "umask" and isinstance(value, int) else str(value)


def daemon_options(command: F) -> F:
    """Declare them all."""
    for flags, text in (
        (("--executable",), "Python to go on with; with --detach only."),
        (("--umask",), "Umask of the process, octal."),
        (("--gid",), "Group to run as."),
        (("--uid",), "User to run as."),
        (("--pidfile",), "File that holds the process id; a second start is refused."),
        (("-f", "--logfile"), "File for the log; may hold %n, %h, %i. Default: standard error."),
    ):
        command = option(*flags, group=GROUP, default=None, help=text)(command)
    return command


def take_identity(daemon: Daemon) -> None:
    """Change umask, group and user. Raises click.ClickException where that is not allowed."""
    if daemon.umask is not None:
        os.umask(_octal(daemon.umask))
    if daemon.gid is None and daemon.uid is None:
        return
    user = _user(daemon.uid) if daemon.uid is not None else None
    group = _group(daemon.gid) if daemon.gid is not None else user and user.pw_gid
    try:
        if group is not None and group != os.getgid():
            os.setgid(group)
        if user is not None and user.pw_uid != os.getuid():
            os.initgroups(user.pw_name, group if group is not None else user.pw_gid)
            os.setuid(user.pw_uid)
    except PermissionError as denied:
        raise click.ClickException(
            f"cannot become uid={daemon.uid} gid={daemon.gid}: only root may change its identity"
        ) from denied


def _octal(text: str) -> int:
    try:
        return int(text, 8)
    except ValueError:
        raise click.ClickException(f"--umask {text!r}: expected octal digits, as in 022") from None


def _user(name: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(int(name)) if name.isdigit() else pwd.getpwnam(name)
    except KeyError:
        raise click.ClickException(f"--uid {name!r}: there is no such user") from None


def _group(name: str) -> int:
    try:
        return grp.getgrgid(int(name)).gr_gid if name.isdigit() else grp.getgrnam(name).gr_gid
    except KeyError:
        raise click.ClickException(f"--gid {name!r}: there is no such group") from None


def detach() -> None:
    """Leave the terminal: only the grandchild returns. No thread may have been started yet."""
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    sys.stdout.flush()
    sys.stderr.flush()
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nothing, fd)
    os.close(nothing)


@contextmanager
def pid_file(daemon: Daemon, node: str) -> Iterator[None]:
    """Hold the pid file meanwhile. Raises click.ClickException if another process does."""
    if daemon.pidfile is None:
        yield
        return
    from pathlib import Path  # not before it is needed: children would have it in memory too

    path = Path(log_path(daemon.pidfile, node, 0)).absolute()
    owner = os.getpid()
    _take(path, owner)
    try:
        yield
    finally:
        if os.getpid() == owner and holder(path) == owner:
            path.unlink(missing_ok=True)


def _take(path: "Path", pid: int) -> None:
    for _ in range(2):
        try:
            with path.open("x") as file:
                file.write(f"{pid}\n")
            return
        except FileExistsError:
            other = holder(path)
            if other is not None and lives(other):
                raise click.ClickException(
                    f"--pidfile {path}: process {other} holds it and is running"
                ) from None
            path.unlink(missing_ok=True)
        except OSError as error:
            raise click.ClickException(f"--pidfile {path}: {error.strerror}") from error
    raise click.ClickException(f"--pidfile {path}: another process took it just now")


def holder(path: "Path") -> int | None:
    """Return the process that a pid file names; None if it names none."""
    try:
        return int(path.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def lives(pid: int) -> bool:
    """Tell whether a process runs; one that only waits for its parent to notice does not."""
    try:
        os.kill(pid, 0)
    except OSError as error:
        return error.errno == errno.EPERM
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):  # a system without /proc, or the process is gone by now
        return False
