"""Connections to a server: a pool, and a watchman who cuts a connection when its time is up.

What must stay true: no statement waits beyond its deadline, whatever the server or the network
does; a connection in doubt never returns to the pool.
"""

from __future__ import annotations

import heapq
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from math import ceil
from time import monotonic
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.engine import Engine

from .flavour import Connections

#: Seconds a watchman without work stays.
_IDLE: Final = 60.0


class Watchman:
    """Cuts sockets whose time is up, in a thread that lives while there is something to watch."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watched: list[tuple[float, int]] = []
        self._cut: dict[int, Callable[[], None]] = {}
        self._numbers = count()
        self._thread: threading.Thread | None = None
        self._next = float("inf")

    @contextmanager
    def until(self, end: float, cut: Callable[[], None]) -> Iterator[None]:
        """Call `cut` if the block has not ended by then."""
        number = self._watch(end, cut)
        try:
            yield
        finally:
            # What stays in the heap finds nothing to cut.
            self._cut.pop(number, None)

    def _watch(self, end: float, cut: Callable[[], None]) -> int:
        with self._changed:
            number = next(self._numbers)
            self._cut[number] = cut
            heapq.heappush(self._watched, (end, number))
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="celeriac-sql-watchman", daemon=True
                )
                self._thread.start()
            elif end < self._next:
                self._changed.notify()
            return number

    def _run(self) -> None:
        while True:
            with self._changed:
                self._drop_ended()
                if not self._watched and not self._rest():
                    return
                late = self._take_late()
            for cut in late:
                with suppress(Exception):
                    cut()

    def _drop_ended(self) -> None:
        # Of thousands of short statements a second, few are still there when one looks.
        if len(self._watched) > 64:
            self._watched = [item for item in self._watched if item[1] in self._cut]
            heapq.heapify(self._watched)

    def _rest(self) -> bool:
        self._next = float("inf")
        if self._changed.wait_for(lambda: bool(self._watched), _IDLE):
            return True
        self._thread = None
        return False

    def _take_late(self) -> list[Callable[[], None]]:
        if self._watched:
            self._next = self._watched[0][0]
            wait = self._next - monotonic()
            if wait > 0:
                # At most twice a second: ended ones need not be waited for one by one.
                self._changed.wait(max(wait, 0.0) if wait < 0.5 else min(wait, 0.5))
        now = monotonic()
        late = []
        while self._watched and self._watched[0][0] <= now:
            _, number = heapq.heappop(self._watched)
            cut = self._cut.pop(number, None)
            if cut is not None:
                late.append(cut)
        return late


class PooledConnections(Connections):
    """Takes connections from SQLAlchemy's pool; they are in autocommit until a BEGIN."""

    def __init__(
        self,
        engine: Engine,
        *,
        number: Callable[[Any], int],
        sound: Callable[[Any], bool],
        connect_argument: str = "connect_timeout",
    ) -> None:
        self._engine = engine
        self._number = number
        self._sound = sound
        self._watchman = Watchman()
        self._deadline = threading.local()
        self._argument = connect_argument
        event.listen(engine, "do_connect", self._limit_connect)

    @contextmanager
    def writer(self, end: float) -> Iterator[Any]:
        """Borrow a connection until `end`; one in doubt is not given back."""
        self._deadline.end = end
        borrowed = self._engine.raw_connection()
        connection = borrowed.dbapi_connection
        doubtful = True
        try:
            with self._watchman.until(end, lambda: self._cut(connection)):
                yield connection
            doubtful = False
        except Exception:
            doubtful = not self._sound(connection)
            raise
        finally:
            if doubtful:
                with suppress(Exception):
                    borrowed.invalidate()
            borrowed.close()

    def reader(self, end: float) -> Any:
        """Borrow a connection; reading needs no other kind."""
        return self.writer(end)

    def renew(self) -> None:
        """Close what is idle: one of them was dead, so the others are likely to be."""
        self._engine.dispose()

    def close(self) -> None:
        """Close what is idle."""
        self._engine.dispose()

    def _cut(self, connection: Any) -> None:
        # Shut down, not closed: whoever waits on the socket wakes with an error and closes it.
        copy = socket.socket(fileno=socket.dup(self._number(connection)))
        with copy:
            copy.shutdown(socket.SHUT_RDWR)

    def _limit_connect(self, _dialect: Any, _record: Any, _args: Any, options: Any) -> None:
        left = getattr(self._deadline, "end", monotonic() + 5.0) - monotonic()
        limit = max(1, ceil(left))
        given = options.get(self._argument)
        options[self._argument] = min(limit, int(given)) if given else limit
