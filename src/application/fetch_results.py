"""Fetch what became of tasks, wait for it, and make values and exceptions of it."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from ..domain import errors
from ..domain.errors import SecurityError
from ..domain.messaging.payload import Codec, Payload
from ..domain.tasks import states
from ..domain.tasks.failures import restore
from ..domain.tasks.result_record import ResultRecord
from ..ports.clock import Clock
from ..ports.results import ResultBackend

#: How long one look at the backend may wait, in seconds; between two, signals get their turn.
LOOK_SECONDS: Final = 1.0

#: How many tasks one look is about: where all are waited for, those behind them can wait too.
WATCHED_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Found:
    """A record with its value decoded: an exception where the state is one of failure."""

    record: ResultRecord
    value: Any


class Fetching:
    """Reads results for one app."""

    def __init__(self, results: ResultBackend, codec: Codec, clock: Clock) -> None:
        """Read from `results`, decode with `codec`."""
        self.results, self._codec, self._clock = results, codec, clock

    def fetch(self, task_id: str) -> Found | None:
        """Return what is known of a task; None: nothing, which is to say PENDING."""
        record = self.results.fetch([task_id])[0]
        return None if record is None else Found(record, self._value(record))

    def wait(
        self,
        task_id: str,
        timeout: float | None,
        on_look: Callable[[], None] | None = None,
    ) -> Found:
        """Wait until a task is ready. Raises TimeoutError after `timeout` seconds."""
        for found in self.each([task_id], timeout, on_look):
            return found
        raise RuntimeError("nothing to wait for")

    def each(
        self,
        task_ids: Sequence[str],
        timeout: float | None,
        on_look: Callable[[], None] | None = None,
    ) -> Iterator[Found]:
        """Yield tasks as they become ready. Raises TimeoutError after `timeout` seconds."""
        waiting = dict.fromkeys(task_ids)
        ends = None if timeout is None else self._clock.monotonic() + timeout
        while waiting:
            begun = self._clock.monotonic()
            look = LOOK_SECONDS if ends is None else max(0.0, min(ends - begun, LOOK_SECONDS))
            ready = self.ready(list(islice(waiting, WATCHED_AT_ONCE)), look)
            for found in ready:
                waiting.pop(found.record.task_id, None)
            yield from ready
            if ready:
                continue
            if self._clock.monotonic() == begun:
                # Virtual time passes only if somebody waits for it.
                self._clock.wait(look)
            if ends is not None and self._clock.monotonic() >= ends:
                raise errors.TimeoutError(_not_ready(list(waiting), len(task_ids), timeout))
            if on_look is not None:
                on_look()

    def fetch_many(self, task_ids: Sequence[str]) -> Sequence[Found | None]:
        """Return what is known of tasks, in this order."""
        records = self.results.fetch(task_ids) if task_ids else ()
        return [Found(one, self._value(one)) if one else None for one in records]

    def ready(self, task_ids: Sequence[str], wait: float) -> Sequence[Found]:
        """Return those of the tasks that are ready, after up to `wait` seconds for a first one."""
        return [Found(record, self._value(record)) for record in self.results.watch(task_ids, wait)]

    def decode(self, payload: Payload | None) -> Any:
        """Decode something stored."""
        return None if payload is None else self._codec.decode(payload)

    def _value(self, record: ResultRecord) -> Any:
        value = self.decode(record.result)
        if record.state in states.EXCEPTION_STATES and isinstance(value, dict):
            return restore(value, find_exception)
        return value


def _not_ready(waiting: Sequence[str], total: int, timeout: float | None) -> str:
    if total == 1:
        return f"task {waiting[0]} was not ready within {timeout:g} s"
    return f"{len(waiting)} of {total} tasks were not ready within {timeout:g} s"


def find_exception(module: str, name: str) -> type[BaseException] | None:
    """Look an exception class up among loaded modules: nothing is ever imported for it.

    None for one that is no Exception: a task's SystemExit must not end the process that asks what
    became of the task. Raises SecurityError when what stands there is no exception class.
    """
    found: Any = None
    if module in ("celery.exceptions", "celeriac.exceptions", "billiard.exceptions"):
        found = getattr(errors, name, None)
    elif module in sys.modules or module == "builtins":
        found = sys.modules[module]
        for part in name.split("."):
            found = getattr(found, part, None)
    if found is None:
        return None
    if not (isinstance(found, type) and issubclass(found, BaseException)):
        raise SecurityError(f"a stored failure names {module}.{name}, which is no exception class")
    return found if issubclass(found, Exception) else None
