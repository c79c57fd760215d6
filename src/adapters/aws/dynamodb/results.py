"""The result backend on DynamoDB, in Celery's items and documents.

What must stay true: a write keeps `states.may_replace` by a condition that DynamoDB looks at, or
for what Celery wrote, which says its state in its document only, by the document still being the
one that was read; nothing pushes here, so a watch looks again, less and less often.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from ....domain.canvas.chords import ChordCount, ChordGrowth, ChordOpening, ChordPart
from ....domain.documents.meta import PLAIN, Encoding
from ....domain.documents.meta_reading import Ends, group_of, is_old, record_of
from ....domain.errors import BackendGetMetaError, BackendUnavailable, ResultTooLarge
from ....domain.tasks import states
from ....domain.tasks.result_record import GroupRecord, ResultRecord
from ....ports.results import ResultBackend, ResultCapabilities
from .chords import DynamoChords
from .items import AROUND, Names, Press, number, size_of
from .store import Action, DynamoStore, Item

#: An item holds 400 KB. A result may be a fifth larger in its document than by itself, and has
#: a traceback, arguments and children beside it.
_ITEM: Final = 400 * 1024
MAX_BYTES: Final = 300_000
#: Pauses between two looks of a watch, in seconds: the first, how they grow, the longest.
_PAUSE: Final = 0.05
_GROWTH: Final = 1.5
_LONGEST_PAUSE: Final = 1.0
#: How often a record is tried again because another wrote the same one in between.
_TRIES: Final = 20
_READY: Final = {f":s{n}": state for n, state in enumerate(sorted(states.READY_STATES))}


class DynamoResults(ResultBackend):
    """Results in a DynamoStore.

    `key_prefix` is `global_keyprefix` of `result_backend_transport_options`, `encoding` what
    `result_serializer` and `result_compression` say. With `ttl_seconds` in the URL DynamoDB
    deletes what is old by itself; chords are then kept for `chord_expires` seconds at least.
    """

    def __init__(
        self,
        store: DynamoStore,
        *,
        key_prefix: str = "",
        encoding: Encoding = PLAIN,
        chord_expires: int | None = None,
    ) -> None:
        self.dynamo = store
        self._names = Names.after(key_prefix)
        self._encoding = encoding
        self._press = Press.of(store.address, self._names, encoding, chord_expires)
        self._chords = DynamoChords(store, self._press)

    @property
    def capabilities(self) -> ResultCapabilities:
        """Everything; workers delete nothing that is old, since they would read the whole table."""
        return ResultCapabilities(
            expires_itself=True, keeps_failures_apart=False, max_bytes=MAX_BYTES
        )

    @property
    def url(self) -> str:
        """Where the table is, without credentials."""
        return self.dynamo.url

    def open(self) -> None:
        """Connect, and make the table if there is none."""
        self.dynamo.open()

    def close(self) -> None:
        """Let go of connections."""
        self.dynamo.close()

    # -- records

    def store(self, records: Sequence[ResultRecord]) -> None:
        """Write records. Raises ResultTooLarge, and then nothing of the batch is written."""
        now = self.dynamo.now()
        latest = _latest(records)
        items = [self._press.record(record, now) for record in latest]
        for record, item in zip(latest, items, strict=True):
            _check(record, item)
        actions = [
            (_over(record.state, item), size_of(item))
            for record, item in zip(latest, items, strict=True)
        ]
        for which, kept in self.dynamo.each(actions).items():
            # What says its state has been compared already.
            if kept is None or "state" not in kept:
                self._swap(latest[which], items[which], kept)

    def fetch(self, task_ids: Sequence[str]) -> Sequence[ResultRecord | None]:
        """Return the records of these ids. Raises BackendGetMetaError for an unreadable one."""
        return self._fetch(task_ids, consistent=True)

    def watch(self, task_ids: Sequence[str], wait: float) -> Sequence[ResultRecord]:
        """Return those ready, looking again until there is one."""
        clock = self.dynamo.clock
        end = clock.monotonic() + wait
        names = list(dict.fromkeys(task_ids))
        ready, pause = self._ready(names, consistent=True), _PAUSE
        while not ready and names and (left := end - clock.monotonic()) > 0:
            clock.wait(min(pause, left))
            pause = min(_GROWTH * pause, _LONGEST_PAUSE)
            # Half the price: what is not seen yet the next look will see.
            ready = self._ready(names, consistent=False)
        return ready

    def forget(self, task_ids: Sequence[str]) -> None:
        """Delete records."""
        self.dynamo.delete([self._names.task(task_id) for task_id in task_ids])

    # -- groups and chords

    def save_groups(self, groups: Sequence[GroupRecord]) -> None:
        """Keep groups."""
        now = self.dynamo.now()
        self.dynamo.put([self._press.group(group, now) for group in groups])

    def fetch_groups(self, group_ids: Sequence[str]) -> Sequence[GroupRecord | None]:
        """Return saved groups; one that Celery saved counts as saved when it was written."""
        ids = [self._names.group(group_id) for group_id in group_ids]
        found = self.dynamo.read(ids, ("result", "timestamp"))
        return [
            self._group(group_id, name, found.get(name))
            for group_id, name in zip(group_ids, ids, strict=True)
        ]

    def forget_groups(self, group_ids: Sequence[str]) -> None:
        """Delete groups and the counts of their chords."""
        for group_id in dict.fromkeys(group_ids):
            self._chords.forget(group_id)
        self.dynamo.delete([self._names.group(group_id) for group_id in group_ids])

    def open_chords(self, openings: Sequence[ChordOpening]) -> None:
        """Tell how many parts chords will have."""
        for opening in openings:
            self._chords.open(opening)

    def grow_chords(self, growths: Sequence[ChordGrowth]) -> None:
        """Let chords wait for more parts."""
        for growth in growths:
            self._chords.grow(growth)

    def count_parts(self, parts: Sequence[ChordPart]) -> Sequence[ChordCount]:
        """Count parts, a transaction for up to a hundred of one chord."""
        places: dict[str, list[int]] = {}
        for place, part in enumerate(parts):
            places.setdefault(part.group_id, []).append(place)
        counts: dict[int, ChordCount] = {}
        for some in places.values():
            counted = self._chords.count([parts[place] for place in some])
            counts |= dict(zip(some, counted, strict=True))
        return [counts[place] for place in range(len(parts))]

    def fetch_parts(self, group_id: str) -> Sequence[ChordPart]:
        """Return the counted parts of a chord. Raises BackendGetMetaError for an unreadable one."""
        return self._chords.parts(group_id)

    def close_chords(self, group_ids: Sequence[str]) -> None:
        """Note that bodies are published, and delete the parts."""
        for group_id in dict.fromkeys(group_ids):
            self._chords.close(group_id)

    # -- retention

    def expire(self, before: datetime | None, failed_before: datetime | None) -> int:
        """Delete what is old, by a look at the whole table, which is paid for as such."""
        ends = [end.timestamp() for end in (before, failed_before) if end is not None]
        if not ends:
            return 0
        found = list(self.dynamo.scan(**self._filter(max(ends))))
        task, group, chord = self._names.beginnings
        old = [
            item
            for item in found
            if item["id"]["S"].startswith((task, group))
            and self._is_old(item, Ends(before, failed_before), item["id"]["S"].startswith(group))
        ]
        if before is not None:
            names = (item["id"]["S"] for item in found if self.dynamo.moment(item) < before)
            for name in names:
                if name.startswith(chord):
                    self._chords.forget(name.removeprefix(chord))
        return len(old) - len(self.dynamo.each([(_unchanged(item), AROUND) for item in old]))

    def _filter(self, end: float) -> dict[str, Any]:
        """Return how the table is looked through; documents of Celery's say their time inside."""
        task, group, chord = self._names.beginnings
        names = {"#id": "id", "#done": "done", "#state": "state", "#timestamp": "timestamp"}
        mine = "(begins_with(#id, :task) OR begins_with(#id, :group))"
        theirs = "(attribute_not_exists(#done) AND attribute_not_exists(#state))"
        return {
            "FilterExpression": (
                f"({mine} AND (#done < :end OR ({theirs} AND #timestamp < :end)))"
                " OR (begins_with(#id, :chord) AND #timestamp < :end)"
            ),
            "ProjectionExpression": "#id, #done, #timestamp, #result",
            "ExpressionAttributeNames": {**names, "#result": "result"},
            "ExpressionAttributeValues": {
                ":task": {"S": task},
                ":group": {"S": group},
                ":chord": {"S": chord},
                ":end": number(end),
            },
        }

    def _is_old(self, item: Item, ends: Ends, group: bool) -> bool:
        if group and "done" not in item:
            return ends.results is not None and self.dynamo.moment(item) < ends.results
        data = item.get("result", {}).get("B")
        return data is not None and is_old(data, ends, self._encoding)

    # -- steps

    def _swap(self, record: ResultRecord, item: Item, kept: Item | None) -> None:
        """Write a record over a document whose state only the document says."""
        for _ in range(_TRIES):
            data = None if kept is None else kept.get("result", {}).get("B", b"")
            if not states.may_replace(self._state(data, record.task_id), record.state):
                return
            refused = self.dynamo.attempt([_in_place_of(data, item)])
            if refused is None:
                return
            kept = refused[0]
        raise BackendUnavailable(
            f"{self.url}: the result of {record.task_id!r} changes all the time; try again"
        )

    def _state(self, data: bytes | None, task_id: str) -> str | None:
        try:
            return None if data is None else record_of(data, task_id, self._encoding).state
        except BackendGetMetaError:
            return None

    def _fetch(self, task_ids: Sequence[str], *, consistent: bool) -> list[ResultRecord | None]:
        ids = [self._names.task(task_id) for task_id in task_ids]
        found = self.dynamo.read(ids, ("result",), consistent=consistent)
        kept = [found.get(name, {}).get("result", {}).get("B") for name in ids]
        return [
            None if data is None else record_of(data, name, self._encoding)
            for name, data in zip(ids, kept, strict=True)
        ]

    def _ready(self, names: Sequence[str], *, consistent: bool) -> list[ResultRecord]:
        found = self._fetch(names, consistent=consistent)
        return [record for record in found if record is not None and record.ready]

    def _group(self, group_id: str, name: str, item: Item | None) -> GroupRecord | None:
        if item is None or "result" not in item:
            return None
        saved = self.dynamo.moment(item) if "timestamp" in item else datetime.now(UTC)
        return group_of(item["result"]["B"], name, group_id, saved, self._encoding)


