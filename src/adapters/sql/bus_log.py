"""What was said lately, as rows; and who has heard up to where.

What must stay true: rows become visible in the order of their numbers. A number that the database
counts up by itself would not do: of two transactions the later number may be committed first, and
whoever read it would never look back for the earlier. So whoever speaks first moves a counter, and
the counter's row stays locked until the commit.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from ...domain.cluster.speech import BusMessage
from .flavour import Flavour
from .transaction import Transaction

#: Milliseconds: how far a listener may fall behind before it misses something.
KEPT: Final = 300_000
#: Messages a row: bounds how long a row gets.
ROW_OF: Final = 200
#: Rows a look.
PAGE: Final = 500
#: Rows that one transaction deletes: short enough to be in nobody's way.
PRUNED: Final = 5_000

_COUNT: Final = "UPDATE celeriac_counter SET reached = reached + ? WHERE name = 'bus'"
_REACHED: Final = "SELECT reached FROM celeriac_counter WHERE name = 'bus'"
_INSERT: Final = "INSERT INTO celeriac_bus (id, channel, body, said_at) VALUES (?, ?, ?, ?)"
_OLDEST: Final = "SELECT id FROM celeriac_bus ORDER BY id LIMIT 1"
_FIRST_KEPT: Final = "SELECT id FROM celeriac_bus WHERE said_at >= ? ORDER BY id LIMIT 1"
_PRUNE: Final = "DELETE FROM celeriac_bus WHERE id < ?"

#: A row as it is written: the channel, and messages of it as JSON.
Row = tuple[str, str]


def encoded(messages: Sequence[BusMessage]) -> list[Row]:
    """Return the rows that messages make: each holds neighbours of one channel."""
    rows: list[Row] = []
    for channel, neighbours in groupby(messages, lambda message: message.channel):
        said = [(message.key, message.body, dict(message.headers)) for message in neighbours]
        rows += (
            (channel, json.dumps(said[start : start + ROW_OF], separators=(",", ":")))
            for start in range(0, len(said), ROW_OF)
        )
    return rows


def say(transaction: Transaction, flavour: Flavour, rows: Sequence[Row], now: int) -> None:
    """Add rows after all others."""
    if not transaction.run(_COUNT, (len(rows),)):
        columns = ["name", "reached"]
        transaction.run(flavour.keep("celeriac_counter", columns, ["name"]), ("bus", 0))
        transaction.run(_COUNT, (len(rows),))
    first = reached(transaction) - len(rows) + 1
    transaction.many(
        _INSERT,
        [(number, channel, body, now) for number, (channel, body) in enumerate(rows, first)],
    )


def reached(transaction: Transaction) -> int:
    """Return the number of the last row that was said."""
    rows = transaction.rows(_REACHED)
    return int(rows[0][0]) if rows else 0


def hear(
    transaction: Transaction, flavour: Flavour, channels: Sequence[str], after: int
) -> tuple[Sequence[BusMessage], int]:
    """Return what was said on these channels after a number, and the number heard up to."""
    last = reached(transaction)
    if last <= after:
        # Less than before only if the tables were made anew, or restored from a backup; what is
        # in there then was said long ago, and is no command for today.
        return (), last
    sql = (
        "SELECT id, channel, body FROM celeriac_bus WHERE id > ? AND id <= ? "  # noqa: S608
        f"AND {flavour.among('channel')} ORDER BY id LIMIT {PAGE}"
    )
    rows = transaction.rows(sql, (after, last, flavour.listed(channels)))
    heard = [
        BusMessage(channel, body, key, headers)
        for _, channel, said in rows
        for key, body, headers in json.loads(said)
    ]
    return heard, (int(rows[-1][0]) if len(rows) == PAGE else last)


def expired(transaction: Transaction, now: int) -> int:
    """Return the number below which rows are old; 0 when there is nothing to delete.

    Reads old rows only: their order is that of their times, as far as clocks agree.
    """
    oldest = transaction.rows(_OLDEST)
    if not oldest:
        return 0
    first = int(oldest[0][0])
    kept = transaction.rows(_FIRST_KEPT, (now - KEPT,))
    end = int(kept[0][0]) if kept else reached(transaction) + 1
    return min(end, first + PRUNED) if end > first else 0


def prune(transaction: Transaction, below: int) -> int:
    """Delete rows below a number; return how many."""
    return transaction.run(_PRUNE, (below,))
