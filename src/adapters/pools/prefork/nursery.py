"""A small process that does nothing but make children, see them die, and die with the hub.

The hub has threads and sockets and must not fork. So before it has any it forks the nursery, which
stays single-threaded and forks the children on request: they share the memory of the application
as it was imported, and hold no connection of the hub's. When the hub is gone, however it went, the
nursery's socket reaches its end and every child is killed.
"""

import contextlib
import errno
import gc
import logging
import os
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple
from weakref import WeakSet

from billiard import get_context  # pyright: ignore[reportAttributeAccessIssue] - made at run time

from ....domain.work.job import Runner
from . import child
from .child import ChildOptions

logger = logging.getLogger("celeriac.pool")

_REQUEST: Final = struct.Struct("<Bqi")  # what, child's id, signal
_FORK: Final = 1
_SIGNAL: Final = 2

_NEWS: Final = struct.Struct("<Bqqi")  # what, child's id, pid, status or errno
_BORN: Final = 1
_DIED: Final = 2
_STILLBORN: Final = 3

_PR_SET_PDEATHSIG: Final = 1


class Born(NamedTuple):
    """A child has come to life."""

    child: int
    pid: int


class Died(NamedTuple):
    """A child has ended, with this exit code or, below zero, by this signal."""

    child: int
    pid: int
    status: int


class Stillborn(NamedTuple):
    """A child could not be forked."""

    child: int
    reason: int


News = Born | Died | Stillborn

# The hub's ends of all sockets of its pools. A fork of the hub that kept one of them open would
# hide the hub's death from whoever is at the other end.
hub_ends: WeakSet[socket.socket] = WeakSet()


def _close_hub_ends() -> None:
    for end in list(hub_ends):
        end.close()


os.register_at_fork(after_in_child=_close_hub_ends)


class Nursery:
    """The nursery as the hub sees it."""

    def __init__(self, runner: Runner, options: ChildOptions) -> None:
        self.sock, theirs = socket.socketpair()
        hub_ends.add(self.sock)
        context: Any = get_context("fork")
        self._process = context.Process(
            target=_run, args=(theirs, runner, options), name="celeriac-nursery"
        )
        # What is there now lives as long as the pool. Were it not frozen, the collector would
        # write to all of it in each process, and so undo the sharing of memory.
        gc.collect()
        gc.freeze()
        self._process.start()
        theirs.close()
        self.sock.setblocking(False)
        self._rest = b""

    @property
    def pid(self) -> int:
        """Its process id."""
        return int(self._process.pid)

    def fork(self, child_id: int, sock: socket.socket, journal_fd: int) -> None:
        """Ask for a child with this end of a socket. Raises OSError if the nursery is gone."""
        request = _REQUEST.pack(_FORK, child_id, 0)
        socket.send_fds(self.sock, [request], [sock.fileno(), journal_fd])

    def signal(self, child_id: int, signum: int) -> None:
        """Send a child a signal, if it lives. Raises OSError if the nursery is gone."""
        self.sock.send(_REQUEST.pack(_SIGNAL, child_id, signum))

    def read(self) -> Iterator[News]:
        """Yield what is new. Raises EOFError when the nursery is gone."""
        try:
            data = self.sock.recv(1 << 14)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            raise EOFError
        data = self._rest + data
        whole = len(data) - len(data) % _NEWS.size
        self._rest = data[whole:]
        for what, child_id, pid, status in _NEWS.iter_unpack(data[:whole]):
            if what == _BORN:
                yield Born(child_id, pid)
            elif what == _DIED:
                yield Died(child_id, pid, status)
            else:
                yield Stillborn(child_id, status)

    def close(self, patience: float) -> None:
        """Let it end, and with it every child that is left."""
        self.sock.close()
        gc.unfreeze()
        self._process.join(patience)
        if self._process.is_alive():
            os.kill(self.pid, signal.SIGKILL)
            self._process.join(1.0)


# -- the process -----------------------------------------------------------------------------------


def _run(sock: socket.socket, runner: Runner, options: ChildOptions) -> None:
    child.reset_signals()
    child.close_stdin()
    _Ward(sock, runner, options).work()


class _Ward:
    """The nursery's side: its children by id."""

    def __init__(self, sock: socket.socket, runner: Runner, options: ChildOptions) -> None:
        self._sock = sock
        self._runner = runner
        self._options = options
        self._children: dict[int, Any] = {}
        self._context: Any = get_context("fork")
        self._die_with_parent = _death_signal()
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
        request, fds, _, _ = socket.recv_fds(self._sock, _REQUEST.size, 2)
        if len(request) < _REQUEST.size:
            return False
        what, child_id, signum = _REQUEST.unpack(request)
        if what == _FORK and len(fds) == 2:
            self._fork(child_id, fds[0], fds[1])
        elif what == _FORK:  # they did not fit the table of open files
            self._tell(_STILLBORN, child_id, 0, errno.EMFILE)
        elif child_id in self._children:
            self._kill(self._children[child_id], signum)
        return True

    def _fork(self, child_id: int, sock_fd: int, journal_fd: int) -> None:
        sock = socket.socket(fileno=sock_fd)
        process = self._context.Process(
            target=child.main,
            args=(sock, journal_fd, self._runner, self._options, self._leave_nursery),
            name=f"celeriac-child-{child_id}",
        )
        try:
            process.start()
        except OSError as exc:
            self._tell(_STILLBORN, child_id, 0, exc.errno or errno.EAGAIN)
        else:
            self._children[child_id] = process
            self._tell(_BORN, child_id, process.pid, 0)
        sock.close()
        os.close(journal_fd)

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
                self._tell(_DIED, child_id, process.pid, status)
                process.close()

    def _tell(self, what: int, child_id: int, pid: int, status: int) -> None:
        self._sock.sendall(_NEWS.pack(what, child_id, pid, status))

    def _kill(self, process: Any, signum: int) -> None:
        # Not reaped yet, so the id cannot be another's.
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signum)


def _death_signal() -> Callable[[], None]:
    """Return what makes a child be killed when the nursery dies, where the system can do that."""
    if sys.platform != "linux":
        return lambda: None
    try:
        import ctypes  # only here: the hub has no need of it

        prctl = ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):
        return lambda: None
    nursery = os.getpid()

    def die_with_nursery() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != nursery:
            os._exit(1)  # it died before the line above

    return die_with_nursery
