"""How deliveries end: gone, ready again, parked, dead. The caller has checked their tokens."""

from __future__ import annotations

from collections.abc import Sequence

from ...domain.work.settlement import DeadLetter, Disposition, Done, Park, Requeue
from .envelope import milliseconds
from .flavour import Flavour
from .records import plain
from .schema import DEAD, NOBODY, PARKED, READY
from .transaction import Transaction

_FREE = f"fence = {NOBODY}, started = 0"


def dispose(
    transaction: Transaction,
    flavour: Flavour,
    ended: Sequence[tuple[int, Disposition]],
    now: int,
) -> None:
    """Bring messages (by their ids) to their end, each kind in one statement."""
    done: list[int] = []
    requeued: list[int] = []
    crashed: list[int] = []
    parked: list[tuple[int, int]] = []
    dead: list[tuple[str, str, int, int]] = []
    for tag, disposition in ended:
        match disposition:
            case Done():
                done.append(tag)
            case Requeue(again):
                (crashed if again else requeued).append(tag)
            case Park(until):
                parked.append((milliseconds(until), tag))
            case DeadLetter(reason, detail):
                dead.append((reason[:64], plain(detail), now, tag))
    if done:
        _each(transaction, flavour, "DELETE FROM celeriac_message", done)
    if requeued:
        _each(transaction, flavour, f"{_UPDATE} state = {READY}, {_FREE}", requeued)
    if crashed:
        change = f"{_UPDATE} state = {READY}, {_FREE}, crashes = crashes + 1"
        _each(transaction, flavour, change, crashed)
    if parked:
        # Waiting for its time is no redelivery, so the claim is not counted.
        transaction.many(
            f"{_UPDATE} state = {PARKED}, {_FREE}, claims = claims - 1, due = ? WHERE id = ?",
            parked,
        )
    if dead:
        transaction.many(
            f"{_UPDATE} state = {DEAD}, {_FREE}, reason = ?, detail = ?, died_at = ? WHERE id = ?",
            dead,
        )
    if requeued or crashed or parked:
        transaction.announce("message")


_UPDATE = "UPDATE celeriac_message SET"


def _each(transaction: Transaction, flavour: Flavour, sql: str, tags: list[int]) -> None:
    where = flavour.among("id", "bigint")
    transaction.run(f"{sql} WHERE {where}", (flavour.listed(tags),))
