"""Leases on names, within a transaction. Times are unix milliseconds.

What must stay true: a fence never comes twice under a name, not even after the row of a lease long
over was deleted. So a new row begins at the milliseconds since 1970, which no count of holders
catches up with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ...ports.coordinator import Grant
from .flavour import Flavour
from .transaction import Transaction

_HELD: Final = "SELECT holder, fence FROM celeriac_lease WHERE name = ? AND expires > ?"
_LOOK: Final = "SELECT holder, fence, expires FROM celeriac_lease WHERE name = ?"
_PROLONG: Final = "UPDATE celeriac_lease SET expires = ? WHERE name = ?"
_GRANT: Final = "UPDATE celeriac_lease SET holder = ?, fence = ?, expires = ? WHERE name = ?"
_RELEASE: Final = (
    "UPDATE celeriac_lease SET expires = ? "
    "WHERE name = ? AND holder = ? AND fence = ? AND expires > ?"
)
_PRUNE: Final = "DELETE FROM celeriac_lease WHERE expires < ?"
#: Milliseconds: in the past for everybody, whatever is left of the difference between clocks.
_LONG_OVER: Final = 60_000
_COLUMNS: Final = ("name", "holder", "fence", "expires")


def held(transaction: Transaction, name: str, now: int) -> tuple[str, int] | None:
    """Return the holder of a name and its fence."""
    rows = transaction.rows(_HELD, (name, now))
    return (str(rows[0][0]), int(rows[0][1])) if rows else None


def acquire(
    transaction: Transaction,
    flavour: Flavour,
    name: str,
    holder: str,
    ttl: int,
    clock: Callable[[], int],
) -> int | None:
    """Take or prolong a lease; return its fence, None while another holds it.

    The clock is asked when all waiting for others is over.
    """
    while (present := _locked(transaction, flavour, name)) is None:
        # Already over: taken below, by whoever comes first.
        row = (name, "", clock(), 0)
        transaction.run(flavour.keep("celeriac_lease", _COLUMNS, ["name"]), row)
    who, fence, expires = present
    now = clock()
    if expires <= now:
        transaction.run(_GRANT, (holder, fence + 1, now + ttl, name))
        return fence + 1
    if who == holder:
        transaction.run(_PROLONG, (now + ttl, name))
        return fence
    return None


def release(transaction: Transaction, name: str, grant: Grant, now: int) -> bool:
    """End a lease, if it is still this one."""
    row = (now - _LONG_OVER, name, grant.holder, grant.fence, now)
    return transaction.run(_RELEASE, row) > 0


def release_all(transaction: Transaction, grants: Sequence[Grant], now: int) -> None:
    """End leases, those that are still these. Names are keys here."""
    rows = [(now - _LONG_OVER, one.name, one.holder, one.fence, now) for one in grants]
    transaction.many(_RELEASE, rows)


def prune(transaction: Transaction, before: int) -> None:
    """Delete what ended before."""
    transaction.run(_PRUNE, (before,))


def _locked(transaction: Transaction, flavour: Flavour, name: str) -> tuple[str, int, int] | None:
    rows = transaction.rows(_LOOK + flavour.take, (name,))
    return (str(rows[0][0]), int(rows[0][1]), int(rows[0][2])) if rows else None
