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
from typing import Final


class Wakeups(ABC):
    """Counts announcements; waiters sleep until one of their topic comes after their mark."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0
        self._of_any = 0
        self._of: dict[str, int] = {}
        self._warm_at = monotonic()

    def mark(self) -> int:
        """Return where the count stands; to be taken before looking into the store."""
        return self._count

    def announce(self, topics: Iterable[str] | None = None) -> None:
        """Wake those of this process who wait for these topics; by default everybody."""
        with self._changed:
            self._warm_at = monotonic()
            self._hear(topics)

    def warm(self) -> None:
        """Expect more soon: something came, or somebody is waiting for an answer."""
        self._warm_at = monotonic()

    @abstractmethod
    def wait(self, topic: str, mark: int, seconds: float) -> None:
        """Return when something may have changed since the mark, at the latest after `seconds`."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what was opened for waiting; idempotent."""

    def _hear(self, topics: Iterable[str] | None) -> None:
        self._count += 1
        if topics is None:
            self._of_any = self._count
        else:
            self._of.update(dict.fromkeys(topics, self._count))
        self._changed.notify_all()

    def _heard(self, topic: str, mark: int) -> bool:
        return self._of_any > mark or self._of.get(topic, 0) > mark


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
        """See Wakeups.wait."""
        end = monotonic() + seconds
        with self._changed:
            while self._led and not self._heard(topic, mark):
                left = end - monotonic()
                if left <= 0:
                    return
                self._changed.wait(left)
            if not self._heard(topic, mark):
                self._lead(topic, mark, end)

    def close(self) -> None:
        """Nothing is open here."""

    def _lead(self, topic: str, mark: int, end: float) -> None:
        self._led = self._look is not None
        try:
            while not self._heard(topic, mark) and (left := end - monotonic()) > 0:
                self._changed.wait(min(left, self._pace()))
                if self._look is None:
                    return
                self._ask(self._look)
        finally:
            if self._led:
                self._led = False
                # Another waiter leads on.
                self._changed.notify_all()

    def _ask(self, look: Callable[[], object]) -> None:
        seen = look()
        if seen != self._seen:
            self._seen = seen
            self._hear(None)

    def _pace(self) -> float:
        # Half a second of full attention, then 2 % of the time that nothing came.
        idle = monotonic() - self._warm_at
        return self._fast if idle < 0.5 else max(self._fast, min(self._slow, idle * 0.02))


class Listener(ABC):
    """What a database that tells is listened to with."""

    @abstractmethod
    def listen(
        self,
        topics: Iterable[str],
        told: Callable[[Iterable[str] | None], None],
        stopped: Callable[[], bool],
    ) -> None:
        """Tell of topics as they are announced; return when stopped, or when the line is cut.

        Begins by telling of everything: what was said before may have been missed.
        """

    @abstractmethod
    def interrupt(self) -> None:
        """Make `listen` ask whether it is stopped."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what `interrupt` needs."""


class ToldWakeups(Wakeups):
    """Is told by the database through a thread that runs the listener."""

    #: Seconds: how long a lost notification can go unnoticed, the pace while nothing is heard,
    #: and when a cut line is tried again.
    FALLBACK: Final = 5.0
    DEAF: Final = 0.05
    RETRY: Final = 0.5

    def __init__(self, listener: Listener) -> None:
        super().__init__()
        self._listener = listener
        self._topics: frozenset[str] = frozenset()
        self._hearing: frozenset[str] = frozenset()
        self._thread: threading.Thread | None = None

    def wait(self, topic: str, mark: int, seconds: float) -> None:
        """See Wakeups.wait; begins to listen to the topic at its first wait."""
        if topic not in self._topics:
            self._subscribe(topic)
        with self._changed:
            longest = self.FALLBACK if topic in self._hearing else self.DEAF
            self._changed.wait_for(lambda: self._heard(topic, mark), min(seconds, longest))

    def close(self) -> None:
        """End the listening thread."""
        with self._changed:
            thread, self._thread = self._thread, None
            self._changed.notify_all()
        self._listener.interrupt()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=5.0)
        self._listener.close()

    def _subscribe(self, topic: str) -> None:
        with self._changed:
            self._topics = self._topics | {topic}
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="celeriac-sql-listen", daemon=True
                )
                self._thread.start()
        self._listener.interrupt()

    def _run(self) -> None:
        me = threading.current_thread()
        while self._thread is me:
            topics = self._topics
            self._listener.listen(
                topics,
                lambda told, topics=topics: self._told(topics, told),  # type: ignore[misc]
                lambda topics=topics: self._thread is not me or self._topics != topics,  # type: ignore[misc]
            )
            with self._changed:
                self._hearing = frozenset()
                if self._topics == topics:
                    self._changed.wait_for(lambda: self._thread is not me, self.RETRY)

    def _told(self, topics: frozenset[str], told: Iterable[str] | None) -> None:
        with self._changed:
            self._hearing = topics
            self._hear(told)
