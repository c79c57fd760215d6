"""Waiting until something may have changed, without asking the database all the time.

A waiter takes a mark, looks into the store, and if nothing is there waits from that mark on: no
announcement between the look and the wait is lost. Waking too often is harmless, never waking is
bounded by the caller's own limit.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from time import monotonic


class Wakeups(ABC):
    """Counts announcements; waiters sleep until the count has moved on."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0
        self._warm_at = monotonic()

    def mark(self) -> int:
        """Return where the count stands; to be taken before looking into the store."""
        return self._count

    def announce(self) -> None:
        """Wake every waiter of this process."""
        with self._changed:
            self._count += 1
            self._warm_at = monotonic()
            self._changed.notify_all()

    def warm(self) -> None:
        """Expect more soon: something came, or somebody is waiting for an answer."""
        self._warm_at = monotonic()

    @abstractmethod
    def wait(self, topic: str, mark: int, seconds: float) -> None:
        """Return when something may have changed since the mark, at the latest after `seconds`."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what was opened for waiting; idempotent."""


class PolledWakeups(Wakeups):
    """Asks at a pace that follows events: `fast` while warm, slowly down to `slow` (seconds).

    With `look`, which returns a value that changes with every commit of anybody, one waiter asks
    for all; the others sleep. Without it, waiters return at that pace and look for themselves.
    """

    def __init__(self, look: Callable[[], object] | None, *, fast: float, slow: float) -> None:
        super().__init__()
        self._look = look
        self._fast = fast
        self._slow = slow
        self._seen: object = None
        self._led = False

    def wait(self, topic: str, mark: int, seconds: float) -> None:
        """See Wakeups.wait; the topic makes no difference."""
        end = monotonic() + seconds
        with self._changed:
            while self._count == mark and self._led:
                left = end - monotonic()
                if left <= 0:
                    return
                self._changed.wait(left)
            if self._count == mark:
                self._lead(mark, end)

    def close(self) -> None:
        """Nothing is open here."""

    def _lead(self, mark: int, end: float) -> None:
        self._led = self._look is not None
        try:
            while self._count == mark and (left := end - monotonic()) > 0:
                self._changed.wait(min(left, self._pause()))
                if self._look is None:
                    return
                self._ask()
        finally:
            if self._led:
                self._led = False
                self._changed.notify_all()

    def _ask(self) -> None:
        assert self._look is not None
        seen = self._look()
        if seen != self._seen:
            self._seen = seen
            self._count += 1

    def _pause(self) -> float:
        # Half a second of full attention, then 2 % of the time that nothing came.
        idle = monotonic() - self._warm_at
        return self._fast if idle < 0.5 else max(self._fast, min(self._slow, idle * 0.02))


class ToldWakeups(Wakeups):
    """Is told by the database (LISTEN) through a thread that `listen` runs.

    `listen(topics, told, stopped)` returns when the connection is lost or `stopped()` is true.
    """

    #: How long a lost notification can go unnoticed, and how often a lost connection is retried.
    FALLBACK = 5.0
    RETRY = 0.5

    def __init__(
        self,
        listen: Callable[[frozenset[str], Callable[[], None], Callable[[], bool]], None],
        interrupt: Callable[[], None],
    ) -> None:
        super().__init__()
        self._listen = listen
        self._interrupt = interrupt
        self._topics: frozenset[str] = frozenset()
        self._listening = False
        self._generation = 0
        self._thread: threading.Thread | None = None

    def wait(self, topic: str, mark: int, seconds: float) -> None:
        """See Wakeups.wait; begins to listen to the topic at its first wait."""
        self._subscribe({topic})
        with self._changed:
            longest = self.FALLBACK if self._listening else 0.05
            self._changed.wait_for(lambda: self._count != mark, min(seconds, longest))

    def close(self) -> None:
        """End the listening thread."""
        with self._changed:
            thread, self._thread = self._thread, None
            self._topics = frozenset()
            self._generation += 1
            self._changed.notify_all()
        self._interrupt()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=2.0)

    def _subscribe(self, topics: Iterable[str]) -> None:
        if self._topics.issuperset(topics) and self._thread is not None:
            return
        with self._changed:
            self._topics = self._topics.union(topics)
            self._generation += 1
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="celeriac-sql-listen", daemon=True
                )
                self._thread.start()
        self._interrupt()

    def _run(self) -> None:
        me = threading.current_thread()
        while self._thread is me:
            generation = self._generation
            self._listen(
                self._topics,
                self._told,
                lambda generation=generation: self._generation != generation,  # type: ignore[misc]
            )
            with self._changed:
                self._listening = False
                if self._generation == generation:
                    self._changed.wait_for(lambda: self._thread is not me, self.RETRY)

    def _told(self) -> None:
        # Also called once when listening begins: what was said before may have been missed.
        with self._changed:
            self._listening = True
            self._count += 1
            self._changed.notify_all()
