"""The result backend on S3, in Celery's objects and documents.

What must stay true: a write keeps `states.may_replace`, since it is refused if another object is
there than the one that was looked at; nothing counts here, so chords are polled for or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NoReturn

from ....domain.canvas.chords import ChordCount, ChordGrowth, ChordOpening, ChordPart
from ....domain.documents.meta import PLAIN, Encoding, group_meta_of, meta_of
from ....domain.documents.meta_reading import Ends, group_of, is_old, record_of
from ....domain.errors import BackendGetMetaError, BackendUnavailable, NotSupported
from ....domain.tasks import states
from ....domain.tasks.result_record import GroupRecord, ResultRecord
from ....ports.results import ResultBackend, ResultCapabilities
from .bucket import Found, S3Bucket, at_once

#: What a prefix of Celery's keys ends with; `_` is put after another one.
_PREFIX_ENDS: Final = (":", "_", "-", ".")
#: Pauses between two looks of a watch, in seconds: the first, how they grow, the longest.
_PAUSE: Final = 0.1
_GROWTH: Final = 1.5
_LONGEST_PAUSE: Final = 2.0
#: How often a record is tried again because another wrote the same one in between.
_TRIES: Final = 50
#: Objects read at once by `expire`.
_SWEPT: Final = 500


class S3Results(ResultBackend):
    """Results in a bucket.

    `key_prefix` is `global_keyprefix` of `result_backend_transport_options`, `encoding` what
    `result_serializer` says.
    """

    def __init__(
        self,
        bucket: S3Bucket,
        *,
        key_prefix: str = "",
        encoding: Encoding = PLAIN,
    ) -> None:
        self.bucket = bucket
        self._encoding = encoding
        self._prefix = key_prefix
        if key_prefix and not key_prefix.endswith(_PREFIX_ENDS):
            self._prefix = f"{key_prefix}_"

    @property
    def capabilities(self) -> ResultCapabilities:
        """No chords; workers delete nothing that is old: the bucket's lifecycle rules do."""
        return ResultCapabilities(expires_itself=True, chords=False, keeps_failures_apart=False)

    @property
    def url(self) -> str:
        """Where results are."""
        return self.bucket.url

    def open(self) -> None:
        """Connect, and look whether the bucket is there."""
        self.bucket.open()

    def close(self) -> None:
        """Let go of connections."""
        self.bucket.close()

    # -- records

    def store(self, records: Sequence[ResultRecord]) -> None:
        """Write records, some at once; one that was not there takes one request."""
        latest: dict[str, ResultRecord] = {}
        for record in records:
            kept = latest.get(record.task_id)
            if kept is None or states.may_replace(kept.state, record.state):
                latest[record.task_id] = record
        at_once(self._store, list(latest.values()))

    def fetch(self, task_ids: Sequence[str]) -> Sequence[ResultRecord | None]:
        """Return the records of these ids. Raises BackendGetMetaError for an unreadable one."""
        keys = [self._task(task_id) for task_id in task_ids]
        found = dict(zip(keys, self.bucket.read(keys), strict=True))
        return [
            None if (one := found[key]) is None else record_of(one.data, key, self._encoding)
            for key in keys
        ]

    def watch(self, task_ids: Sequence[str], wait: float) -> Sequence[ResultRecord]:
        """Return those ready, looking again until there is one."""
        clock = self.bucket.clock
        end = clock.monotonic() + wait
        names = list(dict.fromkeys(task_ids))
        ready, pause = self._ready(names), _PAUSE
        while not ready and names and (left := end - clock.monotonic()) > 0:
            clock.wait(min(pause, left))
            pause = min(_GROWTH * pause, _LONGEST_PAUSE)
            ready = self._ready(names)
        return ready

    def forget(self, task_ids: Sequence[str]) -> None:
        """Delete records."""
        self.bucket.delete([self._task(task_id) for task_id in task_ids])

    # -- groups

    def save_groups(self, groups: Sequence[GroupRecord]) -> None:
        """Keep groups."""
        latest = {self._group(group.group_id): group for group in groups}
        self.bucket.write(
            [(key, group_meta_of(group, self._encoding)) for key, group in latest.items()]
        )

    def fetch_groups(self, group_ids: Sequence[str]) -> Sequence[GroupRecord | None]:
        """Return saved groups; one that Celery saved counts as saved when it was written."""
        keys = [self._group(group_id) for group_id in group_ids]
        return [
            None if one is None else group_of(one.data, key, group_id, one.written, self._encoding)
            for key, group_id, one in zip(keys, group_ids, self.bucket.read(keys), strict=True)
        ]

    def forget_groups(self, group_ids: Sequence[str]) -> None:
        """Delete groups."""
        self.bucket.delete([self._group(group_id) for group_id in group_ids])

    # -- chords

    def open_chords(self, openings: Sequence[ChordOpening]) -> None:
        """Raise NotSupported."""
        self._refuse()

    def grow_chords(self, growths: Sequence[ChordGrowth]) -> None:
        """Raise NotSupported."""
        self._refuse()

    def count_parts(self, parts: Sequence[ChordPart]) -> Sequence[ChordCount]:
        """Raise NotSupported."""
        self._refuse()

    def fetch_parts(self, group_id: str) -> Sequence[ChordPart]:
        """Raise NotSupported."""
        self._refuse()

    def close_chords(self, group_ids: Sequence[str]) -> None:
        """Raise NotSupported."""
        self._refuse()

    # -- retention

    def expire(self, before: datetime | None, failed_before: datetime | None) -> int:
        """Delete what is old, by a look at each object, which is paid for as such."""
        if before is None and failed_before is None:
            return 0
        ends = Ends(before, failed_before)
        deleted = 0
        for prefix in (self._task(""), self._group("")):
            keys = list(self.bucket.keys(prefix))
            for start in range(0, len(keys), _SWEPT):
                some = keys[start : start + _SWEPT]
                found = zip(some, self.bucket.read(some), strict=True)
                old = [
                    key for key, one in found if one is not None and self._is_old(key, one, ends)
                ]
                self.bucket.delete(old)
                deleted += len(old)
        return deleted

    # -- steps

    def _task(self, task_id: str) -> str:
        return f"{self._prefix}celery-task-meta-{task_id}"

    def _group(self, group_id: str) -> str:
        return f"{self._prefix}celery-taskset-meta-{group_id}"

    def _store(self, record: ResultRecord) -> None:
        key, document = self._task(record.task_id), meta_of(record, self._encoding)
        kept: Found | None = None
        for _ in range(_TRIES):
            if self.bucket.replace(key, document, kept):
                return
            (kept,) = self.bucket.read([key])
            if not states.may_replace(self._state(kept, key), record.state):
                return
        raise BackendUnavailable(f"{self.url}: {key!r} changes all the time; try again")

    def _state(self, kept: Found | None, key: str) -> str | None:
        try:
            return None if kept is None else record_of(kept.data, key, self._encoding).state
        except BackendGetMetaError:
            return None

    def _ready(self, names: Sequence[str]) -> list[ResultRecord]:
        return [one for one in self.fetch(names) if one is not None and one.ready]

    def _is_old(self, key: str, one: Found, ends: Ends) -> bool:
        if is_old(one.data, ends, self._encoding):
            return True
        if ends.results is None or not key.startswith(self._group("")):
            return False
        group = group_of(one.data, key, key, one.written, self._encoding)
        return group.date_done < ends.results

    def _refuse(self) -> NoReturn:
        raise NotSupported(
            f"chords need a store that counts their parts, and {self.url} cannot: set "
            "result_chord_polling=True, or result_backend to a URL such as dynamodb://…, "
            "redis://… or postgresql://…"
        )
