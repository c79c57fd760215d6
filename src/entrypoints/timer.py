"""A timer for users' steps: calls functions later, or again and again, on a thread of its own."""

import heapq
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final

from ..ports.clock import Clock

logger = logging.getLogger("celeriac.worker")

#: How long a function that runs may take to end when the timer stops, in seconds.
PARTING_SECONDS: Final = 2.0


class Entry:
    """A call to come."""

    def __init__(
        self,
        fun: Callable[..., Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        """Call this with those."""
        self.fun, self.args, self.kwargs = fun, tuple(args), dict(kwargs or {})
        self.canceled = False

    cancelled = property(lambda self: self.canceled)

    def __call__(self) -> Any:
        """Call it now."""
        return self.fun(*self.args, **self.kwargs)

    def cancel(self) -> None:
        """Call it no more."""
        self.canceled = True


class Timer:
    """Calls functions when their time has come; one that fails is logged. Starts on first use."""

    def __init__(self, clock: Clock) -> None:
        """Have nothing to do yet."""
        self._clock = clock
        self._due: list[tuple[float, int, Entry, float | None]] = []
        self._numbers = count()
        self._changed = threading.Condition()
        self._over = False
        self._thread: threading.Thread | None = None

    def call_after(
        self, secs: float, fun: Any, args: Any = (), kwargs: Any = None, priority: int = 0
    ) -> Entry:
        """Call once, after some seconds. `priority` is accepted for Celery's sake."""
        return self._add(self._clock.monotonic() + secs, Entry(fun, args, kwargs), None)

    def call_at(
        self, eta: Any, fun: Any, args: Any = (), kwargs: Any = None, priority: int = 0
    ) -> Entry:
        """Call once, at a time: an aware datetime, or unix seconds."""
        when = eta.timestamp() if isinstance(eta, datetime) else float(eta)
        wait = when - datetime.now(UTC).timestamp()
        return self.call_after(max(0.0, wait), fun, args, kwargs)

    def call_repeatedly(
        self, secs: float, fun: Any, args: Any = (), kwargs: Any = None, priority: int = 0
    ) -> Entry:
        """Call every so many seconds, until the entry is cancelled."""
        return self._add(self._clock.monotonic() + secs, Entry(fun, args, kwargs), secs)

    def cancel(self, tref: Entry) -> None:
        """Call it no more."""
        tref.cancel()

    def clear(self) -> None:
        """Forget all calls."""
        with self._changed:
            self._due.clear()

    def stop(self) -> None:
        """End; what runs is waited for a little."""
        with self._changed:
            self._over = True
            self._changed.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(PARTING_SECONDS)

    def _add(self, when: float, entry: Entry, every: float | None) -> Entry:
        with self._changed:
            heapq.heappush(self._due, (when, next(self._numbers), entry, every))
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="celeriac-timer", daemon=True
                )
                self._thread.start()
            self._changed.notify()
        return entry

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._over:
                    return
                wait = self._due[0][0] - self._clock.monotonic() if self._due else None
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                    continue
                when, _, entry, every = heapq.heappop(self._due)
            if entry.canceled:
                continue
            try:
                entry()
            except Exception:
                logger.exception("timer: %r failed", entry.fun)
            if every is not None and not entry.canceled:
                # What was missed is not made up for.
                self._add(max(when + every, self._clock.monotonic()), entry, every)
