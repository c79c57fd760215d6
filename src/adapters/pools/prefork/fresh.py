"""Processes that begin as a fresh interpreter: they inherit nothing but a letter.

The letter is a file in memory that holds a pickle: the program's arguments, the plan, and the
runner, pickled by itself, since only the process that will run jobs may import what it needs.
"""

import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

from billiard.process import current_process

from ....domain.errors import NotSupported
from ....domain.work.job import Runner
from . import birth, ward
from .journal import file_in_memory
from .plan import Plan

Letter = tuple[Sequence[str], Plan, bytes]

_FORKSERVER: Final = "forkserver"


class Fresh:
    """A fresh interpreter that runs a function of this module; it answers as billiard's do."""

    def __init__(self, function: str, first: str, files: Sequence[int], *told: int) -> None:
        words = ", ".join(map(str, (*files, *told)))
        code = (
            f"import sys; sys.path[:] = {sys.path!r}\n{first}\n"
            f"from {__name__} import {function}; {function}({words})"
        )
        self._popen = subprocess.Popen(  # noqa: S603 - this very interpreter, and code of our own
            [sys.executable, "-c", code], pass_fds=files
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    @property
    def exitcode(self) -> int | None:
        """How it ended; None while it lives."""
        return self._popen.poll()

    def is_alive(self) -> bool:
        """Whether it lives."""
        return self.exitcode is None

    def join(self, patience: float) -> None:
        """Wait for its end, for so many seconds at most."""
        try:
            self._popen.wait(patience)
        except subprocess.TimeoutExpired:
            return

    def close(self) -> None:
        """Nothing is held for it."""


class Spawns(ward.Maker):
    """Makes each child a fresh interpreter."""

    def __init__(self, letter: int, plan: Plan) -> None:
        self._letter, self._plan = letter, plan

    def make(self, child_id: int, sock: int, journal: int, part: Callable[[], None]) -> Fresh:
        """Start one; there is nothing to part with."""
        files = (self._letter, sock, journal)
        return Fresh("be_child", self._plan.first, files, os.getpid(), child_id)


def nursery(sock: socket.socket, runner: Runner, plan: Plan) -> Fresh:
    """Start a nursery that shares nothing with this process. Raises NotSupported."""
    try:
        pickled = pickle.dumps(runner)
    except Exception as broken:
        raise NotSupported(
            "children that begin as a fresh interpreter (worker_pool_start_method='spawn' or "
            "'forkserver', the pools gevent and eventlet) must import what they run, and that "
            f"cannot be told them: {broken}"
        ) from broken
    letter = file_in_memory(pickle.dumps((sys.argv, plan, pickled)))
    try:
        return Fresh("be_nursery", "", (letter, sock.fileno()))
    finally:
        os.close(letter)


# -- in the fresh process


def be_nursery(letter: int, sock: int) -> None:
    """Make children as the letter's plan says, until the hub is gone."""
    current_process().name = "celeriac-nursery"
    _, plan, _ = told = _read(letter)
    maker = ward.Forks(_runner(told), plan) if _forks(plan) else Spawns(letter, plan)
    ward.run(socket.socket(fileno=sock), maker)


def be_child(letter: int, sock: int, journal: int, parent: int, child_id: int) -> None:
    """Be a child of the nursery `parent`, and end this process."""
    current_process().name = f"celeriac-child-{child_id}"
    _, plan, _ = told = _read(letter)
    os.close(letter)
    birth.main(sock, journal, lambda: _runner(told), plan, ward.death_signal(parent))
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)


def _forks(plan: Plan) -> bool:
    return plan.start_method == _FORKSERVER


def _read(letter: int) -> Letter:
    data = os.pread(letter, os.fstat(letter).st_size, 0)
    told: Letter = pickle.loads(data)  # noqa: S301 - written by our own hub
    sys.argv[:] = told[0]
    return told


def _runner(told: Letter) -> Any:
    return pickle.loads(told[2])  # noqa: S301 - as above
