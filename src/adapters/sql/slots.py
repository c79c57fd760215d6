"""Slots of names, of which a limited number can be held at a time. Times are unix milliseconds.

What must stay true: whoever counts the slots of a name holds its door locked, the row without a
holder. Doors are locked in the order of their names, so that two who want the same do not wait for
each other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from ...domain.work.admission import Ask
from .flavour import Flavour
from .transaction import Transaction

_COLUMNS: Final = ("name", "holder", "expires")
_KEY: Final = ("name", "holder")
_PRUNE: Final = "DELETE FROM celeriac_slot WHERE expires < ?"


def take(
    transaction: Transaction,
    flavour: Flavour,
    limits: Sequence[tuple[str, int]],
    holder: str,
    ttl: int,
    clock: Callable[[], int],
) -> bool:
    """Take a slot of each name, or none. The clock is asked when all waiting for others is over."""
    names = sorted({name for name, _ in limits})
    lock_doors(transaction, flavour, names, clock)
    now = clock()
    if not _have_room(transaction, flavour, names, limits, holder, now):
        return False
    until = now + ttl
    hold(transaction, flavour, [Ask(holder, tuple(limits))], until)
    return True


def free(transaction: Transaction, flavour: Flavour, names: Sequence[str], holder: str) -> None:
    """Give slots back."""
    sql = f"DELETE FROM celeriac_slot WHERE holder = ? AND {flavour.among('name')}"  # noqa: S608
    transaction.run(sql, (holder, flavour.listed(sorted(names))))


def prune(transaction: Transaction, before: int) -> None:
    """Delete slots and doors that were over before."""
    transaction.run(_PRUNE, (before,))


def lock_doors(
    transaction: Transaction, flavour: Flavour, names: Sequence[str], clock: Callable[[], int]
) -> None:
    """Let nobody else count the slots of these sorted names until the transaction ends."""
    sql = (
        f"SELECT name FROM celeriac_slot WHERE {flavour.among('name')} AND holder = '' "  # noqa: S608
        f"ORDER BY name{flavour.take}"
    )
    while missing := _absent(transaction.rows(sql, (flavour.listed(names),)), names):
        keep = flavour.keep("celeriac_slot", _COLUMNS, _KEY)
        transaction.many(keep, [(name, "", clock()) for name in missing])


def _absent(rows: Sequence[Sequence[str]], names: Sequence[str]) -> list[str]:
    there = {row[0] for row in rows}
    return [name for name in names if name not in there]


def _have_room(
    transaction: Transaction,
    flavour: Flavour,
    names: Collection[str],
    limits: Sequence[tuple[str, int]],
    holder: str,
    now: int,
) -> bool:
    taken = holders(transaction, flavour, list(names), now)
    return all(
        holder in taken.get(name, ()) or len(taken.get(name, ())) < limit for name, limit in limits
    )


def holders(
    transaction: Transaction, flavour: Flavour, names: Sequence[str], now: int
) -> dict[str, set[str]]:
    """Return who holds slots of these names now. Their doors are locked."""
    sql = (
        f"SELECT name, holder FROM celeriac_slot WHERE {flavour.among('name')} "  # noqa: S608
        f"AND holder <> '' AND expires > ?"
    )
    # Behind the door nobody else inserts, and this looks at what is committed now.
    out: dict[str, set[str]] = {}
    for name, who in transaction.rows(sql, (flavour.listed(list(names)), now)):
        out.setdefault(str(name), set()).add(str(who))
    return out


def hold(transaction: Transaction, flavour: Flavour, asks: Sequence[Ask], until: int) -> None:
    """Note who holds what from now on. Their doors are locked."""
    sql = flavour.upsert("celeriac_slot", _COLUMNS, _KEY)
    # A door says until when it is needed at least, so that it can be deleted when it is not.
    rows = {(name, who, until) for ask in asks for name, _ in ask.slots for who in ("", ask.holder)}
    if rows:
        transaction.many(sql, sorted(rows))
