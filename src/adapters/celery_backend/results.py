"""A backend written for Celery as a result backend of ours.

What must stay true: the backend keeps results and groups, by its own methods and in its own form;
the parts of chords are counted where that can be done safely, in the broker's store, or not at all.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from ...domain.canvas.chords import ChordCount, ChordGrowth, ChordOpening, ChordPart
from ...domain.errors import (
    BackendError,
    BackendGetMetaError,
    BackendStoreError,
    BackendUnavailable,
    NotSupported,
    OperationalError,
    ResultTooLarge,
)
from ...domain.messaging.payload import Codec
from ...domain.tasks import states
from ...domain.tasks.result_record import GroupRecord, ResultRecord
from ...ports.clock import Clock
from ...ports.results import ResultBackend, ResultCapabilities
from .metas import SavedGroup, moment, record_of, request_of, value_of

#: Pauses between looks at what is watched, in seconds: the first, and the longest.
PAUSES: Final = (0.01, 0.5)


class CeleryBackendResults(ResultBackend):
    """Keeps records with a backend of somebody's own.

    Args:
        make: Makes the backend; as in Celery, each thread has one of its own unless `shared`.
        codec: Reads and writes payloads.
        serializer: What values are written with that are read from the backend.
        clock: Tells the time.
        counter: Counts the parts of chords; None: there are no chords.
        restored: Makes an error's stored form an exception.
        revived: Makes a result of its tuple.
        shared: Whether one backend serves all threads.
    """

    def __init__(
        self,
        make: Callable[[], Any],
        codec: Codec,
        serializer: str,
        clock: Clock,
        counter: ResultBackend | None,
        restored: Callable[[Any], Any],
        revived: Callable[[Any], Any],
        *,
        shared: bool = False,
    ) -> None:
        self._make, self._codec, self._serializer, self._clock = make, codec, serializer, clock
        self._counter, self._restored, self._revived = counter, restored, revived
        self._local: Any = threading.local()
        #: The first that was made, for all threads where it may be shared.
        self._first = self._local.backend = make()
        self._shared = shared

    @property
    def backend(self) -> Any:
        """The site's own backend."""
        if self._shared:
            return self._first
        try:
            return self._local.backend
        except AttributeError:
            made = self._local.backend = self._make()
            return made

    @property
    def capabilities(self) -> ResultCapabilities:
        """As the backend says; chords where the broker's store counts them."""
        return ResultCapabilities(
            persistent=bool(self._first.persistent),
            expires_itself=bool(self._first.supports_autoexpire),
            chords=self._counter is not None,
            keeps_failures_apart=bool(self._first.supports_failure_expires),
        )

    @property
    def url(self) -> str:
        """The backend's own address, or its class."""
        return str(self._first.as_uri())

    def open(self) -> None:
        """Have what counts chords opened; the backend connects by itself."""
        if self._counter is not None:
            self._counter.open()

    def close(self) -> None:
        """Tell the backend that it is no longer needed here."""
        with _translated(self.url):
            self.backend.process_cleanup()
        if self._counter is not None:
            self._counter.close()

    def store(self, records: Sequence[ResultRecord]) -> None:
        """Write records, one by one. Raises BackendUnavailable."""
        backend = self.backend
        for record in records:
            with _translated(self.url):
                known = backend.attempted(backend._get_task_meta_for, record.task_id)
                if not states.may_replace((known or {}).get("status"), record.state):
                    continue
                value = value_of(record, self._codec)
                if record.state in states.EXCEPTION_STATES:
                    value = self._restored(value)
                backend.store_result(
                    record.task_id,
                    value,
                    record.state,
                    traceback=record.traceback,
                    request=request_of(record, self._codec),
                )

    def fetch(self, task_ids: Sequence[str]) -> Sequence[ResultRecord | None]:
        """Return the records of these ids."""
        return [self._record(task_id) for task_id in task_ids]

    def watch(self, task_ids: Sequence[str], wait: float) -> Sequence[ResultRecord]:
        """Look again and again, with growing pauses, until one is ready."""
        pause, longest = PAUSES
        ends = time.monotonic() + wait
        while True:
            ready = [one for one in self.fetch(task_ids) if one is not None and one.ready]
            left = ends - time.monotonic()
            if ready or left <= 0 or not task_ids:
                return ready
            time.sleep(min(pause, left))
            pause = min(2 * pause, longest)

    def forget(self, task_ids: Sequence[str]) -> None:
        """Delete records."""
        backend = self.backend
        for task_id in task_ids:
            with _translated(self.url):
                backend.attempted(backend._forget, task_id)

    def save_groups(self, groups: Sequence[GroupRecord]) -> None:
        """Keep groups."""
        backend = self.backend
        for group in groups:
            with _translated(self.url):
                saved = SavedGroup(group, self._revived)
                backend.attempted(backend._save_group, group.group_id, saved)

    def fetch_groups(self, group_ids: Sequence[str]) -> Sequence[GroupRecord | None]:
        """Return saved groups; of one whose time is not kept, the time is now."""
        return [self._group(group_id) for group_id in group_ids]

    def forget_groups(self, group_ids: Sequence[str]) -> None:
        """Delete saved groups and what was counted for their chords."""
        backend = self.backend
        for group_id in group_ids:
            with _translated(self.url):
                backend.attempted(backend._delete_group, group_id)
        if self._counter is not None:
            self._counter.forget_groups(group_ids)

    def open_chords(self, openings: Sequence[ChordOpening]) -> None:
        """Tell how many parts chords will have. Raises NotSupported."""
        self._counting().open_chords(openings)

    def grow_chords(self, growths: Sequence[ChordGrowth]) -> None:
        """Let chords wait for more parts. Raises NotSupported."""
        self._counting().grow_chords(growths)

    def count_parts(self, parts: Sequence[ChordPart]) -> Sequence[ChordCount]:
        """Count parts. Raises NotSupported."""
        return self._counting().count_parts(parts)

    def fetch_parts(self, group_id: str) -> Sequence[ChordPart]:
        """Return the counted parts of a chord. Raises NotSupported."""
        return self._counting().fetch_parts(group_id)

    def close_chords(self, group_ids: Sequence[str]) -> None:
        """Note that bodies are published. Raises NotSupported."""
        self._counting().close_chords(group_ids)

    def expire(self, before: datetime | None, failed_before: datetime | None) -> int:
        """Have the backend delete what is old in its own eyes; it does not say how many."""
        with _translated(self.url):
            self.backend.cleanup()
        return 0 if self._counter is None else self._counter.expire(before, failed_before)

    # -- pieces

    def _record(self, task_id: str) -> ResultRecord | None:
        with _translated(self.url, BackendGetMetaError):
            backend = self.backend
            meta = backend.attempted(backend._get_task_meta_for, task_id)
        return record_of(task_id, meta, self._codec, self._serializer)

    def _group(self, group_id: str) -> GroupRecord | None:
        with _translated(self.url, BackendGetMetaError):
            backend = self.backend
            meta = backend.attempted(backend._restore_group, group_id)
        if not meta or meta.get("result") is None:
            return None
        result = meta["result"]
        kept = result.as_tuple() if hasattr(result, "as_tuple") else result
        return GroupRecord(group_id, kept, moment(meta.get("date_done")) or self._clock.now())

    def _counting(self) -> ResultBackend:
        if self._counter is None:
            raise NotSupported(
                f"chords need a store that counts their parts: {self.url} is a backend of your own "
                "and the broker keeps messages only; use Redis or an SQL database as the broker, "
                "or as result_backend"
            )
        return self._counter


#: A fault in the code of the backend, or a value that it cannot take: no other attempt is better.
_NO_OUTAGE: Final = (
    *(TypeError, AttributeError, NameError, ImportError, NotImplementedError),
    *(ValueError, LookupError, ArithmeticError, AssertionError),
)


@contextmanager
def _translated(url: str, fault: type[BackendError] = BackendStoreError) -> Iterator[None]:
    """Let what a backend raises say that it cannot be reached now, unless time would not help."""
    try:
        yield
    except (OperationalError, NotSupported, ResultTooLarge):
        raise
    except _NO_OUTAGE as why:
        raise fault(f"the result backend {url} raised {why!r}") from why
    except Exception as why:
        kind = fault if _is_about_a_value(why) else BackendUnavailable
        raise kind(f"the result backend {url} raised {why!r}") from why


def _is_about_a_value(why: Exception) -> bool:
    """Tell whether a database does not take a value: each driver has a class of PEP 249's name."""
    return any(cls.__name__ == "DataError" for cls in type(why).__mro__)
