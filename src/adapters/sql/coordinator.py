"""The coordinator on SQL: rows that are locked, looked at and changed in one transaction.

What must stay true: all times are the store's, so that processes agree on when a lease is over;
what was agreed on long ago leaves no rows behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from typing import Final

from ...domain.errors import BrokerUnavailable
from ...domain.work.admission import Ask
from ...ports.coordinator import Coordinator, Grant
from . import admitting, leases, slots, token_buckets
from .engine import SqlStore
from .transaction import Transaction

#: Characters of a name; a longer one is kept by its beginning and its hash.
_LONGEST: Final = 255
#: Seconds between deletions, and milliseconds that rows are kept after they are over: more than
#: clocks differ.
_PRUNE_EVERY: Final = 600.0
_KEPT: Final = 86_400_000


class SqlCoordinator(Coordinator):
    """Agrees in a SqlStore."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self._prune_at = store.clock.monotonic() + _PRUNE_EVERY
        self._closed = False
        store.retain()

    def close(self) -> None:
        """Let go of the store; idempotent."""
        if not self._closed:
            self._closed = True
            self.store.release()

    def acquire(self, name: str, holder: str, ttl: float) -> Grant | None:
        """Take or prolong a lease."""
        key, milliseconds = _key(name), _milliseconds(ttl)
        # Reading first: those who wait for a lease would else write, and lock, all the time.
        held = self.store.read(lambda t: leases.held(t, key, self._now()))
        if held is not None and held[0] != holder:
            return None
        fence = self.store.write(
            lambda t: leases.acquire(t, self.store.flavour, key, holder, milliseconds, self._now)
        )
        self._prune_now_and_then()
        return None if fence is None else Grant(name, holder, fence)

    def release(self, grant: Grant) -> bool:
        """Give a lease back."""
        key = _key(grant.name)
        return self.store.write(lambda t: leases.release(t, key, grant, self._now()))

    def holder(self, name: str) -> Grant | None:
        """Return who holds a name."""
        held = self.store.read(lambda t: leases.held(t, _key(name), self._now()))
        return None if held is None else Grant(name, *held)

    def take_slots(self, names: Sequence[tuple[str, int]], holder: str, ttl: float) -> bool:
        """Take a slot of each name, or none."""
        if not names:
            return True
        limits = [(_key(name), limit) for name, limit in names]
        taken = self.store.write(
            lambda t: slots.take(
                t, self.store.flavour, limits, holder, _milliseconds(ttl), self._now
            )
        )
        self._prune_now_and_then()
        return taken

    def free_slots(self, names: Sequence[str], holder: str) -> None:
        """Give slots back."""
        if names:
            keys = [_key(name) for name in names]
            self.store.write(lambda t: slots.free(t, self.store.flavour, keys, holder))

    def take_tokens(self, bucket: str, count: int, rate: float, burst: int) -> float:
        """Take tokens; infinity when the bucket could never hold so many."""
        key = _key(bucket)
        return self.store.write(
            lambda t: token_buckets.take(
                t, self.store.flavour, key, count, rate, burst, self._now_in_microseconds
            )
        )

    def admit(self, asks: Sequence[Ask], ttl: float) -> Sequence[float]:
        """Give slots and tokens to those who may begin."""
        if not asks:
            return []
        keyed, microseconds = [_keyed(ask) for ask in asks], max(1_000, round(ttl * 1_000_000))
        answers = self.store.write(
            lambda t: admitting.admit(
                t, self.store.flavour, keyed, microseconds, self._now_in_microseconds
            )
        )
        self._prune_now_and_then()
        return answers

    def prolong(self, held: Sequence[tuple[str, str]], ttl: float) -> None:
        """Prolong slots that are still held."""
        if held:
            keys, milliseconds = [(_key(name), _key(who)) for name, who in held], _milliseconds(ttl)

            def write(transaction: Transaction) -> None:
                now = self._now()
                admitting.prolong(transaction, keys, now + milliseconds, now)

            self.store.write(write)

    def give_back(self, held: Sequence[tuple[str, str]]) -> None:
        """Give slots back."""
        if held:
            keys = [(_key(name), _key(who)) for name, who in held]
            self.store.write(lambda t: admitting.give_back(t, keys))

    def release_all(self, grants: Sequence[Grant]) -> None:
        """Give leases back."""
        if grants:
            self.store.write(lambda t: leases.release_all(t, _by_key(grants), self._now()))

    def _now(self) -> int:
        return round(self.store.now() * 1_000)

    def _now_in_microseconds(self) -> int:
        return round(self.store.now() * 1_000_000)

    def _prune_now_and_then(self) -> None:
        at = self.store.clock.monotonic()
        if at < self._prune_at:
            return
        self._prune_at = at + _PRUNE_EVERY
        # What was agreed on stands; the next one deletes what is left here.
        with suppress(BrokerUnavailable):
            self.store.write(self._prune)

    def _prune(self, transaction: Transaction) -> None:
        before = self._now() - _KEPT
        leases.prune(transaction, before)
        slots.prune(transaction, before)


def _key(name: str) -> str:
    if len(name) <= _LONGEST:
        return name
    digest = sha256(name.encode(errors="surrogatepass")).hexdigest()
    return f"{name[: _LONGEST - len(digest) - 1]}~{digest}"


def _keyed(ask: Ask) -> Ask:
    budget = ask.budget and replace(ask.budget, bucket=_key(f"budget:{ask.budget.bucket}"))
    slots = tuple((_key(name), limit) for name, limit in ask.slots)
    return Ask(_key(ask.holder), slots, budget)


def _by_key(grants: Sequence[Grant]) -> Sequence[Grant]:
    return sorted(
        (replace(grant, name=_key(grant.name)) for grant in grants), key=lambda grant: grant.name
    )


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1_000))
