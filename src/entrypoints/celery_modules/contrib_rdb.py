"""`celery.contrib.rdb`: a debugger that is reached by telnet, for tasks in the pool.

    from celery.contrib import rdb

    @app.task
    def add(x, y):
        rdb.set_trace()  # says in the log which port to connect to
        return x + y

`CELERY_RDB_HOST` and `CELERY_RDB_PORT` say where it listens; each process has a port of its own.
"""

import errno
import logging
import os
import socket
import sys
from pdb import Pdb
from types import FrameType
from typing import Any, Final

from ..logs import process_index

__all__ = [
    "BANNER",
    "CELERY_RDB_HOST",
    "CELERY_RDB_PORT",
    "DEFAULT_PORT",
    "NO_AVAILABLE_PORT",
    "SESSION_ENDED",
    "SESSION_STARTED",
    "Rdb",
    "debugger",
    "set_trace",
]

DEFAULT_PORT: Final = 6899
CELERY_RDB_HOST: Final = os.environ.get("CELERY_RDB_HOST") or "127.0.0.1"
CELERY_RDB_PORT: Final = int(os.environ.get("CELERY_RDB_PORT") or DEFAULT_PORT)
#: How many ports are tried.
PORTS: Final = 100

# What it says; `self` is the debugger.
BANNER: Final = "{self.me} {self.ident}: waiting for a debugger: telnet {self.host} {self.port}"
SESSION_STARTED: Final = "{self.me} {self.ident}: in session with {self.remote_addr}"
SESSION_ENDED: Final = "{self.me} {self.ident}: session with {self.remote_addr} ended"
NO_AVAILABLE_PORT: Final = (
    "{self.me} {self.ident}: there is no free port in the {tries} from {first} on: "
    "set CELERY_RDB_PORT to another one"
)

logger = logging.getLogger("celery.contrib.rdb")

_current: "list[Rdb]" = []


class Rdb(Pdb):
    """A debugger on the first free port; made, it waits for somebody to connect."""

    #: What it calls itself.
    me = "remote debugger"

    def __init__(
        self,
        host: str = CELERY_RDB_HOST,
        port: int = CELERY_RDB_PORT,
        port_search_limit: int = PORTS,
        port_skew: int = 0,
        out: Any = None,
    ) -> None:
        """Listen, say where, and wait. Raises RuntimeError if there is no free port."""
        self.active, self.remote_addr = True, ""
        self.ident, self.host = str(os.getpid()), host
        self._listening, self.port = self.get_avail_port(host, port, port_search_limit, port_skew)
        self.ident = f"{os.getpid()}:{self.port}"
        self.say(BANNER.format(self=self), out)
        self._client, address = self._listening.accept()
        self.remote_addr = f"{address[0]}:{address[1]}"
        self.say(SESSION_STARTED.format(self=self), out)
        self._files = self._client.makefile("r"), self._client.makefile("w")
        super().__init__(completekey="tab", stdin=self._files[0], stdout=self._files[1])
        self.prompt = f"({self.ident}) "

    def get_avail_port(
        self, host: str, port: int, search_limit: int = PORTS, skew: int = 0
    ) -> tuple[socket.socket, int]:
        """Return what listens on the first free port, and that port. Raises RuntimeError."""
        found = _listen(host, port + skew, search_limit)
        if found is None:
            first = port + skew
            raise RuntimeError(NO_AVAILABLE_PORT.format(self=self, first=first, tries=search_limit))
        return found

    def __enter__(self) -> "Rdb":
        """Use it for a while."""
        return self

    def __exit__(self, *exc: object) -> None:
        """End the session."""
        self._close_session()

    def say(self, m: str, out: Any = None) -> None:
        """Tell people in the log, or on the stream given."""
        if out is None:
            logger.warning("%s", m)
        else:
            out.write(f"{m}\n")

    def _close_session(self) -> None:
        if self.active:
            self.active = False
            for file in self._files:
                file.close()
            self._client.close()
            self._listening.close()
            self.say(SESSION_ENDED.format(self=self))
        _current.clear()

    def do_continue(self, arg: str) -> bool | None:
        """Go on, and end the session."""
        self._close_session()
        self.set_continue()
        return True

    do_c = do_cont = do_continue

    def do_quit(self, arg: str) -> bool | None:
        """End the session, and what runs."""
        self._close_session()
        self.set_quit()
        return True

    do_q = do_exit = do_quit

    def set_trace(self, frame: FrameType | None = None) -> None:
        """Stop where this is called; somebody who hangs up lets it go on."""
        try:
            super().set_trace(frame or sys._getframe().f_back)
        except OSError as gone:
            if gone.errno != errno.ECONNRESET:
                raise


def debugger() -> Rdb:
    """Return the debugger of this process; waits for somebody to connect to a new one."""
    if not _current:
        _current.append(Rdb(port_skew=process_index()))
    return _current[0]


def set_trace(frame: FrameType | None = None) -> None:
    """Stop where this is called, for whoever connects."""
    debugger().set_trace(frame or sys._getframe().f_back)


def _listen(host: str, first: int, tries: int) -> tuple[socket.socket, int] | None:
    for port in range(first, first + tries) if first else (0,):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
        except OSError as taken:
            sock.close()
            if taken.errno not in (errno.EADDRINUSE, errno.EINVAL):
                raise
            continue
        sock.listen(1)
        return sock, int(sock.getsockname()[1])
    return None
