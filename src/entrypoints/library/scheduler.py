"""`celery.beat.Scheduler`: what schedulers of others derive from, and what integrations wrap.

Beat itself works otherwise, and needs no scheduler: this one is used where a class derived from
it is asked for (`beat_scheduler`), and its `apply_entry` where somebody has wrapped that.
"""

import logging
from collections.abc import Callable, Mapping
from heapq import heapify, heappop, heappush
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .asking import ASKED
from .kept_for import kept_for
from .schedule_entry import ScheduleEntry

if TYPE_CHECKING:
    from .app import Celeriac
    from .connections import Connection

logger = logging.getLogger("celery.beat")

#: The longest time between two looks at the schedule, in seconds; as Celery's.
DEFAULT_MAX_INTERVAL: Final = 300
#: Looks come a little early rather than late, by so many seconds.
EARLY: Final = 0.01
#: Daily, at four: what deletes old results.
CLEANUP: Final = "celery.backend_cleanup"


class SchedulingError(Exception):
    """An entry could not be sent."""


class event_t(NamedTuple):
    """An entry in the heap, and when it is looked at: in seconds since 1970."""

    time: float
    priority: int
    entry: Any


class BeatLazyFunc:
    """An argument that is computed when its call is sent: `args=(BeatLazyFunc(uuid4),)`."""

    def __init__(self, func: Any, *args: Any, **kwargs: Any) -> None:
        """Compute `func(*args, **kwargs)`, each time."""
        self._func = func
        self._func_params: dict[str, Any] = {"args": args, "kwargs": kwargs}

    def __call__(self) -> Any:
        """Compute it."""
        return self.delay()

    def delay(self) -> Any:
        """Compute it."""
        return self._func(*self._func_params["args"], **self._func_params["kwargs"])