def _latest(records: Sequence[ResultRecord]) -> list[ResultRecord]:
    """Return the record of each task that is left when one after the other is written."""
    left: dict[str, ResultRecord] = {}
    for record in records:
        kept = left.get(record.task_id)
        if kept is None or states.may_replace(kept.state, record.state):
            left[record.task_id] = record
    return list(left.values())


def _check(record: ResultRecord, item: Item) -> None:
    """Raise ResultTooLarge for what no item holds."""
    size = len(record.result.data) if record.result else 0
    if size > MAX_BYTES:
        raise ResultTooLarge(record.task_id, size, MAX_BYTES)
    if size_of(item) > _ITEM:
        raise ResultTooLarge(record.task_id, size_of(item), _ITEM)


def _over(state: str, item: Item) -> Action:
    """Write over what `states.may_replace` allows this state to replace."""
    stays = {":s": states.SUCCESS} if state in states.READY_STATES else dict(_READY)
    names = ", ".join(stays)
    condition = (
        f"attribute_not_exists(#id) OR (attribute_exists(#state) AND NOT (#state IN ({names})))"
    )
    return {
        "Put": {
            "Item": item,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {"#id": "id", "#state": "state"},
            "ExpressionAttributeValues": {name: {"S": one} for name, one in stays.items()},
        }
    }


def _in_place_of(data: bytes | None, item: Item) -> Action:
    """Write if the document is still the one that was read."""
    if data is None:
        return {
            "Put": {
                "Item": item,
                "ConditionExpression": "attribute_not_exists(#id)",
                "ExpressionAttributeNames": {"#id": "id"},
            }
        }
    return {
        "Put": {
            "Item": item,
            "ConditionExpression": "#result = :result",
            "ExpressionAttributeNames": {"#result": "result"},
            "ExpressionAttributeValues": {":result": {"B": data}},
        }
    }


def _unchanged(item: Item) -> Action:
    """Delete an item that nobody has written since."""
    return {
        "Delete": {
            "Key": {"id": item["id"]},
            "ConditionExpression": "#timestamp = :timestamp",
            "ExpressionAttributeNames": {"#timestamp": "timestamp"},
            "ExpressionAttributeValues": {":timestamp": item["timestamp"]},
        }
    }
