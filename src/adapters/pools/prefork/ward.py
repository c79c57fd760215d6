"""The nursery's own side: it makes children, sees them die, and dies with the hub.

What must stay true: when the hub is gone, however it went, the nursery's socket reaches its end
and every child is killed.
"""

import contextlib
import errno
import os
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any, Final, Protocol

from billiard import get_context  # pyright: ignore[reportAttributeAccessIssue] - made at run time

from ....domain.work.job import Runner
from . import birth
from .plan import Plan

REQUEST: Final = struct.Struct("<Bqi")  # what, child's id, signal
FORK: Final = 1
SIGNAL: Final = 2

NEWS: Final = struct.Struct("<Bqqi")  # what, child's id, pid, status or errno
BORN: Final = 1
DIED: Final = 2
STILLBORN: Final = 3

_PR_SET_PDEATHSIG: Final = 1


class Maker(Protocol):
    """Makes the processes of children."""

    def make(self, child_id: int, sock: int, journal: int, part: Callable[[], None]) -> Any:
        """Start a process with these files, which are closed here then. Raises OSError.

        A copy of this process calls `part` first, to part with all that is the nursery's.
        """
        ...


class Forks(Maker):
    """Makes each child a copy of this process."""

    def __init__(self, runner: Runner, plan: Plan) -> None:
        self._runner, self._plan = runner, plan
        self._context: Any = get_context("fork")

    def make(self, child_id: int, sock: int, journal: int, part: Callable[[], None]) -> Any:
        """Fork."""
        process = self._context.Process(
            target=birth.main,
            args=(sock, journal, lambda: self._runner, self._plan, part),
            name=f"celeriac-child-{child_id}",
        )
        process.start()
        return process


def run(sock: socket.socket, maker: Maker) -> None:
    """Be the nursery of the hub at the other end of a socket, until that is gone."""
    birth.reset_signals()
    birth.close_stdin()
    _Ward(sock, maker).work()


class _Ward:
    """Its children by id."""

    def __init__(self, sock: socket.socket, maker: Maker) -> None:
        self._sock, self._maker = sock, maker
        self._children: dict[int, Any] = {}
        self._die_with_parent = death_signal(os.getpid())
        self._woken, self._waker = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._waker, False)

    def work(self) -> None:
        """Serve the hub until it is gone; then kill all children."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        try:
            while True:
                ready = {fd for fd, _ in poll.poll()}
                if self._woken in ready:
                    os.read(self._woken, 4096)
                self._reap()
                if self._sock.fileno() in ready and not self._serve():
                    break
        except ConnectionError:
            pass  # the hub went while it was being told something
        for process in self._children.values():
            self._kill(process, signal.SIGKILL)

    def _serve(self) -> bool:
        request, fds, _, _ = socket.recv_fds(self._sock, REQUEST.size, 2)
        if len(request) < REQUEST.size:
            return False
        what, child_id, signum = REQUEST.unpack(request)
        if what == FORK and len(fds) == 2:
            self._fork(child_id, fds[0], fds[1])
        elif what == FORK:  # they did not fit the table of open files
            self._tell(STILLBORN, child_id, 0, errno.EMFILE)
        elif child_id in self._children:
            self._kill(self._children[child_id], signum)
        return True

    def _fork(self, child_id: int, sock: int, journal: int) -> None:
        try:
            process = self._maker.make(child_id, sock, journal, self._leave_nursery)
        except OSError as exc:
            self._tell(STILLBORN, child_id, 0, exc.errno or errno.EAGAIN)
        else:
            self._children[child_id] = process
            self._tell(BORN, child_id, process.pid, 0)
        os.close(sock)
        os.close(journal)

    def _leave_nursery(self) -> None:
        """Called in the child: part with all that is the nursery's."""
        signal.set_wakeup_fd(-1)
        self._die_with_parent()
        self._sock.close()
        os.close(self._woken)
        os.close(self._waker)

    def _reap(self) -> None:
        for child_id, process in list(self._children.items()):
            status = process.exitcode
            if status is not None:
                del self._children[child_id]
                self._tell(DIED, child_id, process.pid, status)
                process.close()

    def _tell(self, what: int, child_id: int, pid: int, status: int) -> None:
        self._sock.sendall(NEWS.pack(what, child_id, pid, status))

    def _kill(self, process: Any, signum: int) -> None:
        # Not reaped yet, so the id cannot be another's.
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signum)


def death_signal(nursery: int) -> Callable[[], None]:
    """Return what makes a child be killed when the nursery dies, where the system can do that."""
    if sys.platform != "linux":
        return lambda: None
    try:
        import ctypes  # only here: the hub has no need of it

        prctl = ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):
        return lambda: None

    def die_with_nursery() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != nursery:
            os._exit(1)  # it died before the line above

    return die_with_nursery
