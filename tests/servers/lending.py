"""One session's servers, lent to the processes that pytest-xdist spreads its tests over.

The process that the user started owns every server and every place; the others ask it. What must
stay true: a server is had once a run, whoever asks first; each process has places of its own; a
process that dies takes nothing along, and leaves nothing behind.
"""

from __future__ import annotations

import secrets
import threading
from multiprocessing.connection import Client, Connection, Listener
from typing import TYPE_CHECKING, Protocol

from .server import Missing

if TYPE_CHECKING:
    from collections.abc import Callable

    #: Asked for a server's name and whom it is for; answers with the URL of a place.
    Ask = Callable[[str, str], str | Missing]


class Source(Protocol):
    """Where a session's fixtures have their URLs from."""

    def url(self, name: str) -> str | Missing:
        """Return where this process's place on a server is, or why it has none."""
        ...

    def close(self) -> list[str]:
        """Give everything back; return what went wrong."""
        ...


class Lender:
    """Answers the other processes of a run, each in a thread of its own."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._key = secrets.token_bytes(16)
        self._listener = Listener(authkey=self._key)
        self._closed = threading.Event()
        self._begin(self._accept)

    @property
    def address(self) -> tuple[str, bytes]:
        """What `Borrower` must be told."""
        return str(self._listener.address), self._key

    def close(self) -> None:
        """Answer nobody any more."""
        self._closed.set()
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                connection = self._listener.accept()
            except (OSError, EOFError):
                continue  # closed, or somebody who went away before it was let in
            self._begin(self._answer, connection)

    def _answer(self, connection: Connection) -> None:
        try:
            while True:
                who, name = connection.recv()
                connection.send(self._ask(name, who))
        except (OSError, EOFError):
            # A server that this thread started ends with this thread; others may use it still.
            self._closed.wait()

    def _begin(self, target: Callable[..., None], *args: object) -> None:
        threading.Thread(target=target, args=args, name="test servers", daemon=True).start()


class Borrower:
    """A process's way to the one that owns the servers."""

    def __init__(self, who: str, address: tuple[str, bytes]) -> None:
        self._who = who
        path, key = address
        self._connection = Client(path, authkey=key)
        self._known: dict[str, str | Missing] = {}

    def url(self, name: str) -> str | Missing:
        """Ask once for each server."""
        if name not in self._known:
            self._connection.send((self._who, name))
            self._known[name] = self._connection.recv()
        return self._known[name]

    def close(self) -> list[str]:
        """Say goodbye; whoever lent takes care of the rest."""
        self._connection.close()
        return []