class Scheduler:
    """Sends what is due, one entry a `tick`.

    Args:
        app: The app whose tasks it sends.
        schedule: Entries by name, to begin with.
        max_interval: The longest time between two looks, in seconds.
        Producer: Accepted for Celery's sake.
        lazy: Whether to read no schedule yet.
        sync_every_tasks: After how many sent tasks to `sync` at the latest.
    """

    Entry: Any = ScheduleEntry
    max_interval: float = DEFAULT_MAX_INTERVAL
    #: Seconds between two `sync`s.
    sync_every: float = 3 * 60
    sync_every_tasks: int | None = None
    logger = logger

    _last_sync: float | None = None
    _tasks_since_sync = 0

    def __init__(
        self,
        app: "Celeriac",
        schedule: Any = None,
        max_interval: float | None = None,
        Producer: Any = None,
        lazy: bool = False,
        sync_every_tasks: int | None = None,
        **kwargs: Any,
    ) -> None:
        self.app, self.Producer = app, Producer
        self.data: Any = {} if schedule is None else schedule
        conf = app.conf
        self.max_interval = max_interval or conf.beat_max_loop_interval or self.max_interval
        self._heap: list[event_t] | None = None
        self.old_schedulers: dict[str, Any] | None = None
        most = conf.beat_sync_every if sync_every_tasks is None else sync_every_tasks
        self.sync_every_tasks = most
        if not lazy:
            self.setup_schedule()

    # -- the schedule

    def setup_schedule(self) -> None:
        """Read the schedule; for subclasses to override."""
        self.install_default_entries(self.data)
        self.merge_inplace(self.app.conf.beat_schedule)

    def install_default_entries(self, data: Mapping[str, Any]) -> None:
        """Add the deletion of old results, where the store does not see to it itself."""
        results = self.app.results
        by_itself = results.url == "disabled://" or results.capabilities.expires_itself
        if not by_itself and CLEANUP not in data and not kept_for(self.app).for_ever:
            from ...domain.schedules import Crontab

            schedule, expires = Crontab("0", "4", "*"), {"expires": 12 * 3600}
            entry = {"task": CLEANUP, "schedule": schedule, "options": expires}
            self.update_from_dict({CLEANUP: entry})

    def get_schedule(self) -> Any:
        """Return the entries by name."""
        return self.data

    def set_schedule(self, schedule: Any) -> None:
        """Take other entries."""
        self.data = schedule

    schedule = property(get_schedule, set_schedule)

    def add(self, **kwargs: Any) -> Any:
        """Add an entry; arguments are those of `Entry`."""
        entry = self.Entry(app=self.app, **kwargs)
        self.schedule[entry.name] = entry
        return entry

    def update_from_dict(self, dict_: Mapping[str, Any]) -> None:
        """Add or replace entries, given as mappings or as they are."""
        self.schedule.update({name: self._maybe_entry(name, e) for name, e in dict_.items()})

    def merge_inplace(self, b: Mapping[str, Any]) -> None:
        """Have these entries and no others; what is known of their runs is kept."""
        schedule = self.schedule
        for gone in set(schedule) - set(b):
            del schedule[gone]
        for name, entry in b.items():
            made = self._maybe_entry(name, entry)
            if schedule.get(name):
                schedule[name].update(made)
            else:
                schedule[name] = made

    def _maybe_entry(self, name: str, entry: Any) -> Any:
        if isinstance(entry, self.Entry):
            entry.app = self.app
            return entry
        return self.Entry(**{**entry, "name": name, "app": self.app})

    def schedules_equal(self, old_schedules: Any, new_schedules: Any) -> bool:
        """Tell whether two schedules have the same entries."""
        if old_schedules is None or new_schedules is None:
            return old_schedules is new_schedules
        return dict(old_schedules) == dict(new_schedules)

    # -- ticking

    def tick(
        self,
        event_t: Callable[[float, int, Any], event_t] = event_t,
        min: Callable[[float, float], float] = min,  # noqa: A002 - Celery's word
        heappop: Callable[[list[Any]], Any] = heappop,
        heappush: Callable[[list[Any], Any], None] = heappush,
    ) -> float:
        """Send what is due, one entry at most; return in how many seconds to come again.

        The arguments are what it works with; heirs may pass on what they were given.
        """
        if self._heap is None or not self.schedules_equal(self.old_schedulers, self.schedule):
            self.old_schedulers = dict(self.schedule)
            self.populate_heap()
        heap = self._heap
        if not heap:
            return self.max_interval
        first = heap[0]
        now = self._when(first.entry, 0)
        if first.time > now:
            return min(first.time - now, self.max_interval)
        due, again = self._asked(first.entry)
        heappop(heap)
        if due:
            entry = self.reserve(first.entry)
            self.apply_entry(first.entry, producer=self.producer)
            heappush(heap, event_t(self._when(entry, again), first.priority, entry))
            return 0
        wait = self.max_interval if again is None else again
        heappush(heap, event_t(self._when(first.entry, wait), first.priority, first.entry))
        if heap[0].entry is not first.entry:
            return 0
        return min(self.adjust(wait) or 0, self.max_interval)

    def populate_heap(
        self,
        event_t: Callable[[float, int, Any], event_t] = event_t,
        heapify: Callable[[list[Any]], None] = heapify,
    ) -> None:
        """Put the entries in the order in which they are due; see `tick` for the arguments."""
        self._heap = []
        for entry in self.schedule.values():
            due, again = self._asked(entry, entry.is_due)
            self._heap.append(event_t(self._when(entry, 0 if due else again), 5, entry))
        heapify(self._heap)

    def is_due(self, entry: Any) -> Any:
        """Return whether an entry is to be sent now, and when to ask again; to be overridden."""
        return entry.is_due()

    def _asked(self, entry: Any, ask: Any = None) -> tuple[bool, Any]:
        try:
            due, again = ask() if ask else self.is_due(entry)
        except Exception:
            text = "beat: cannot tell when %r is due, asking again in %g s"
            logger.exception(text, entry.name, self.max_interval)
            return False, self.max_interval
        return due, again

    def adjust(self, n: Any, drift: float = -EARLY) -> Any:
        """Return seconds to wait, a little less than asked."""
        return n + drift if n and n > 0 else n

    def _when(self, entry: Any, next_time_to_run: Any) -> float:
        now = entry._default_now() if hasattr(entry, "_default_now") else self.app.now()
        seconds: float = now.timestamp() + (self.adjust(next_time_to_run) or 0)
        return seconds

    def reserve(self, entry: Any) -> Any:
        """Note that an entry is being sent; return it as it is from now on."""
        self.schedule[entry.name] = made = next(entry)
        return made

    # -- sending

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Send an entry; what goes wrong is logged."""
        if ASKED.get() is not None:
            # Beat itself sends, and says so.
            self.apply_async(entry, advance=False)
            return
        logger.info("Scheduler: Sending due task %s (%s)", entry.name, entry.task)
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except Exception as why:
            logger.exception("beat: %s cannot be sent: %s", entry.name, why)

    def apply_async(
        self, entry: Any, producer: Any = None, advance: bool = True, **kwargs: Any
    ) -> Any:
        """Send an entry and return the result. Raises SchedulingError."""
        entry = self.reserve(entry) if advance else entry
        task = self.app.tasks.get(entry.task)
        args = [_computed(value) for value in entry.args or ()]
        named = {name: _computed(value) for name, value in (entry.kwargs or {}).items()}
        headers = {**(entry.options.get("headers") or {}), "celery_beat_task": True}
        options = {**entry.options, "headers": headers}
        try:
            if task is None:
                return self.send_task(entry.task, args, named, **options)
            return task.apply_async(args, named, producer=producer, **options)
        except Exception as why:
            raise SchedulingError(f"the entry {entry.name!r} cannot be sent: {why}") from why
        finally:
            self._tasks_since_sync += 1
            if self.should_sync():
                self._do_sync()

    def send_task(self, *args: Any, **kwargs: Any) -> Any:
        """Send a call of a task that is not known here."""
        return self.app.send_task(*args, **kwargs)

    # -- keeping

    def should_sync(self) -> bool:
        """Tell whether it is time to `sync`."""
        since = None if self._last_sync is None else monotonic() - self._last_sync
        many = self.sync_every_tasks and self._tasks_since_sync >= self.sync_every_tasks
        return since is None or since > self.sync_every or bool(many)

    def _do_sync(self) -> None:
        try:
            self.sync()
        finally:
            self._last_sync, self._tasks_since_sync = monotonic(), 0

    def sync(self) -> None:
        """Keep what is to be known after a restart; for subclasses to override."""

    def close(self) -> None:
        """Sync, at the end."""
        self.sync()

    # -- the broker

    @property
    def connection(self) -> "Connection":
        """The way to the broker."""
        return self.app.connection_for_write()

    @property
    def producer(self) -> Any:
        """What publishes."""
        return self.app.producer_pool.acquire()

    @property
    def info(self) -> str:
        """What to say of it when beat starts."""
        return ""


def _computed(value: Any) -> Any:
    return value() if isinstance(value, BeatLazyFunc) else value


#: As it is while nobody has replaced it.
APPLY_ENTRY = Scheduler.apply_entry
