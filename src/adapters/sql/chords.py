"""Parts of chords, each counted once; whoever counts the last one is told so, once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...domain.canvas.chords import ChordCount, ChordPart
from ...domain.messaging.payload import Payload
from .flavour import Flavour
from .transaction import Row, Transaction

_PART: Final = (
    "group_id", "task_id", "position", "size", "status", "result", "content_type",
    "content_encoding",
)  # fmt: skip


def insert_parts(
    transaction: Transaction, flavour: Flavour, parts: Sequence[ChordPart], now: int
) -> None:
    """Keep parts that are not there yet, without looking how far their chords have come."""
    chords = sorted({part.group_id: (part.group_id, part.size, 0, now) for part in parts}.values())
    # The chord's row is locked first, and in one order: two that count its last two parts must
    # not overlook one another, nor wait for each other.
    columns = ["group_id", "size", "fired", "created"]
    for chord in chords:
        transaction.run(flavour.touch("celeriac_chord", columns, ["group_id"], "created"), chord)
    rows = [_row(part) for part in parts]
    transaction.many(flavour.keep("celeriac_chord_part", _PART, ["group_id", "task_id"]), rows)


def count_parts(
    transaction: Transaction, flavour: Flavour, parts: Sequence[ChordPart], now: int
) -> list[ChordCount]:
    """Count parts one after the other, so that each answer tells of the parts before it."""
    known = _known(transaction, flavour, parts)
    insert_parts(transaction, flavour, parts, now)
    # Read again under the lock: others may have counted in between.
    after = _known(transaction, flavour, parts)
    mine = {(part.group_id, part.task_id) for part in parts}
    counted = {
        group_id: {task_id for task_id in tasks if (group_id, task_id) not in mine}
        | known.get(group_id, set())
        for group_id, tasks in after.items()
    }
    return [_count(transaction, part, counted[part.group_id]) for part in parts]


def fetch_parts(transaction: Transaction, group_id: str) -> list[ChordPart]:
    """Return the parts of a chord by index; those without one come last."""
    rows = transaction.rows(
        f"SELECT {', '.join(_PART)} FROM celeriac_chord_part WHERE group_id = ?",  # noqa: S608
        (group_id,),
    )
    parts = [_part(row) for row in rows]
    return sorted(parts, key=lambda part: (part.index is None, part.index or 0))


def forget_chords(transaction: Transaction, flavour: Flavour, group_ids: Sequence[str]) -> None:
    """Delete what was counted."""
    listed = (flavour.listed(list(group_ids)),)
    where = flavour.among("group_id")
    for table in ("celeriac_chord", "celeriac_chord_part"):
        transaction.run(f"DELETE FROM {table} WHERE {where}", listed)  # noqa: S608


def expire_chords(transaction: Transaction, before: int) -> None:
    """Delete what was counted of chords that were not touched since."""
    transaction.run(
        "DELETE FROM celeriac_chord_part WHERE group_id IN"
        " (SELECT group_id FROM celeriac_chord WHERE created < ?)",
        (before,),
    )
    transaction.run("DELETE FROM celeriac_chord WHERE created < ?", (before,))


def _known(
    transaction: Transaction, flavour: Flavour, parts: Sequence[ChordPart]
) -> dict[str, set[str]]:
    groups = list({part.group_id for part in parts})
    known: dict[str, set[str]] = {group: set() for group in groups}
    rows = transaction.rows(
        "SELECT group_id, task_id FROM celeriac_chord_part"  # noqa: S608
        f" WHERE {flavour.among('group_id')}",
        (flavour.listed(groups),),
    )
    for group_id, task_id in rows:
        known[group_id].add(task_id)
    return known


def _count(transaction: Transaction, part: ChordPart, counted: set[str]) -> ChordCount:
    counted.add(part.task_id)
    first = len(counted) >= (part.size or 0) and _fire(transaction, part.group_id)
    return ChordCount(part.group_id, len(counted), part.size, first)


def _fire(transaction: Transaction, group_id: str) -> bool:
    sql = "UPDATE celeriac_chord SET fired = 1 WHERE group_id = ? AND fired = 0"
    return transaction.run(sql, (group_id,)) == 1


def _row(part: ChordPart) -> Row:
    result = part.result
    encoded = (None,) * 3 if result is None else (
        result.data, result.content_type, result.content_encoding
    )  # fmt: skip
    return (part.group_id, part.task_id, part.index, part.size, part.state, *encoded)


def _part(row: Row) -> ChordPart:
    group_id, task_id, index, size, status, data, content_type, encoding = row
    result = None if data is None else Payload(bytes(data), content_type, encoding)
    return ChordPart(group_id, task_id, index, size, status, result)
