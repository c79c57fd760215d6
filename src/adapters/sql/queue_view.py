"""What operators do with queues: count, look, empty, pause, and see to dead letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ...domain.messaging.delivery import DeadMessage
from ...domain.messaging.message import TaskMessage
from .envelope import READ, dead_of, message_of
from .flavour import Flavour
from .schema import DEAD, NOBODY, PARKED, READY
from .transaction import Transaction

#: Rows read at a time while looking for some that can be read.
_PAGE: Final = 100


def depth(transaction: Transaction, flavour: Flavour, queues: Sequence[str]) -> Mapping[str, int]:
    """Count what is ready or parked in each queue."""
    counts = dict.fromkeys(queues, 0)
    if not counts:
        return counts
    for state in (READY, PARKED):
        rows = transaction.rows(
            f"SELECT queue, count(*) FROM celeriac_message WHERE state = {state}"  # noqa: S608
            f" AND {flavour.among('queue')} GROUP BY queue",
            (flavour.listed(list(counts)),),
        )
        for queue, number in rows:
            counts[queue] += number
    return counts


def peek(transaction: Transaction, queue: str, limit: int, now: int) -> list[TaskMessage]:
    """Return the messages that would be claimed next and can be read."""
    found: list[TaskMessage] = []
    skip = 0
    while len(found) < limit:
        rows = transaction.rows(
            f"SELECT {READ} FROM celeriac_message WHERE queue = ? AND (state = {READY}"  # noqa: S608
            f" OR (state = {PARKED} AND due <= ?)) ORDER BY place, id LIMIT ? OFFSET ?",
            (queue, now, _PAGE, skip),
        )
        found += filter(None, map(message_of, rows))
        skip += _PAGE
        if len(rows) < _PAGE:
            break
    return found[: max(limit, 0)]


def purge(transaction: Transaction, flavour: Flavour, queues: Sequence[str]) -> int:
    """Delete what is ready or parked."""
    if not queues:
        return 0
    return sum(
        transaction.run(
            f"DELETE FROM celeriac_message WHERE state = {state} AND {flavour.among('queue')}",  # noqa: S608
            (flavour.listed(list(queues)),),
        )
        for state in (READY, PARKED)
    )


def pause(transaction: Transaction, flavour: Flavour, queue: str, *, paused: bool) -> None:
    """Close a queue to claims, or open it again."""
    sql = flavour.upsert("celeriac_queue", ["name", "paused"], ["name"])
    transaction.run(sql, (queue, int(paused)))
    if not paused:
        transaction.announce("message")


def paused(transaction: Transaction) -> set[str]:
    """Return the names of all queues that are closed to claims."""
    rows = transaction.rows("SELECT name FROM celeriac_queue WHERE paused = 1")
    return {str(name) for (name,) in rows}


def dead(transaction: Transaction, queue: str, limit: int) -> list[DeadMessage]:
    """Return dead letters, newest first."""
    rows = transaction.rows(
        f"SELECT {READ}, reason, detail, died_at FROM celeriac_message"  # noqa: S608
        f" WHERE queue = ? AND state = {DEAD} ORDER BY died_at DESC, id DESC LIMIT ?",
        (queue, max(limit, 0)),
    )
    return [dead_of(row) for row in rows]


def revive(
    transaction: Transaction, flavour: Flavour, queue: str, tags: Sequence[str | int]
) -> int:
    """Put dead letters at the end of their queue, as if they had never been claimed."""
    wanted = [int(tag) for tag in tags if str(tag).isdecimal()]
    if not wanted:
        return 0
    rows = transaction.rows(
        f"SELECT id FROM celeriac_message WHERE {flavour.among('id', 'bigint')}"  # noqa: S608
        f" AND queue = ? AND state = {DEAD}{flavour.take}",
        (flavour.listed(wanted), queue),
    )
    there = {row[0] for row in rows}
    revived = [(tag,) for tag in dict.fromkeys(wanted) if tag in there]
    if revived:
        # A new id is a new place at the end.
        transaction.many(
            "INSERT INTO celeriac_message (queue, state, place, task_id, fence, claims, started,"  # noqa: S608
            f" crashes, head, body) SELECT queue, {READY}, place, task_id, {NOBODY}, 0, 0, 0, head,"
            " body FROM celeriac_message WHERE id = ?",
            revived,
        )
        transaction.many("DELETE FROM celeriac_message WHERE id = ?", revived)
        transaction.announce("message")
    return len(revived)
