"""Waiting for a socket in a way that other threads can end."""

from __future__ import annotations

import select
import socket
import weakref
from contextlib import suppress


class Bell:
    """A pair of sockets: what is rung on one wakes whoever waits on the other."""

    def __init__(self) -> None:
        self._pair: tuple[socket.socket, socket.socket] | None = None
        #: Whether somebody waits, or is about to. Set where what is waited for cannot happen yet.
        self.awaited = False

    def hang(self) -> None:
        """Be there from now on: what is rung later ends the next wait."""
        if self._pair is None:
            ear, button = self._pair = socket.socketpair()
            ear.setblocking(False)
            button.setblocking(False)
            for end in self._pair:
                weakref.finalize(self, end.close)

    def ring(self) -> None:
        """End the wait that goes on now, or the next one."""
        if (pair := self._pair) is not None:
            with suppress(OSError):  # full, which is loud enough; or closed
                pair[1].send(b"!")

    def stir(self) -> None:
        """Ring if somebody waits."""
        if self.awaited:
            self.ring()

    def wait(self, connection: socket.socket | None, seconds: float) -> None:
        """Wait until something can be read, the bell rings, or the time is up."""
        self.hang()
        assert self._pair is not None
        ear = self._pair[0]
        poll = select.poll()
        poll.register(ear.fileno(), select.POLLIN)
        if connection is not None and (number := connection.fileno()) >= 0:
            poll.register(number, select.POLLIN)
        poll.poll(max(0.0, seconds) * 1000)
        self.awaited = False
        with suppress(BlockingIOError):
            while ear.recv(1024):
                pass

    def close(self) -> None:
        """Let go of the sockets; idempotent."""
        pair, self._pair = self._pair, None
        for end in pair or ():
            end.close()
