"""This worker as an owner, and who keeps what it has claimed: the ledger, or the transport.

In the ledger a claimed message is noted whole. When it starts it is noted anew under another key,
for entries do not change: that key ends in `!`, and wins where both are found.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import count
from typing import Any

from ....ports.ledger import Found, Started
from ..ownership import Ownership
from .held import BEGUN, Held
from .parcels import Envelope, crashes_of


class Custody(Ownership):
    """A lease, and whole messages in the ledger under it."""

    _numbers = count(1)

    @property
    def keeps(self) -> bool:
        """Whether there is a ledger."""
        return self._make_ledger is not None

    @property
    def lease(self) -> float:
        """Seconds for which each renewal is good; 0 before `enlist`."""
        return self._lease

    def deposit(self, held: Sequence[Held]) -> None:
        """Note what was claimed. Raises LeaseLost, BackendUnavailable: nothing was noted."""
        for one in held:
            one.key = f"{self._owner}-{next(self._numbers)}"
        self._note_all(held)

    def begin(self, held: Sequence[Held]) -> None:
        """Note what is about to be run. Raises LeaseLost, BackendUnavailable."""
        fresh = [one for one in held if not one.begun]
        before = [one.key for one in fresh]
        for one in fresh:
            one.key += BEGUN
        try:
            self._note_all(fresh)
            self.strike(before)
        except BaseException:
            for one, key in zip(fresh, before, strict=True):
                one.key = key
            raise

    def inherit(self, queues: Sequence[str], limit: int) -> list[tuple[Found, bool]]:
        """Take over what dead workers held; tell of each whether it had been started."""
        found = {one.entry.key: one for one in self.adopt(queues, limit)}
        twice = [key for key in found if found.get(key + BEGUN) is not None]
        self.strike(twice)
        return [
            (one, key.endswith(BEGUN)) for key, one in found.items() if key not in frozenset(twice)
        ]

    def _note_all(self, held: Sequence[Held]) -> None:
        self.check()
        if self._ledger is None or not held:
            return
        # Under no task's name: what left its transport comes by it no more, so nobody asks.
        entries = [
            Started(one.key, "", one.queue, crashes_of(one.envelope), _raw(one)) for one in held
        ]
        if not self._ledger.note(self._owner, entries):
            self._until = self._clock.monotonic()
            self.check()


def _raw(held: Held) -> bytes:
    return json.dumps({"envelope": dict(held.envelope), "place": held.place}).encode()


def opened(raw: bytes) -> tuple[Envelope, str]:
    """Return the envelope of an entry, and where in its queue it stood."""
    found: Any = json.loads(raw)
    return found["envelope"], str(found["place"])
