"""Slots and tokens for many at once, within a transaction. Times are unix microseconds.

What must stay true: doors first, then buckets, each in the order of their names, so that two who
want the same do not wait for each other; what is counted is counted behind those locks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ...domain.work.admission import Ask, Budget, decide, used
from . import slots
from .flavour import Flavour
from .token_buckets import COLUMNS, FILL, filled
from .transaction import Transaction

_PROLONG: Final = (
    "UPDATE celeriac_slot SET expires = ? WHERE name = ? AND holder = ? AND expires > ?"
)
_FREE: Final = "DELETE FROM celeriac_slot WHERE name = ? AND holder = ?"


def admit(
    transaction: Transaction,
    flavour: Flavour,
    asks: Sequence[Ask],
    ttl: int,
    clock: Callable[[], int],
) -> list[float]:
    """Give slots and tokens to those who may begin; `ttl` is in microseconds.

    The clock is asked when all waiting for others is over.
    """
    names = sorted({name for ask in asks for name, _ in ask.slots})
    budgets = {ask.budget.bucket: ask.budget for ask in asks if ask.budget is not None}
    if names:
        slots.lock_doors(transaction, flavour, names, lambda: clock() // 1000)
    rows = _lock_buckets(transaction, flavour, budgets, clock)
    now = clock()
    there = {name: filled(*rows[name], now, one.rate, one.burst) for name, one in budgets.items()}
    taken = slots.holders(transaction, flavour, names, now // 1000) if names else {}
    answers = decide(asks, taken, {name: tokens for name, (tokens, _) in there.items()})
    granted = [ask for ask, answer in zip(asks, answers, strict=True) if answer == 0.0]
    slots.hold(transaction, flavour, granted, (now + ttl) // 1000)
    for name, count in sorted(used(asks, answers).items()):
        tokens, at = there[name]
        transaction.run(FILL, (max(0.0, tokens - count), at, name))
    return answers


def prolong(
    transaction: Transaction, held: Sequence[tuple[str, str]], until: int, now: int
) -> None:
    """Prolong slots that are still held. Times are milliseconds."""
    transaction.many(_PROLONG, [(until, name, holder, now) for name, holder in sorted(held)])


def give_back(transaction: Transaction, held: Sequence[tuple[str, str]]) -> None:
    """Give slots back."""
    transaction.many(_FREE, sorted(held))


def _lock_buckets(
    transaction: Transaction,
    flavour: Flavour,
    budgets: dict[str, Budget],
    clock: Callable[[], int],
) -> dict[str, tuple[float, int]]:
    names = sorted(budgets)
    if not names:
        return {}
    sql = (
        "SELECT name, tokens, filled_at FROM celeriac_bucket "  # noqa: S608
        f"WHERE {flavour.among('name')} ORDER BY name{flavour.take}"
    )
    while True:
        rows = transaction.rows(sql, (flavour.listed(names),))
        found = {str(name): (float(tokens), int(at)) for name, tokens, at in rows}
        missing = [name for name in names if name not in found]
        if not missing:
            return found
        keep = flavour.keep("celeriac_bucket", COLUMNS, ["name"])
        transaction.many(keep, [(name, float(budgets[name].burst), clock()) for name in missing])
