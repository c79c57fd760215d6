"""Files that say which process is there, as `celery.platforms` has them."""

import atexit
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

PIDFILE_FLAGS: Final = os.O_CREAT | os.O_EXCL | os.O_WRONLY
PIDFILE_MODE: Final = 0o644
PIDLOCKED: Final = "ERROR: {0} belongs to process {1}; is it running already?"


class LockFailed(Exception):
    """Another process has the file."""


class Pidfile:
    """A file that one process at a time may have.

    `with Pidfile(path): …`, or `create_pidlock(path)` for as long as the process lives.
    """

    #: Where it is, in full.
    path: str = ""

    def __init__(self, path: str) -> None:
        """Look at this file."""
        self.path = os.path.abspath(path)

    def acquire(self) -> Self:
        """Take the file. Raises LockFailed if another living process has it."""
        self.remove_if_stale()
        try:
            self.write_pid()
        except FileExistsError as there:
            raise LockFailed(f"{self.path} belongs to process {self.read_pid()}") from there
        except OSError as why:
            raise LockFailed(str(why)) from why
        return self

    __enter__ = acquire

    def is_locked(self) -> bool:
        """Tell whether the file is there."""
        return os.path.exists(self.path)

    def release(self, *args: object) -> None:
        """Give the file up."""
        self.remove()

    __exit__ = release

    def read_pid(self) -> int | None:
        """Return the process that has it; None if nobody has. Raises ValueError for other text."""
        with suppress(FileNotFoundError):
            text = Path(self.path).read_text()
            if not text.strip().isdigit():
                raise ValueError(f"{self.path} holds {text!r}: expected a process's number")
            return int(text)
        return None

    def remove(self) -> None:
        """Delete the file, if it may be."""
        with suppress(FileNotFoundError, PermissionError):
            os.unlink(self.path)

    def remove_if_stale(self) -> bool:
        """Delete the file of a process that is gone; tell whether nobody has it now."""
        try:
            pid = self.read_pid()
        except ValueError:
            sys.stderr.write(f"{self.path} is broken and is removed\n")
            self.remove()
            return True
        if pid is None or pid == os.getpid():
            self.remove()
            return True
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            sys.stderr.write(f"{self.path} is of process {pid}, which is gone; it is removed\n")
            self.remove()
            return True
        except PermissionError:
            return False
        return False

    def write_pid(self) -> None:
        """Write this process's number into a new file. Raises FileExistsError."""
        with os.fdopen(os.open(self.path, PIDFILE_FLAGS, PIDFILE_MODE), "w") as file:
            file.write(f"{os.getpid()}\n")
            file.flush()
            os.fsync(file.fileno())


PIDFile = Pidfile


def create_pidlock(pidfile: str) -> Pidfile:
    """Take a file until this process ends. Leaves the program if another process has it."""
    lock = Pidfile(pidfile)
    try:
        lock.acquire()
    except LockFailed as why:
        text = PIDLOCKED.format(lock.path, lock.read_pid()) if lock.is_locked() else f"ERROR: {why}"
        sys.stderr.write(f"{text}\n")
        raise SystemExit(os.EX_CANTCREAT) from why
    atexit.register(_release_own, lock, os.getpid())
    return lock


def _release_own(lock: Pidfile, pid: int) -> None:
    if os.getpid() == pid:
        lock.release()
