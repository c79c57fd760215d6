"""A small process that does nothing but make children, as the hub sees it.

The hub has threads and sockets and must not fork. So before it has any it makes the nursery, which
stays single-threaded and makes the children on request: forked, they share the memory of the
application as it was imported, and hold no connection of the hub's; see `ward` for its own side.
"""

import gc
import os
import signal
import socket
import threading
from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from weakref import WeakSet

from billiard import get_context  # pyright: ignore[reportAttributeAccessIssue] - made at run time

from ....domain.work.job import Runner
from . import ward
from .plan import Plan

#: Seconds that one may take to end when nobody waits for it.
PARTING: Final = 2.0


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

    def __init__(self, runner: Runner, plan: Plan) -> None:
        self.sock, theirs = socket.socketpair()
        hub_ends.add(self.sock)
        make = _forked if plan.start_method == "fork" else _fresh
        try:
            self._process = make(theirs, runner, plan)
        except BaseException:
            self.sock.close()
            raise
        finally:
            theirs.close()
        self.sock.setblocking(False)
        self._rest = b""

    @property
    def pid(self) -> int:
        """Its process id."""
        return int(self._process.pid)

    def fork(self, child_id: int, sock: socket.socket, journal_fd: int) -> None:
        """Ask for a child with this end of a socket. Raises OSError if the nursery is gone."""
        request = ward.REQUEST.pack(ward.FORK, child_id, 0)
        socket.send_fds(self.sock, [request], [sock.fileno(), journal_fd])

    def signal(self, child_id: int, signum: int) -> None:
        """Send a child a signal, if it lives. Raises OSError if the nursery is gone."""
        self.sock.send(ward.REQUEST.pack(ward.SIGNAL, child_id, signum))

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
        whole = len(data) - len(data) % ward.NEWS.size
        self._rest = data[whole:]
        for what, child_id, pid, status in ward.NEWS.iter_unpack(data[:whole]):
            if what == ward.BORN:
                yield Born(child_id, pid)
            elif what == ward.DIED:
                yield Died(child_id, pid, status)
            else:
                yield Stillborn(child_id, status)

    def dismiss(self) -> None:
        """Let it end, and do not wait for that."""
        threading.Thread(target=self.close, args=(PARTING,), daemon=True).start()

    def close(self, patience: float) -> None:
        """Let it end, and with it every child that is left."""
        self.sock.close()
        gc.unfreeze()
        self._process.join(patience)
        if self._process.is_alive():
            os.kill(self.pid, signal.SIGKILL)
            self._process.join(1.0)


def _forked(sock: socket.socket, runner: Runner, plan: Plan) -> Any:
    context: Any = get_context("fork")
    process = context.Process(
        target=ward.run, args=(sock, ward.Forks(runner, plan)), name="celeriac-nursery"
    )
    # What is there now lives as long as the pool. Were it not frozen, the collector would write
    # to all of it in each process, and so undo the sharing of memory.
    gc.collect()
    gc.freeze()
    process.start()
    return process


def _fresh(sock: socket.socket, runner: Runner, plan: Plan) -> Any:
    from . import fresh  # what is forked does without it

    return fresh.nursery(sock, runner, plan)
