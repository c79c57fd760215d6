"""Parts of chords, each counted once, at a cost that does not grow with what was counted before.

What must stay true: whoever counts holds the row of each chord locked, so that `counted` grows by
exactly the parts that were not there; rows are locked in one order, so that nobody waits for one
who waits for him.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.canvas.chords import ChordCount, ChordGrowth, ChordOpening, ChordPart
from ...domain.messaging.payload import Payload
from .flavour import Flavour, KeyedTable
from .transaction import Row, Transaction

_KEY: Final = ("group_id", "task_id")
_PART: Final = KeyedTable(
    "celeriac_chord_part",
    {
        "group_id": "text",
        "task_id": "text",
        "position": "integer",
        "size": "integer",
        "status": "text",
        "result": "bytea",
        "content_type": "text",
        "content_encoding": "text",
    },
    _KEY,
)
_GROWTH: Final = KeyedTable("celeriac_chord_growth", {"group_id": "text", "task_id": "text"}, _KEY)
_CHORD: Final = ("group_id", "size", "grown", "counted", "fired", "closed", "created")
#: Chords in one statement: databases limit the size of a statement, not the number of statements.
_AT_ONCE: Final = 1000

#: Sizes of chords as they were told, by group id.
Sizes = dict[str, int | None]


@dataclass(slots=True)
class Chord:
    """A chord whose row is locked. `open`: its completion is not published yet."""

    size: int | None
    counted: int
    open: bool


def sizes_of(
    openings: Iterable[ChordOpening], parts: Iterable[ChordPart], others: Iterable[str] = ()
) -> Sizes:
    """Return the chords among these, each with the first size that anybody told."""
    sizes: Sizes = {}
    tellers: list[ChordOpening | ChordPart] = [*openings, *parts]
    for told in tellers:
        if sizes.get(told.group_id) is None:
            sizes[told.group_id] = told.size
    for group_id in others:
        sizes.setdefault(group_id, None)
    return sizes


def lock(
    transaction: Transaction,
    flavour: Flavour,
    sizes: Sizes,
    now: int,
    grows: Sequence[ChordGrowth] = (),
) -> dict[str, Chord]:
    """Lock chords, making those that are not there; a size that is known already stays.

    Those that grow wait for so many parts more from now on.
    """
    incoming = flavour.incoming
    changes = (
        f"created = {incoming('created')}, size = COALESCE(celeriac_chord.size, {incoming('size')})"
    )
    rows = [(group_id, sizes[group_id], 0, 0, 0, 0, now) for group_id in sorted(sizes)]
    flavour.bulk(transaction, flavour.touch("celeriac_chord", _CHORD, ["group_id"], changes), rows)
    if grows:
        _grow(transaction, flavour, grows)
    found = transaction.rows(
        "SELECT group_id, size + grown, counted, fired, closed"  # noqa: S608 - names of ours
        f" FROM celeriac_chord WHERE {flavour.among('group_id')}",
        (flavour.listed(list(sizes)),),
    )
    return {
        group_id: Chord(size, counted, not (fired or closed))
        for group_id, size, counted, fired, closed in found
    }


def count(
    transaction: Transaction,
    flavour: Flavour,
    chords: Mapping[str, Chord],
    parts: Sequence[ChordPart],
    *,
    firing: bool = False,
) -> list[ChordCount]:
    """Count parts of locked chords; each answer tells of the parts before it.

    With `firing` a chord is due in one answer only, and never again.
    """
    fresh = _insert(transaction, flavour, [part for part in parts if chords[part.group_id].open])
    counts, changed = [], set()
    for part in parts:
        chord, key = chords[part.group_id], (part.group_id, part.task_id)
        if key in fresh:
            fresh.remove(key)
            chord.counted += 1
            changed.add(part.group_id)
        due = chord.open and chord.size is not None and chord.counted >= chord.size
        if due and firing:
            chord.open = False
            changed.add(part.group_id)
        counts.append(ChordCount(part.group_id, chord.counted, chord.size, due))
    _note(transaction, {group_id: chords[group_id] for group_id in sorted(changed)})
    return counts


def close(transaction: Transaction, flavour: Flavour, group_ids: Sequence[str]) -> None:
    """Note that bodies of locked chords are published, and delete the parts."""
    listed = (flavour.listed(sorted(group_ids)),)
    where = flavour.among("group_id")
    transaction.run(f"UPDATE celeriac_chord SET closed = 1 WHERE {where}", listed)  # noqa: S608
    for table in ("celeriac_chord_part", "celeriac_chord_growth"):
        transaction.run(f"DELETE FROM {table} WHERE {where}", listed)  # noqa: S608


def fetch_parts(transaction: Transaction, group_id: str) -> list[ChordPart]:
    """Return the parts of a chord by index; those without one come last."""
    rows = transaction.rows(
        f"SELECT {', '.join(_PART.columns)} FROM {_PART.name} WHERE group_id = ?",  # noqa: S608
        (group_id,),
    )
    parts = [_part(row) for row in rows]
    return sorted(parts, key=lambda part: (part.index is None, part.index or 0))


def forget(transaction: Transaction, flavour: Flavour, group_ids: Sequence[str]) -> None:
    """Delete chords with their parts."""
    where = flavour.among("group_id")
    for begin in range(0, len(group_ids), _AT_ONCE):
        listed = (flavour.listed(sorted(group_ids[begin : begin + _AT_ONCE])),)
        for table in ("celeriac_chord", "celeriac_chord_part", "celeriac_chord_growth"):
            transaction.run(f"DELETE FROM {table} WHERE {where}", listed)  # noqa: S608


def expire(transaction: Transaction, flavour: Flavour, before: int) -> None:
    """Delete chords that were not touched since, and with them what tells that they are closed."""
    # Locked before their parts go: one that is counted just now is passed over, not emptied.
    rows = transaction.rows(
        f"SELECT group_id FROM celeriac_chord WHERE created < ? ORDER BY group_id{flavour.take}",  # noqa: S608
        (before,),
    )
    forget(transaction, flavour, [group_id for (group_id,) in rows])


def _grow(transaction: Transaction, flavour: Flavour, grows: Sequence[ChordGrowth]) -> None:
    """Let locked chords wait for more, once for each key."""
    told = {(one.group_id, one.key): one.by for one in grows}
    fresh = flavour.insert_missing(transaction, _GROWTH, sorted(told))
    by: Counter[str] = Counter()
    for key in fresh:
        by[key[0]] += told[key]
    if by:
        sql = "UPDATE celeriac_chord SET grown = grown + ? WHERE group_id = ? AND closed = 0"
        transaction.many(sql, [(by[group_id], group_id) for group_id in sorted(by)])


def _insert(
    transaction: Transaction, flavour: Flavour, parts: Sequence[ChordPart]
) -> set[tuple[str, str]]:
    """Keep the parts that are not there yet; return the keys of those."""
    rows: dict[tuple[str, str], Row] = {}
    for part in parts:
        rows.setdefault((part.group_id, part.task_id), _row(part))
    if not rows:
        return set()
    ordered = [rows[key] for key in sorted(rows)]
    return flavour.insert_missing(transaction, _PART, ordered)


def _note(transaction: Transaction, chords: Mapping[str, Chord]) -> None:
    if chords:
        transaction.many(
            "UPDATE celeriac_chord SET counted = ?, fired = ? WHERE group_id = ?",
            [(chord.counted, int(not chord.open), name) for name, chord in chords.items()],
        )


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
