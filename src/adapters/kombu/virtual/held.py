"""What a worker has in hand, by token, and which of it naps until it is due."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Final
from uuid import uuid4

from ....domain.messaging.delivery import Token
from .parcels import Envelope, Parcel

#: Ends the key of what the ledger knows to be started.
BEGUN: Final = "!"


@dataclass(slots=True)
class Held:
    """One delivery in hand. `parcel` is None where its transport is done with it."""

    token: Token
    queue: str
    envelope: Envelope
    parcel: Parcel | None
    place: str = ""
    redelivered: bool = False
    #: The entry in the ledger that keeps it.
    key: str = ""

    @property
    def begun(self) -> bool:
        """Whether the ledger knows that it was started."""
        return self.key.endswith(BEGUN)


class Hands:
    """Deliveries by token. All methods may be called from several threads at once."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._numbers = count(1)
        self._fence = uuid4().hex
        self._held: dict[Token, Held] = {}
        self._naps: dict[Token, datetime] = {}

    def __len__(self) -> int:
        """Count what is held, whether it naps or not."""
        return len(self._held)

    def begin(self) -> None:
        """Start with empty hands, under tokens nobody has seen."""
        with self._lock:
            self._fence = uuid4().hex
            self._empty()

    def take(self, parcel: Parcel) -> Held:
        """Take in hand what came."""
        return self._hold(
            parcel.queue, parcel.envelope, parcel, parcel.place, redelivered=parcel.redelivered
        )

    def adopt(self, queue: str, envelope: Envelope, place: str, key: str) -> Held:
        """Take in hand what a dead worker held, kept by this entry of the ledger."""
        return self._hold(queue, envelope, None, place, redelivered=True, key=key)

    def all(self) -> list[Held]:
        """Return what is held, whether it naps or not."""
        with self._lock:
            return list(self._held.values())

    def find(self, tokens: Iterable[Token]) -> list[Held | None]:
        """Return what these tokens stand for, None for those that are stale."""
        with self._lock:
            return [self._held.get(token) for token in tokens]

    def let_go(self, tokens: Iterable[Token]) -> list[Held | None]:
        """Take these out of the hands, None for those that are stale."""
        with self._lock:
            return [self._held.pop(token, None) for token in tokens]

    def take_back(self, held: Iterable[Held]) -> None:
        """Hold again what was let go of."""
        with self._lock:
            self._held.update({one.token: one for one in held})

    def lose(self, held: Iterable[Held]) -> None:
        """Forget what has become another's, unless its transport is done with it meanwhile."""
        with self._lock:
            for one in held:
                if one.parcel is not None:
                    self._held.pop(one.token, None)
                    self._naps.pop(one.token, None)

    def surrender(self) -> list[Parcel]:
        """Empty the hands if a transport keeps any of what they hold; return what that is."""
        with self._lock:
            if kept := parcels_of(self._held.values()):
                self._empty()
            return kept

    # -- naps

    def nap(self, until: Mapping[Token, datetime]) -> None:
        """Have deliveries nap, each until it is due."""
        with self._lock:
            self._naps.update(until)

    def rouse(self, queues: Collection[str], limit: int, now: datetime) -> list[Held]:
        """Return up to so many of these queues that have napped until now; they nap no more."""
        ready: list[Held] = []
        with self._lock:
            for token, due in list(self._naps.items()):
                held = self._held.get(token)
                if held is None:
                    del self._naps[token]
                elif due <= now and held.queue in queues and len(ready) < limit:
                    del self._naps[token]
                    ready.append(held)
        return ready

    def seconds_until_due(self, now: datetime) -> float:
        """Return how long the next nap lasts, a minute if there is none."""
        with self._lock:
            left = min(((due - now).total_seconds() for due in self._naps.values()), default=60.0)
        return max(0.0, left)

    # -- with the lock

    def _hold(
        self, queue: str, envelope: Envelope, parcel: Parcel | None, place: str,
        *, redelivered: bool, key: str = "",
    ) -> Held:  # fmt: skip
        with self._lock:
            token = Token(next(self._numbers), self._fence)
            held = self._held[token] = Held(token, queue, envelope, parcel, place, redelivered, key)
        return held

    def _empty(self) -> None:
        self._held.clear()
        self._naps.clear()


def parcels_of(held: Iterable[Held]) -> list[Parcel]:
    """Return the parcels that a transport still has."""
    return [one.parcel for one in held if one.parcel is not None]


def done_with(held: Sequence[Held]) -> None:
    """Note that their transport is done with these."""
    for one in held:
        one.parcel = None
