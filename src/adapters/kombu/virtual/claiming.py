"""Taking in: fairly from all queues, with what is not due yet parked, or napping if it soon is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import ceil
from typing import Final

from ....domain.errors import BackendUnavailable, BrokerUnavailable, LeaseLost
from ....domain.messaging.delivery import Delivery, Undecodable
from .custody import Custody
from .held import Hands, Held, done_with, parcels_of
from .parcels import Parcel, delivery_of, due_at
from .store import VirtualStore

#: Seconds between two looks at what is parked.
_LOOK: Final = 1.0
#: Seconds: what is due sooner waits here, which is more exact than its transport would be.
_NAP: Final = 1.5
#: Seconds for which what goes to the ledger is invisible meanwhile, at least.
_HANDING_OVER: Final = 30.0


class Claiming:
    """What one owner takes from its transport into its hands."""

    def __init__(self, store: VirtualStore, custody: Custody, hands: Hands) -> None:
        self._store, self._custody, self._hands = store, custody, hands
        self._turn = 0
        self._looked_at: float | None = None

    def claim(self, names: list[str], limit: int, poll: float) -> list[Delivery | Undecodable]:
        """Claim what may be run now; the transport may wait `poll` seconds at each queue."""
        ready = self._hands.rouse(names, limit, self._store.clock.now())
        if len(ready) < limit:
            parcels = self._parcels(names, limit - len(ready), 0.0 if ready else poll)
            ready += self._sorted(parcels)
        return [delivered(held) for held in ready]

    def poll(self, queues: int, left: float) -> float:
        """Return how long the transport is to wait at each queue, if it does; at least a second."""
        pause = min(left, self.seconds_until_due())
        if pause < 1 or not self._store.consuming.traits.waits:
            return 0.0
        return max(1.0, pause / queues)

    def seconds_until_due(self) -> float:
        """Return how long the next nap lasts, a minute if there is none."""
        return self._hands.seconds_until_due(self._store.clock.now())

    def _parcels(self, names: list[str], limit: int, poll: float) -> list[Parcel]:
        """Take fairly: a share of each queue first, then what is left of the limit."""
        carrier, lease = self._store.consuming, self._visible_for
        self._turn += 1
        first = self._turn % len(names)
        order = names[first:] + names[:first]
        found = self._parked(order, limit, lease)
        share = max(1, ceil(limit / len(order)))
        full = []
        for name in order:
            wanted = min(share, limit - len(found))
            if wanted > 0:
                some = carrier.take(name, wanted, lease=lease, wait=0.0 if found else poll)
                found += some
                if len(some) == wanted:
                    full.append(name)
        for name in full:
            if len(found) < limit and len(order) > 1:
                found += carrier.take(name, limit - len(found), lease=lease)
        return found

    def _parked(self, order: list[str], limit: int, lease: float) -> list[Parcel]:
        """Take of what is parked and due now, if that was not looked at a moment ago."""
        found: list[Parcel] = []
        now, moment = self._store.clock.now(), self._store.clock.monotonic()
        if self._looked_at is None or moment - self._looked_at >= _LOOK:
            self._looked_at = moment
            for name in order:
                if len(found) < limit:
                    found += self._store.consuming.due(name, limit - len(found), now, lease=lease)
        return found

    @property
    def _visible_for(self) -> float:
        # One that only hands over to the ledger needs time for that, not a lease.
        lease = self._custody.lease
        return max(_HANDING_OVER, lease) if self._custody.keeps else lease

    def _sorted(self, parcels: Sequence[Parcel]) -> list[Held]:
        """Park what is not due, have the rest kept; return what may be run now."""
        now = self._store.clock.now()
        later: list[tuple[Parcel, datetime]] = []
        held: list[Held] = []
        naps: list[tuple[Held, datetime]] = []
        for one in parcels:
            due = due_at(one.envelope)
            wait = 0.0 if due is None else (due - now).total_seconds()
            if due is None or wait <= 0:
                held.append(self._hands.take(one))
            elif wait > _NAP:
                later.append((one, due))
            else:
                naps.append((self._hands.take(one), due))
        if later:
            self._store.consuming.hide(later, now)
        self._keep([*held, *(one for one, _ in naps)])
        self._hands.nap({one.token: due for one, due in naps})
        return held

    def _keep(self, held: Sequence[Held]) -> None:
        """Have the ledger keep these, if there is one: their transport is done with them then."""
        if not held or not self._custody.keeps:
            return
        parcels = parcels_of(held)
        try:
            self._custody.deposit(held)
        except (LeaseLost, BackendUnavailable) as error:
            self._hands.let_go([one.token for one in held])
            self._store.consuming.back(parcels)
            if isinstance(error, LeaseLost):
                raise
            raise BrokerUnavailable(f"the ledger of started tasks is away: {error}") from error
        self._store.consuming.done(parcels)
        done_with(held)


def delivered(held: Held) -> Delivery | Undecodable:
    """Return what is in hand as a worker gets it."""
    return delivery_of(held.envelope, held.token, held.queue, redelivered=held.redelivered)
