"""The result backend on Redis, in Celery's keys and documents.

What must stay true: a write is one round trip and keeps `states.may_replace` on the server; every
write is told on the channel of its key, as Celery's clients expect; watchers look after they have
subscribed, so that nothing falls in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from itertools import islice
from math import ceil
from operator import attrgetter
from time import monotonic
from typing import Any, Final, TypeVar

from ...domain.canvas.chords import ChordCount, ChordGrowth, ChordOpening, ChordPart
from ...domain.documents.meta import Encoding, group_meta_of, meta_of
from ...domain.documents.meta_reading import Ends, group_of, is_old, record_of
from ...domain.errors import BackendGetMetaError, BackendUnavailable, ResultTooLarge
from ...domain.messaging.payload import Codec
from ...domain.tasks import states
from ...domain.tasks.result_record import GroupRecord, ResultRecord
from ...ports.results import ResultBackend, ResultCapabilities
from . import chords
from .chord_scripts import CLOSE, COUNT, GROW, OPEN
from .exchange import read_many
from .feed import Feed
from .pacing import MANY, found_soon
from .record_scripts import DELETE_UNCHANGED, STORE, SWAP
from .store import RedisStore, Script

T = TypeVar("T")

#: Keys in one command or script: a long one would keep everybody else waiting.
_AT_ONCE: Final = 500
#: How often a document that no script can read is looked at again because somebody changed it.
_TRIES: Final = 20
#: What a prefix of Celery's keys ends with; `_` is put after another one.
_PREFIX_ENDS: Final = (":", "_", "-", ".")
_DAY: Final = timedelta(days=1)


class RedisResults(ResultBackend):
    """Results in a RedisStore.

    They are kept for `expires` (seconds or a timedelta; None and 0: for ever), those in state
    FAILURE for `failure_expires` (0: for ever; None: as all others). `key_prefix` is
    `global_keyprefix` of `result_backend_transport_options`; without one the store's is used.
    `content_type` and `content_encoding` are those of `result_serializer`, and `codec` encodes
    documents with it where that is not JSON, or where `compression` (Celery's
    `result_compression`) makes them smaller. A result beyond `max_bytes` is refused.
    Chords are counted for `chord_expires` (None: as long as results are kept) after their last
    part; without `chords_ordered` (Celery's `result_chord_ordered`) in the order of their end.
    """

    def __init__(
        self,
        store: RedisStore,
        *,
        expires: float | timedelta | None = _DAY,
        failure_expires: float | timedelta | None = None,
        key_prefix: str = "",
        content_type: str = "application/json",
        content_encoding: str = "utf-8",
        codec: Codec | None = None,
        max_bytes: int | None = None,
        chord_expires: float | timedelta | None = None,
        chords_ordered: bool = True,
        compression: str | None = None,
    ) -> None:
        self.redis = store
        self.ttl = _seconds(expires)
        failed = self.ttl if failure_expires is None else _seconds(failure_expires)
        #: Seconds for which records are kept, and those in state FAILURE; 0: for ever.
        self.lifetimes = (self.ttl, failed)
        kept = self.ttl if chord_expires is None else _seconds(chord_expires)
        self.keeping = chords.Keeping(kept, self.ttl, chords_ordered)
        self._prefix = _prefix(key_prefix or store.prefix)
        self._group_prefix = f"{self._prefix}celery-taskset-meta-"
        self._encoding = Encoding(content_type, content_encoding, codec, compression)
        self._max_bytes = max_bytes
        self._feed = Feed(store, BackendUnavailable)

    @property
    def capabilities(self) -> ResultCapabilities:
        """Everything; Redis deletes what is old unless it is to be kept for ever."""
        return ResultCapabilities(expires_itself=any(self.lifetimes), max_bytes=self._max_bytes)

    @property
    def url(self) -> str:
        """Where the store is; the password is masked."""
        return self.redis.url

    def open(self) -> None:
        """Connect."""
        self.redis.open(BackendUnavailable)

    def close(self) -> None:
        """End the subscription; other connections are the store's. A use afterwards begins anew."""
        self._feed.close()

    # -- names

    def task_key(self, task_id: str) -> str:
        """The key of a task's document, which is also the channel on which writes are told."""
        return f"{self._prefix}celery-task-meta-{task_id}"

    def group_key(self, group_id: str) -> str:
        """The key of a saved group; what is counted of its chord stands beside it."""
        # What belongs to a chord stands in one slot of a Cluster.
        return (
            f"{self._group_prefix}{{{group_id}}}"
            if self.redis.clustered
            else (f"{self._group_prefix}{group_id}")
        )

    # -- records

    def store(self, records: Sequence[ResultRecord]) -> None:
        """Write records. Raises ResultTooLarge, and then nothing of the batch is written."""
        for record in records:
            self.check(record)
        for some in _batches(records):
            documents = [self.document(record) for record in some]
            keys = [self.task_key(record.task_id) for record in some]
            told = [(one.state, document) for one, document in zip(some, documents, strict=True)]
            # In their order, so that the later of two for one task still wins.
            for number in self._unknown(keys, told):
                self._swap(some[number], documents[number])

    def document(self, record: ResultRecord) -> bytes:
        """Return a record as it is kept."""
        return meta_of(record, self._encoding)

    def state_of(self, key: str, kept: bytes | None) -> str | None:
        """Return the state in a document, None where there is none to be read."""
        try:
            return None if kept is None else record_of(kept, key, self._encoding).state
        except BackendGetMetaError:
            return None

    def check(self, record: ResultRecord) -> None:
        """Raise ResultTooLarge for a result beyond `max_bytes`."""
        limit = self._max_bytes
        if limit is not None and record.result is not None and len(record.result.data) > limit:
            raise ResultTooLarge(record.task_id, len(record.result.data), limit)

    def fetch(self, task_ids: Sequence[str]) -> Sequence[ResultRecord | None]:
        """Return the records of these ids. Raises BackendGetMetaError for an unreadable one."""
        keys = [self.task_key(task_id) for task_id in task_ids]
        return [
            None if data is None else record_of(data, key, self._encoding)
            for key, data in zip(keys, self._values(keys), strict=True)
        ]

    def watch(self, task_ids: Sequence[str], wait: float) -> Sequence[ResultRecord]:
        """Return those ready, waiting for the first."""
        end = monotonic() + wait
        names = list(dict.fromkeys(task_ids))
        if len(names) < MANY or wait <= 0:
            ready: Sequence[ResultRecord] = self._ready(names)
        else:
            ready = found_soon(names, self._ready, attrgetter("task_id"), end)
        if ready or monotonic() >= end or not names:
            return ready
        tasks = {self.task_key(name): name for name in names}
        ear = self._feed.listen(tasks)
        try:
            # Once more all of them: one may have been written before the ear was there.
            told = names
            while (
                not (ready := self._ready(told))
                and (left := end - monotonic()) > 0
                and not ear.closed
            ):
                heard = self._feed.wait(ear, left)
                if ready := self._ready_as_told(heard):
                    break
                told = list(dict.fromkeys(tasks[channel] for channel, _ in heard)) or names
        finally:
            self._feed.leave(ear)
        return ready

    def forget(self, task_ids: Sequence[str]) -> None:
        """Delete records."""
        self._delete([self.task_key(task_id) for task_id in task_ids])

    # -- groups and chords

    def save_groups(self, groups: Sequence[GroupRecord]) -> None:
        """Keep groups."""
        documents = {
            self.group_key(group.group_id): group_meta_of(group, self._encoding) for group in groups
        }
        if documents:
            self._do(lambda client: _set_all(client, documents, self.ttl))

    def fetch_groups(self, group_ids: Sequence[str]) -> Sequence[GroupRecord | None]:
        """Return saved groups. Raises BackendGetMetaError for one that is unreadable."""
        keys = [self.group_key(group_id) for group_id in group_ids]
        now = datetime.fromtimestamp(self.redis.now(), UTC)
        return [
            None if data is None else group_of(data, key, group_id, now, self._encoding)
            for key, group_id, data in zip(keys, group_ids, self._values(keys), strict=True)
        ]

    def forget_groups(self, group_ids: Sequence[str]) -> None:
        """Delete groups and the counts of their chords."""
        keys = [self.group_key(group_id) for group_id in group_ids]
        self._delete([key + ending for key in keys for ending in ("", *chords.ENDINGS)])

    def open_chords(self, openings: Sequence[ChordOpening]) -> None:
        """Tell how many parts chords will have, Celery's workers too."""
        for some in _batches(openings):
            sizes = [opening.size for opening in some]
            self._run_over(OPEN, [opening.group_id for opening in some], sizes)

    def grow_chords(self, growths: Sequence[ChordGrowth]) -> None:
        """Let chords wait for more parts, whoever counts them."""
        for some in _batches(growths):
            told = [value for one in some for value in (one.by, one.key)]
            self._run_over(GROW, [one.group_id for one in some], told)

    def count_parts(self, parts: Sequence[ChordPart]) -> Sequence[ChordCount]:
        """Count parts. Who is told that a chord is due keeps it from all others for 10 s.

        Not from one who counts the same part: a message that comes again, as its worker has died.
        """
        counts: list[ChordCount] = []
        for some in _batches(parts):
            told = [value for part in some for value in self.counted(part)]
            answers = self._run_over(COUNT, [part.group_id for part in some], told)
            counts += chords.counts(some, answers)
        return counts

    def counted(self, part: ChordPart) -> tuple[Any, ...]:
        """Return a part as the scripts take it."""
        return chords.arguments_of(part, self._encoding)

    def fetch_parts(self, group_id: str) -> Sequence[ChordPart]:
        """Return the counted parts of a chord. Raises BackendGetMetaError for an unreadable one."""
        key = self.group_key(group_id)
        size = self._do(lambda client: client.get(f"{key}.s"))
        found = self._do(lambda client: list(chords.members(client, key)))
        told = None if size is None else int(size)
        return chords.parts_of(group_id, found, told, f"{key}.j", self._encoding)

    def close_chords(self, group_ids: Sequence[str]) -> None:
        """Note that bodies are published, for Celery's workers too, and drop the parts."""
        for some in _batches(group_ids):
            self._run_over(CLOSE, some, ())

    # -- retention

    def expire(self, before: datetime | None, failed_before: datetime | None) -> int:
        """Delete what is old; Redis does it by itself unless it is to be kept for ever.

        What nobody can read, and groups whose time Celery did not write, are left to Redis.
        """
        ends = Ends(before, failed_before)
        return self._sweep(self.task_key(""), ends) + self._sweep(self._group_prefix, ends)

    def _sweep(self, prefix: str, ends: Ends) -> int:
        pattern = "".join(f"\\{sign}" if sign in "*?[]^\\" else sign for sign in prefix) + "*"
        deleted, cursor = 0, 0
        while True:
            cursor, keys = self._do(
                lambda client, at=cursor: client.scan(at, match=pattern, count=_AT_ONCE)
            )
            deleted += self._delete_old([key.decode() for key in keys], ends)
            if not cursor:
                return deleted

    def _delete_old(self, keys: Sequence[str], ends: Ends) -> int:
        old = {
            key: sha1(data, usedforsecurity=False).hexdigest()
            for key, data in zip(keys, self._values(keys), strict=True)
            if data is not None and is_old(data, ends, self._encoding)
        }
        if not self.redis.clustered:
            return int(self._run(DELETE_UNCHANGED, list(old), list(old.values()))) if old else 0
        calls = [([key], [digest]) for key, digest in old.items()]
        return sum(self.redis.run_each(DELETE_UNCHANGED, calls, unavailable=BackendUnavailable))

    # -- steps

    def _swap(self, record: ResultRecord, document: bytes) -> None:
        """Write a record over a document that no script can read."""
        key = self.task_key(record.task_id)
        for _ in range(_TRIES):
            (kept,) = self._values([key])
            if not states.may_replace(self.state_of(key, kept), record.state):
                return
            digest = sha1(kept or b"", usedforsecurity=False).hexdigest()
            if self._run(SWAP, [key], [*self.lifetimes, digest, record.state, document]):
                return
        raise BackendUnavailable(f"{self.url}: {key!r} changes all the time; try again")

    def _ready(self, names: Sequence[str]) -> list[ResultRecord]:
        return [record for record in self.fetch(names) if record is not None and record.ready]

    def _ready_as_told(self, heard: Sequence[tuple[str, bytes]]) -> list[ResultRecord]:
        """Read what was heard: who writes a record says all of it."""
        found: dict[str, ResultRecord] = {}
        for channel, document in heard:
            with suppress(BackendGetMetaError):
                record = record_of(document, channel, self._encoding)
                if record.ready:
                    found[channel] = record
        return list(found.values())

    def _values(self, keys: Sequence[str]) -> list[bytes | None]:
        values: list[bytes | None] = []
        for some in _batches(keys):
            values += self._do(lambda client, some=some: read_many(client, some))
        return values

    def _delete(self, keys: Sequence[str]) -> None:
        for some in _batches(keys):
            self._do(lambda client, some=some: client.delete(*some))

    def _unknown(self, keys: Sequence[str], told: Sequence[tuple[str, bytes]]) -> Sequence[int]:
        """Store documents; return which ones could not be, since what is kept is no JSON."""
        if self.redis.clustered:
            calls = [([key], [*self.lifetimes, *one]) for key, one in zip(keys, told, strict=True)]
            answers = self.redis.run_each(STORE, calls, unavailable=BackendUnavailable)
            return [number for number, answer in enumerate(answers) if answer]
        arguments = [*self.lifetimes, *(value for one in told for value in one)]
        return [number - 1 for number in self._run(STORE, keys, arguments)]

    def _run(self, script: Script, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        return self.redis.run(script, arguments, keys=keys, unavailable=BackendUnavailable)

    def _run_over(self, script: Script, group_ids: Sequence[str], arguments: Sequence[Any]) -> Any:
        keys = [self.group_key(group_id) for group_id in group_ids]
        how = self.keeping.arguments()
        if not self.redis.clustered or not keys:
            return self._run(script, keys, [*how, *arguments])
        each = len(arguments) // len(keys)
        calls = [
            ([key], [*how, *arguments[k * each : (k + 1) * each]]) for k, key in enumerate(keys)
        ]
        answers = self.redis.run_each(script, calls, unavailable=BackendUnavailable)
        return [value for answer in answers for value in answer or ()]

    def _do(self, work: Callable[..., Any]) -> Any:
        return self.redis.do(work, unavailable=BackendUnavailable)


def _set_all(client: Any, documents: Mapping[str, bytes], ttl: int) -> None:
    with client.pipeline(transaction=False) as steps:
        for key, document in documents.items():
            steps.set(key, document, ex=ttl or None)
        steps.execute()


def _batches(values: Sequence[T]) -> Iterator[list[T]]:
    remaining = iter(values)
    while some := list(islice(remaining, _AT_ONCE)):
        yield some


def _seconds(expires: float | timedelta | None) -> int:
    seconds = expires.total_seconds() if isinstance(expires, timedelta) else expires or 0
    return max(1, ceil(seconds)) if seconds > 0 else 0


def _prefix(said: str) -> str:
    return f"{said}_" if said and not said.endswith(_PREFIX_ENDS) else said
