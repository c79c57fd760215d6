"""The result backend of `rpc://`: one address a client process, and what has come to it.

A result exists for the process that sent the task, and for as long as that remembers it. To all
others the task is PENDING for ever. Nothing is counted anywhere, so there are no chords.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final

from ...domain.canvas.chords import ChordCount, ChordGrowth, ChordOpening, ChordPart
from ...domain.errors import BackendUnavailable, BrokerUnavailable, NotSupported
from ...domain.messaging.payload import Codec
from ...domain.tasks.result_record import GroupRecord, ResultRecord
from ...domain.tasks.states import may_replace
from ...ports.replies import Letter, Replies
from ...ports.results import ResultBackend, ResultCapabilities
from .documents import document_of, record_of

#: Records remembered; the oldest are forgotten first.
_KEPT: Final = 100_000
#: Seconds of one look, so that threads which wait beside each other take turns.
_LOOK: Final = 0.5
_NO_CHORDS: Final = (
    "rpc:// counts no parts, so there are no chords: set result_backend to a URL such as "
    "'redis://localhost/1' or 'sqlite:///results.sqlite3'"
)
_NO_GROUPS: Final = (
    "rpc:// keeps nothing, so no group can be saved or restored: keep its GroupResult, or set "
    "result_backend to a URL such as 'redis://localhost/1'"
)


class RpcResults(ResultBackend):
    """Sends results to `reply_to` of their task, and receives at an address of its own."""

    _lives_in: int
    _listens: bool
    _opening: threading.Lock
    _came: threading.Condition
    _receiving: threading.Lock
    _records: OrderedDict[str, ResultRecord]

    def __init__(
        self,
        replies: Replies,
        codec: Codec,
        address: Callable[[], str],
        *,
        expires: float | timedelta | None = None,
    ) -> None:
        """`expires` (seconds) is how long results wait that nobody fetches."""
        self._replies, self._codec, self._address = replies, codec, address
        if isinstance(expires, timedelta):
            expires = expires.total_seconds()
        self._expires = expires or None
        self._begin()

    @property
    def capabilities(self) -> ResultCapabilities:
        """Nothing is kept, and no chords are counted."""
        # What waits at an address goes with the address, whatever became of the tasks.
        return ResultCapabilities(
            persistent=False, chords=False, expires_itself=True, keeps_failures_apart=False
        )

    @property
    def url(self) -> str:
        """`rpc://`."""
        return "rpc://"

    def open(self) -> None:
        """Nothing: an address is opened by whoever is to receive."""

    def close(self) -> None:
        """Stop receiving."""
        with self._opening:
            self._replies.close()
            self._listens = False

    def listen(self) -> None:
        """Receive from now on; to be called before the first task is sent.

        Raises BrokerUnavailable.
        """
        if self._lives_in != os.getpid():
            self._begin()
        if not self._listens:
            with self._opening:
                if not self._listens:
                    self._replies.open(self._address(), self._expires)
                    self._listens = True

    def store(self, records: Sequence[ResultRecord]) -> None:
        """Send records to who waits for them; remember those without such an address."""
        letters = [
            Letter(record.reply_to, record.task_id, document_of(record, self._codec))
            for record in records
            if record.reply_to
        ]
        try:
            if letters:
                self._replies.send(letters)
        except BrokerUnavailable as away:
            raise BackendUnavailable(f"results cannot be sent back: {away}") from away
        self._remember(record for record in records if not record.reply_to)

    def fetch(self, task_ids: Sequence[str]) -> Sequence[ResultRecord | None]:
        """Return what has come."""
        self._take_in(0.0)
        with self._came:
            return [self._records.get(task_id) for task_id in task_ids]

    def watch(self, task_ids: Sequence[str], wait: float) -> Sequence[ResultRecord]:
        """Wait for the first that is ready."""
        ends = monotonic() + wait
        look = 0.0
        while True:
            self._take_in(look)
            with self._came:
                found = (self._records.get(task_id) for task_id in task_ids)
                ready = [one for one in found if one is not None and one.ready]
            look = min(_LOOK, ends - monotonic())
            if ready or look <= 0:
                return ready

    def forget(self, task_ids: Sequence[str]) -> None:
        """Forget what has come."""
        with self._came:
            for task_id in task_ids:
                self._records.pop(task_id, None)

    def save_groups(self, groups: Sequence[GroupRecord]) -> None:
        """Refuse."""
        if groups:
            raise NotSupported(_NO_GROUPS)

    def fetch_groups(self, group_ids: Sequence[str]) -> Sequence[GroupRecord | None]:
        """Refuse."""
        raise NotSupported(_NO_GROUPS)

    def forget_groups(self, group_ids: Sequence[str]) -> None:
        """There is nothing to forget."""

    def open_chords(self, openings: Sequence[ChordOpening]) -> None:
        """Refuse."""
        if openings:
            raise NotSupported(_NO_CHORDS)

    def grow_chords(self, growths: Sequence[ChordGrowth]) -> None:
        """Refuse."""
        if growths:
            raise NotSupported(_NO_CHORDS)

    def count_parts(self, parts: Sequence[ChordPart]) -> Sequence[ChordCount]:
        """Refuse."""
        raise NotSupported(_NO_CHORDS)

    def fetch_parts(self, group_id: str) -> Sequence[ChordPart]:
        """Refuse."""
        raise NotSupported(_NO_CHORDS)

    def close_chords(self, group_ids: Sequence[str]) -> None:
        """There is nothing to close."""

    def expire(self, before: datetime | None, failed_before: datetime | None) -> int:
        """Nothing is kept."""
        return 0

    # -- steps

    def _begin(self) -> None:
        self._lives_in = os.getpid()
        self._listens = False
        self._opening = threading.Lock()
        self._came = threading.Condition()
        self._receiving = threading.Lock()
        self._records = OrderedDict()

    def _take_in(self, wait: float) -> None:
        """Take in what came, waiting for the first; one thread does so for all."""
        try:
            self.listen()
        except BrokerUnavailable as away:
            raise BackendUnavailable(f"no results can be received: {away}") from away
        if not self._receiving.acquire(blocking=False):
            with self._came:
                self._came.wait(wait)
            return
        try:
            documents = self._replies.receive(wait)
        except BrokerUnavailable as away:
            raise BackendUnavailable(f"no results can be received: {away}") from away
        finally:
            self._receiving.release()
        found: list[Any] = [record_of(one, self._codec) for one in documents]
        self._remember(one for one in found if one is not None)

    def _remember(self, records: Iterable[ResultRecord]) -> None:
        with self._came:
            for record in records:
                known = self._records.get(record.task_id)
                if may_replace(known.state if known else None, record.state):
                    self._records[record.task_id] = record
            while len(self._records) > _KEPT:
                self._records.popitem(last=False)
            self._came.notify_all()
