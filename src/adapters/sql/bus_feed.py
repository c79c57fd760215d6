"""What listeners of the bus wait on: told where the database can tell, else one of them looks.

What must stay true: idle waiting costs well under 1 % of a core; whoever speaks in this process
wakes its listeners at once.
"""

from __future__ import annotations

from typing import Final

from . import bus_log
from .engine import SqlStore
from .wakeup import PolledWakeups, ToldWakeups, Wakeups

TOPIC: Final = "bus"

#: Seconds between looks, by dialect: for half a second after something was said or heard, and when
#: idle. A look costs some 30 µs on SQLite, some 200 µs (half of it the server's) on MariaDB.
_PACES: Final = {"sqlite": (0.01, 0.1)}
_PACE_OVER_NETWORK: Final = (0.02, 0.25)


class Feed:
    """Shared by all listeners of one bus."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        fast, slow = _PACES.get(store.dialect, _PACE_OVER_NETWORK)
        self._polled = PolledWakeups(self._reached, fast=fast, slow=slow)

    @property
    def is_told(self) -> bool:
        """Whether speakers are to announce what they said."""
        return isinstance(self._store.wakeups, ToldWakeups)

    def mark(self) -> int:
        """Return what `wait` is to be given; to be taken before looking."""
        return self._wakeups.mark()

    def wait(self, mark: int, seconds: float) -> None:
        """Return when something may have been said, at the latest after `seconds`."""
        self._wakeups.wait(TOPIC, mark, seconds)

    def warm(self) -> None:
        """Expect more soon."""
        self._wakeups.warm()

    def stir(self) -> None:
        """Wake the listeners of this process."""
        self._wakeups.announce()

    @property
    def _wakeups(self) -> Wakeups:
        return self._store.wakeups if self.is_told else self._polled

    def _reached(self) -> int:
        return self._store.read(bus_log.reached)
