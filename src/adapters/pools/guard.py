"""A small process that keeps the lease of a worker whose tasks run in its own process.

There a task may hold the interpreter for longer than a lease lasts, and no thread of the worker
gets a word in: `re.match` on a hopeless pattern, a C library that does not let go of it. So before
the worker has threads it forks this process. The worker's keeper gives a sign with every renewal;
when the signs stay away the guard renews in its stead. It opens no connection before that.

A task that is past its hard limit and keeps even the worker from doing something about that is
ended together with the worker; what becomes of it is what becomes of all whose worker died.

What must stay true: it keeps nobody's lease who is dead, stopped, or silent for too long.
"""

import contextlib
import logging
import math
import mmap
import os
import select
import signal
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from billiard import get_context  # pyright: ignore[reportAttributeAccessIssue] - made at run time

from ...ports.lease import LeaseGuard
from .prefork import birth
from .prefork.nursery import hub_ends
from .prefork.ward import death_signal

logger = logging.getLogger("celeriac.worker")

#: For how long a silent worker counts as busy rather than hung, in seconds.
PATIENCE: Final = 600.0
#: How long the process may take to end, in seconds.
PARTING: Final = 2.0
#: Seconds between looks whether there is a deadline.
LOOK: Final = 5.0
#: How a deadline is written to the memory shared with the worker.
DEADLINE: Final = struct.Struct("=d")


class ForkedGuard(LeaseGuard):
    """The guard as its worker sees it."""

    def __init__(self, renew: Callable[[str], object], lease: float) -> None:
        """Fork. `renew` is called over there with the papers of the last sign; lease in seconds."""
        self._sock, theirs = socket.socketpair()
        hub_ends.add(self._sock)
        # A deadline changes with each task, and must cost next to nothing.
        self._deadline = mmap.mmap(-1, DEADLINE.size)
        context: Any = get_context("fork")
        self._process = context.Process(
            target=_guard,
            args=(theirs, renew, lease, os.getpid(), self._deadline),
            name="celeriac-lease-guard",
        )
        self._process.start()
        theirs.close()
        self._sock.setblocking(False)
        self._rest = b""

    @property
    def pid(self) -> int:
        """The process."""
        return int(self._process.pid)

    def sign(self, papers: str | None) -> None:
        """Send the papers, or nothing to guard."""
        # What did not fit last time goes first: only whole lines may arrive.
        line = self._rest or f"{papers or ''}\n".encode()
        with contextlib.suppress(OSError):  # it is gone, or was told so often that it is enough
            self._rest = line[self._sock.send(line) :]

    def expect(self, deadline: float) -> None:
        """Have the worker killed some seconds after this monotonic time; 0.0: never."""
        DEADLINE.pack_into(self._deadline, 0, deadline)

    def close(self) -> None:
        """Let it end, and see to it that it does."""
        self._sock.close()
        self._process.join(PARTING)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join(PARTING)


def _guard(
    sock: socket.socket,
    renew: Callable[[str], object],
    lease: float,
    worker: int,
    deadline: mmap.mmap,
) -> None:
    death_signal(worker)()
    birth.reset_signals()
    birth.close_stdin()
    _Watch(sock, renew, lease, worker, deadline).run()
    os._exit(0)


class _Watch:
    """Listens, and renews when there is nothing to be heard."""

    def __init__(
        self,
        sock: socket.socket,
        renew: Callable[[str], object],
        lease: float,
        worker: int,
        deadline: mmap.mmap,
    ) -> None:
        self._sock, self._renew, self._worker = sock, renew, worker
        self._deadline = deadline
        # Signs come every third of a lease: one that is half a lease late does not come.
        self._quiet, self._period = lease / 2, lease / 4
        self._papers, self._rest = "", ""
        self._heard = time.monotonic()

    def run(self) -> None:
        """Go on until the worker is gone."""
        renews_at = time.monotonic() + self._quiet
        while True:
            pause = min(LOOK, min(renews_at, self._ends_at()) - time.monotonic())
            if select.select([self._sock], [], [], max(0.0, pause))[0]:
                data = self._sock.recv(1 << 16)
                if not data:
                    return
                *lines, self._rest = (self._rest + data.decode()).split("\n")
                self._papers = lines[-1] if lines else self._papers
                self._heard = time.monotonic()
                renews_at = self._heard + self._quiet
            elif time.monotonic() >= renews_at:
                self._stand_in()
                renews_at = time.monotonic() + self._period
            self._end_if_overdue()

    def _ends_at(self) -> float:
        deadline: float = DEADLINE.unpack_from(self._deadline)[0]
        return deadline or math.inf

    def _end_if_overdue(self) -> None:
        if time.monotonic() < self._ends_at() or _is_stopped(self._worker):
            return
        logger.critical(
            "a task is past its hard limit and keeps the whole worker %d from doing anything: it "
            "is killed, and what it held is recovered as that of any worker that dies",
            self._worker,
        )
        DEADLINE.pack_into(self._deadline, 0, 0.0)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._worker, signal.SIGKILL)

    def _stand_in(self) -> None:
        silent = time.monotonic() - self._heard
        if not self._papers or silent > PATIENCE or _is_stopped(self._worker):
            return
        try:
            self._renew(self._papers)
        except Exception as away:
            logger.warning("cannot renew the lease in the worker's stead: %s", away)


def _is_stopped(pid: int) -> bool:
    """Whether a process was stopped by a signal, where the system tells."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] in "Tt"
