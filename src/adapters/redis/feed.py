"""One subscription of a process: whatever channels are listened to, one connection and one thread.

What must stay true: only the thread touches the connection, so others wake it by a word on a
channel of its own; who listens hears all that is said after `listen` returned; after a lost
connection everybody is told to look for what they missed.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Collection, Sequence
from contextlib import suppress
from secrets import token_hex
from typing import Any, Final

from ...domain.errors import CeleriacError
from .errors import Unavailable, translated
from .store import RedisStore, driver

#: Seconds: after which the thread asks whether the server is there, and how long it pauses where
#: it is not.
_NAP: Final = 5.0
_PAUSE: Final = 0.5
#: Messages. A listener that falls further behind loses the oldest: delivery is at most once.
_KEPT: Final = 100_000


class Ear:
    """What was heard on some channels; made by Feed.listen. `missed`: something perhaps was not."""

    __slots__ = ("channels", "closed", "heard", "missed")

    def __init__(self, channels: Collection[str]) -> None:
        self.channels = frozenset(channels)
        self.heard: deque[tuple[str, bytes]] = deque(maxlen=_KEPT)
        self.missed = False
        self.closed = False


class Feed:
    """The ears of one process on a store. `unavailable` is raised while the server is away.

    With `patterns` all channels are patterns of Redis's, and what is heard comes under its pattern.
    """

    _pid: int
    _changed: threading.Condition
    #: The channel by which the thread is woken.
    _own: str
    _ears: dict[str, set[Ear]]
    #: Channels on which nothing that is said is missed.
    _confirmed: set[str]
    #: Whether what is listened to has changed since the server was told.
    _stale: bool
    _failure: Exception | None
    _thread: threading.Thread | None
    #: Words said to the thread by `catch_up`, and up to which one it has heard them.
    _said: int
    _reached: int

    def __init__(
        self, store: RedisStore, unavailable: Unavailable, *, patterns: bool = False
    ) -> None:
        self._store = store
        self._unavailable = unavailable
        self._patterns = patterns
        self._begin_life()
        store.before_closing(self.close)

    def listen(self, channels: Collection[str]) -> Ear:
        """Return an ear that hears what is said from now on."""
        self._look_for_fork()
        ear = Ear(channels)
        with self._changed:
            self._add(ear)
            missing = not self._confirmed.issuperset(ear.channels)
        try:
            if missing:
                self._wake()
                self._wait_until_confirmed(ear)
                ear.missed = False
        except BaseException:
            self.leave(ear)
            raise
        return ear

    def leave(self, ear: Ear) -> None:
        """Hear nothing more; who waits for this ear returns."""
        self._look_for_fork()
        with self._changed:
            ear.closed = True
            ear.heard.clear()
            self._stale = True
            for channel in ear.channels:
                listening = self._ears.get(channel, set())
                listening.discard(ear)
                if not listening:
                    self._ears.pop(channel, None)
            self._changed.notify_all()

    def wait(self, ear: Ear, seconds: float) -> Sequence[tuple[str, bytes]]:
        """Return what was heard; nothing after so many seconds, or when something was missed.

        Raises what was given as `unavailable` where the server is away and nothing was heard.
        """
        self._look_for_fork()
        with self._changed:
            self._changed.wait_for(
                lambda: ear.heard or ear.closed or ear.missed or self._failure, seconds
            )
            heard = tuple(ear.heard)
            ear.heard.clear()
            ear.missed = False
            failure = self._failure
        if failure is not None and not heard and not ear.closed:
            raise translated(failure, self._store.url, self._unavailable) from failure
        return heard

    def catch_up(self) -> None:
        """Return when all is heard that was said so far: a word of ours comes after it."""
        self._look_for_fork()
        with self._changed:
            if self._thread is None:
                return
            self._said += 1
            word = self._said
        self._tell_thread(word)
        with self._changed:
            self._changed.wait_for(
                lambda: self._failure or self._reached >= word, self._store.timeout
            )

    def close(self) -> None:
        """Stop the thread and let go of the connection; idempotent. Every ear is closed."""
        self._look_for_fork()
        with self._changed:
            ears = {ear for listening in self._ears.values() for ear in listening}
            thread, self._thread = self._thread, None
            self._changed.notify_all()
        for ear in ears:
            self.leave(ear)
        if thread is None:
            return
        # A server that is away tells it nothing: it then notices at the end of its nap.
        with suppress(CeleriacError):
            self._tell_thread()
            thread.join(timeout=_NAP)

    # -- asking the thread

    def _add(self, ear: Ear) -> None:
        self._stale = True
        for channel in ear.channels:
            self._ears.setdefault(channel, set()).add(ear)
        if self._thread is None:
            self._failure = None
            self._confirmed = set()
            self._thread = threading.Thread(target=self._run, name="celeriac-feed", daemon=True)
            self._thread.start()

    def _wake(self) -> None:
        with self._changed:
            # Before it hears its own channel it has yet to look at all there is to listen to.
            awake = self._own not in self._confirmed
        if not awake:
            self._tell_thread()

    def _tell_thread(self, word: int = 0) -> None:
        self._store.do(
            lambda client: client.publish(self._own, word), unavailable=self._unavailable
        )

    def _wait_until_confirmed(self, ear: Ear) -> None:
        with self._changed:
            done = self._changed.wait_for(
                lambda: self._failure or ear.closed or self._confirmed.issuperset(ear.channels),
                self._store.timeout,
            )
            failure = self._failure
        if failure is not None:
            raise translated(failure, self._store.url, self._unavailable) from failure
        if not done:
            raise self._unavailable(
                f"{self._store.url} did not confirm a subscription in {self._store.timeout:g} s"
            )

    # -- the thread

    def _run(self) -> None:
        me = threading.current_thread()
        while self._thread is me:
            try:
                with self._store.subscriber().pubsub() as pubsub:
                    self._hear_all(me, pubsub)
            except (driver().exceptions.RedisError, OSError, CeleriacError) as error:
                self._lost(me, error)

    def _hear_all(self, me: threading.Thread, pubsub: Any) -> None:
        asked: set[str] = set()
        self._stale, asking = True, False
        while self._thread is me:
            if self._stale:
                self._subscribe(me, pubsub, asked)
            message = pubsub.get_message(timeout=_NAP)
            if message is not None:
                asking = False
                self._take_in(me, message)
            elif asking:
                raise OSError(f"nothing was heard of the server for {2 * _NAP:g} s")
            else:
                pubsub.ping()
                asking = True

    def _subscribe(self, me: threading.Thread, pubsub: Any, asked: set[str]) -> None:
        """Make what was asked of the server what is wanted here."""
        with self._changed:
            if self._thread is not me:
                return
            self._stale = False
            wanted = {self._own, *self._ears}
            # One that is not confirmed yet stays: its late answer would stand for a later one's.
            dropped = (asked - wanted) & self._confirmed
            self._confirmed -= dropped
        added = wanted - asked
        asked |= added
        asked -= dropped
        if dropped:
            (pubsub.punsubscribe if self._patterns else pubsub.unsubscribe)(*dropped)
        if added:
            (pubsub.psubscribe if self._patterns else pubsub.subscribe)(*added)

    def _take_in(self, me: threading.Thread, message: dict[str, Any]) -> None:
        kind = message["type"].removeprefix("p")
        heard_by = "pattern" if message["type"] == "pmessage" else "channel"
        channel = (message[heard_by] or b"").decode()
        with self._changed:
            if self._thread is not me:
                return
            self._failure = None
            ears = self._ears.get(channel, ())
            if kind == "subscribe":
                # Also after the driver connected anew, and then something may have been missed.
                self._confirmed.add(channel)
                for ear in ears:
                    ear.missed = True
            elif kind == "message" and channel == self._own:
                self._reached = max(self._reached, int(message["data"]))
            elif kind == "message":
                for ear in ears:
                    ear.heard.append((channel, message["data"]))
            self._changed.notify_all()

    def _lost(self, me: threading.Thread, error: Exception) -> None:
        with self._changed:
            if self._thread is me:
                self._failure = error
                self._confirmed.clear()
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._thread is not me, _PAUSE)

    # -- forks: the thread stayed with the parent

    def _look_for_fork(self) -> None:
        if self._pid != os.getpid():
            self._begin_life()

    def _begin_life(self) -> None:
        self._pid = os.getpid()
        self._changed = threading.Condition()
        self._own = f"celeriac.feed.{token_hex(8)}"
        self._ears = {}
        self._confirmed = set()
        self._stale = True
        self._failure = None
        self._thread = None
        self._said = self._reached = 0
