"""Counting the parts of chords in DynamoDB.

A chord is an item with numbers (its head), an item for each part by task id, and rolls: lists of
these items, since a table without a sort key cannot be asked for them. What must stay true: parts
are written in one transaction with the head that counts them, which is written only if nobody
has changed it since it was read; so a part counts once, and one of all is the last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import uniform
from time import sleep
from typing import Any, Final

from ....domain.canvas.chords import ChordCount, ChordGrowth, ChordOpening, ChordPart
from ....domain.documents.meta_reading import chord_part_of
from ....domain.errors import BackendGetMetaError, BackendUnavailable
from .items import Press, number, size_of, whole
from .store import TRANSACTION, TRANSACTION_BYTES, Action, DynamoStore, Item

#: Parts in one transaction, beside the head and the roll; rolls stay far below 400 KB.
_AT_ONCE: Final = TRANSACTION - 2
#: How often a chord is looked at again because somebody else has just counted, and the longest
#: pause in between (seconds).
_TRIES: Final = 60
_PAUSE: Final = 0.25
_HEAD: Final = ("version", "counted", "size", "grown", "rolls", "closed")


@dataclass(slots=True)
class _Head:
    """How far a chord has come. `size` and `grown` make up how many parts it will have."""

    version: int = 0
    counted: int = 0
    size: int | None = None
    grown: int = 0
    rolls: int = 0
    closed: bool = False

    @classmethod
    def of(cls, item: Item | None) -> _Head:
        if item is None:
            return cls()
        return cls(
            whole(item, "version") or 0,
            whole(item, "counted") or 0,
            whole(item, "size"),
            whole(item, "grown") or 0,
            whole(item, "rolls") or 0,
            "closed" in item,
        )

    def count(self, part: ChordPart, known: set[str]) -> ChordCount:
        """Count a part unless it was counted already, or the chord is closed."""
        if not self.closed:
            self.size = part.size if self.size is None else self.size
            if part.task_id not in known:
                known.add(part.task_id)
                self.counted += 1
        size = None if self.size is None else self.size + self.grown
        due = size is not None and self.counted >= size and not self.closed
        return ChordCount(part.group_id, self.counted, size, due)


class DynamoChords:
    """The chords in a table."""

    def __init__(self, store: DynamoStore, press: Press) -> None:
        self._store, self._press, self._names = store, press, press.names

    def open(self, opening: ChordOpening) -> None:
        """Tell how many parts a chord will have, unless it is known."""
        how = "if_not_exists(#size, :size)"
        self._change(opening.group_id, "size", number(opening.size), how, unless="closed")

    def grow(self, growth: ChordGrowth) -> None:
        """Let a chord wait for more parts."""
        mark = self._names.growth(growth.group_id, growth.key)
        for _ in self._tries(growth.group_id):
            head, known = self._look(growth.group_id, [mark])
            if head.closed or known:
                return
            old, head.grown = _copied(head), head.grown + growth.by
            item = {"id": {"S": mark}, **self._press.chord_times(self._store.now())}
            if self._commit(growth.group_id, old, head, [item]):
                return

    def count(self, parts: Sequence[ChordPart]) -> list[ChordCount]:
        """Count parts of one chord."""
        counts: list[ChordCount] = []
        now = self._store.now()
        items = [self._press.part(part, now) for part in parts]
        for first, end in _portions([size_of(item) for item in items]):
            counts += self._count(parts[first:end], items[first:end])
        return counts

    def parts(self, group_id: str) -> list[ChordPart]:
        """Return the counted parts of a chord in the order of their index.

        Raises BackendGetMetaError if one is gone: a body must not be run with some of them.
        """
        head, _ = self._look(group_id, ())
        if head.closed:
            return []
        ids = [one for one in self._listed(group_id, head) if self._names.is_part(one)]
        found = self._store.read(ids, ("result", "index"))
        if len(found) < head.counted:
            head, _ = self._look(group_id, ())
            if head.closed:  # meanwhile
                return []
            raise BackendGetMetaError(
                f"{self._store.url}: of {head.counted} parts that were counted for the chord "
                f"{group_id!r} only {len(found)} are left: ttl_seconds or result_chord_expires "
                "must be longer than a chord takes"
            )
        encoding = self._press.encoding
        parts = [
            chord_part_of(
                found[one]["result"]["B"], _index(found[one]), group_id, head.size, one, encoding
            )
            for one in ids
        ]
        return sorted(parts, key=lambda part: (part.index is None, part.index or 0))

    def close(self, group_id: str) -> None:
        """Note that a body is published, and delete the parts."""
        head = _Head.of(self._change(group_id, "closed", {"BOOL": True}))
        self._delete_listed(group_id, head)

    def forget(self, group_id: str) -> None:
        """Delete all of a chord."""
        head, _ = self._look(group_id, ())
        self._delete_listed(group_id, head)
        self._store.delete([self._names.chord(group_id)])

    # -- steps

    def _count(self, parts: Sequence[ChordPart], items: Sequence[Item]) -> list[ChordCount]:
        group_id = parts[0].group_id
        ids = [item["id"]["S"] for item in items]
        for _ in self._tries(group_id):
            head, there = self._look(group_id, ids)
            old = _copied(head)
            known = {part.task_id for part, one in zip(parts, ids, strict=True) if one in there}
            fresh: dict[str, Item] = {}
            for one, item in zip(ids, items, strict=True):
                if one not in there:
                    fresh.setdefault(one, item)  # the first word of a part is kept
            counts = [head.count(part, known) for part in parts]
            if head == old or self._commit(group_id, old, head, list(fresh.values())):
                return counts
        raise AssertionError("the tries end by an exception")

    def _look(self, group_id: str, ids: Sequence[str]) -> tuple[_Head, set[str]]:
        """Return the head, and which of these items there are."""
        name = self._names.chord(group_id)
        found = self._store.read([name, *ids], _HEAD)
        return _Head.of(found.pop(name, None)), set(found)

    def _commit(self, group_id: str, old: _Head, new: _Head, items: Sequence[Item]) -> bool:
        """Write the head with what it counts; False: somebody else was faster."""
        actions: list[Action] = []
        if items:
            roll = {
                "id": {"S": self._names.roll(group_id, new.rolls)},
                "ids": {"L": [item["id"] for item in items]},
                **self._press.chord_times(self._store.now()),
            }
            new.rolls += 1
            actions = [_new(item) for item in (roll, *items)]
        return self._store.attempt([self._head(group_id, old, new), *actions]) is None

    def _head(self, group_id: str, old: _Head, new: _Head) -> Action:
        numbers = {
            "version": old.version + 1,
            "counted": new.counted,
            "size": new.size,
            "grown": new.grown,
            "rolls": new.rolls,
        }
        item = {
            "id": {"S": self._names.chord(group_id)},
            **{name: number(value) for name, value in numbers.items() if value is not None},
            **self._press.chord_times(self._store.now()),
        }
        unchanged: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(#version)"}
        if old.version:
            unchanged = {
                "ConditionExpression": "#version = :version",
                "ExpressionAttributeValues": {":version": number(old.version)},
            }
        names = {"#version": "version"}
        return {"Put": {"Item": item, "ExpressionAttributeNames": names, **unchanged}}

    def _change(
        self, group_id: str, name: str, value: Item, how: str = "", unless: str | None = None
    ) -> Item | None:
        """Set something of a head, whatever else it says; None: it has `unless`."""
        values = {name: value, **self._press.chord_times(self._store.now())}
        sets = [f"#{one} = {(one == name and how) or f':{one}'}" for one in values]
        names = {f"#{one}": one for one in (*values, "version", *([unless] if unless else ()))}
        condition = {"ConditionExpression": f"attribute_not_exists(#{unless})"} if unless else {}
        return self._store.update(
            Key={"id": {"S": self._names.chord(group_id)}},
            UpdateExpression=f"SET {', '.join(sets)} ADD #version :by",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={
                **{f":{one}": told for one, told in values.items()},
                ":by": number(1),
            },
            **condition,
        )

    def _listed(self, group_id: str, head: _Head) -> list[str]:
        rolls = self._rolls(group_id, head)
        found = self._store.read(rolls, ("ids",))
        return [one["S"] for roll in rolls if roll in found for one in found[roll]["ids"]["L"]]

    def _rolls(self, group_id: str, head: _Head) -> list[str]:
        return [self._names.roll(group_id, which) for which in range(head.rolls)]

    def _delete_listed(self, group_id: str, head: _Head) -> None:
        # The rolls last: whoever goes on after a crash finds the rest by them.
        self._store.delete(self._listed(group_id, head))
        self._store.delete(self._rolls(group_id, head))

    def _tries(self, group_id: str) -> Iterator[None]:
        for attempt in range(_TRIES):
            yield
            sleep(uniform(0, min(_PAUSE, 0.01 * 2**attempt)))  # noqa: S311 - it spreads
        raise BackendUnavailable(
            f"{self._store.url}: the chord {group_id!r} changes all the time; try again"
        )


def _new(item: Item) -> Action:
    condition = {
        "ConditionExpression": "attribute_not_exists(#id)",
        "ExpressionAttributeNames": {"#id": "id"},
    }
    return {"Put": {"Item": item, **condition}}


def _copied(head: _Head) -> _Head:
    return _Head(head.version, head.counted, head.size, head.grown, head.rolls, head.closed)


def _index(item: Item) -> float | None:
    return whole(item, "index")


def _portions(sizes: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Return from where to where parts go into one transaction."""
    first, total, end = 0, 0, 0
    for end, size in enumerate(sizes):
        if end - first == _AT_ONCE or (end > first and total + size > TRANSACTION_BYTES):
            yield first, end
            first, total = end, 0
        total += size
    yield first, end + 1
