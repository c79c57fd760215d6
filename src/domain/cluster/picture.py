"""The state of a cluster as events tell it: its workers and its tasks, as many as fit.

What must stay true: events may come late, twice or never; what a task came to is never undone by
what happened before; nothing grows beyond its limit.
"""

from bisect import insort
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Final, NamedTuple

from .events import group_of
from .recent import Recent
from .seen_tasks import Task
from .seen_workers import Worker

Listener = Callable[[Any], None]

#: How a state is shown, in Celery's words.
R_STATE: Final = "<State: events={0.event_count} tasks={0.task_count}>"


class Occurrence(NamedTuple):
    """When something happened to a task: sorts by logical clock, then time, then place."""

    clock: int
    timestamp: float
    origin: str
    uuid: str


class State:
    """Workers by node name and tasks by id. Not thread-safe: whoever shares it locks it.

    Args:
        now: Unix seconds, to tell who is alive.
        callback: Called with this state and each event, before it is taken in.
        max_workers_in_memory: The least recently seen are forgotten beyond this.
        max_tasks_in_memory: Likewise.
        on_node_join: Called with a worker that was not there before, or says it has come.
        on_node_leave: Called with a worker that says it goes.
    """

    event_count = 0
    task_count = 0
    #: How many occurrences are kept for each of `max_tasks_in_memory`: a task has about as many.
    heap_multiplier = 4

    def __init__(
        self,
        now: Callable[[], float],
        callback: Callable[["State", dict[str, Any]], None] | None = None,
        max_workers_in_memory: int = 5000,
        max_tasks_in_memory: int = 10000,
        on_node_join: Listener | None = None,
        on_node_leave: Listener | None = None,
    ) -> None:
        self._now = now
        self.event_callback = callback
        self.max_workers_in_memory, self.max_tasks_in_memory = (
            max_workers_in_memory,
            max_tasks_in_memory,
        )
        self.on_node_join, self.on_node_leave = on_node_join, on_node_leave
        self.workers: Recent[Worker] = Recent(max_workers_in_memory)
        self.tasks: Recent[Task] = Recent(max_tasks_in_memory)
        self.handlers: dict[str, Callable[[str, dict[str, Any]], Any]] = {}
        self._order: list[Occurrence] = []
        self._types: set[str] = set()

    # -- taking in

    def event(self, event: dict[str, Any]) -> tuple[Any, str] | None:
        """Take an event in; return what it concerns, whether that is new, and the subject."""
        self.event_count += 1
        if self.event_callback is not None:
            self.event_callback(self, event)
        kind = str(event.get("type", ""))
        group, subject = group_of(kind), kind.partition("-")[2]
        if handler := self.handlers.get(group):
            return handler(subject, event), subject
        match group:
            case "worker":
                return self._worker_event(subject, event)
            case "task":
                return self._task_event(subject, event)
            case _:
                return None

    def _worker_event(self, subject: str, event: Mapping[str, Any]) -> tuple[Any, str] | None:
        hostname = event.get("hostname")
        if not isinstance(hostname, str):
            return None
        worker, created = self._worker(hostname)
        worker.event(subject, event.get("timestamp"), event.get("local_received"), event)
        if self.on_node_join and (created or subject == "online"):
            self.on_node_join(worker)
        if subject == "offline":
            if self.on_node_leave:
                self.on_node_leave(worker)
            self.workers.pop(hostname, None)
        return (worker, created), subject

    def _task_event(self, subject: str, event: Mapping[str, Any]) -> tuple[Any, str] | None:
        uuid, hostname = event.get("uuid"), event.get("hostname")
        if not isinstance(uuid, str) or not isinstance(hostname, str):
            return None
        task, created = self._task(uuid)
        timestamp, received = event.get("timestamp"), event.get("local_received")
        if subject == "sent":
            task.client, origin = hostname, hostname
        else:
            worker, _ = self._worker(hostname)
            task.worker, origin = worker, worker.id
            worker.event("", received, timestamp, {})
        self._place(Occurrence(event.get("clock") or 0, timestamp or 0.0, origin, uuid))
        if subject == "received":
            self.task_count += 1
        task.event(subject, timestamp, event.get("local_received"), event)
        if task.name is not None:
            self._types.add(task.name)
        return (task, created), subject

    def _place(self, occurrence: Occurrence) -> None:
        if len(self._order) >= self.max_tasks_in_memory * self.heap_multiplier:
            del self._order[0]
        if not self._order or occurrence > self._order[-1]:
            self._order.append(occurrence)
        else:
            insort(self._order, occurrence)

    def _worker(self, hostname: str) -> tuple[Worker, bool]:
        found = self.workers.get(hostname)
        if found is None:
            found = self.workers[hostname] = self._new_worker(hostname)
            return found, True
        return found, False

    def _task(self, uuid: str) -> tuple[Task, bool]:
        found = self.tasks.get(uuid)
        if found is None:
            found = self.tasks[uuid] = self._new_task(uuid)
            return found, True
        return found, False

    def _new_worker(self, hostname: str) -> Worker:
        return Worker(hostname, now=self._now)

    def _new_task(self, uuid: str) -> Task:
        return Task(uuid, cluster_state=self)

    get_or_create_worker = _worker
    get_or_create_task = _task

    # -- looking

    def alive_workers(self) -> Iterator[Worker]:
        """Iterate over the workers whose heartbeat is not overdue."""
        return (worker for worker in list(self.workers.values()) if worker.alive)

    def task_types(self) -> list[str]:
        """Return the names of all tasks seen."""
        return sorted(self._types)

    def itertasks(self, limit: int | None = None) -> Iterator[tuple[str, Task]]:
        """Iterate over ids and tasks."""
        return islice(iter(list(self.tasks.items())), limit)

    def tasks_by_time(
        self, limit: int | None = None, reverse: bool = True
    ) -> Iterator[tuple[str, Task]]:
        """Iterate over ids and tasks by when something last happened to them, latest first."""
        ordered = reversed(self._order) if reverse else iter(self._order)
        uuids = dict.fromkeys(one.uuid for one in ordered)
        found = ((uuid, self.tasks.get(uuid)) for uuid in uuids)
        return islice(((uuid, task) for uuid, task in found if task is not None), limit)

    tasks_by_timestamp = tasks_by_time

    def tasks_by_type(
        self, name: str, limit: int | None = None, reverse: bool = True
    ) -> Iterator[tuple[str, Task]]:
        """Iterate over the tasks of a name by time."""
        every = self.tasks_by_time(reverse=reverse)
        return islice(((uuid, task) for uuid, task in every if task.name == name), limit)

    def tasks_by_worker(
        self, hostname: str, limit: int | None = None, reverse: bool = True
    ) -> Iterator[tuple[str, Task]]:
        """Iterate over the tasks of a node by time."""
        every = self.tasks_by_time(reverse=reverse)
        return islice(
            (
                (uuid, task)
                for uuid, task in every
                if task.worker is not None and task.worker.hostname == hostname
            ),
            limit,
        )

    # -- forgetting

    def clear_tasks(self, ready: bool = True) -> None:
        """Forget tasks: those that have ended, or all."""
        self._clear_tasks(ready)

    def _clear_tasks(self, ready: bool = True) -> None:
        # Under Celery's name, since monitors override it.
        for uuid, task in list(self.tasks.items()):
            if not ready or task.ready:
                del self.tasks[uuid]
        self._order.clear()

    def clear(self, ready: bool = True) -> None:
        """Forget workers, and tasks as `clear_tasks` does."""
        self.workers.clear()
        self._clear_tasks(ready)

    def rebuild_taskheap(
        self, timetuple: Callable[[int, float, str, str], Occurrence] = Occurrence
    ) -> None:
        """Put tasks in the order of their last event.

        `timetuple` makes what is ordered, of clock, time, place and id.
        """
        self._order[:] = sorted(
            timetuple(task.clock, task.timestamp or 0.0, task.origin or "", uuid)
            for uuid, task in self.tasks.items()
        )

    def __repr__(self) -> str:
        """Show how much was seen."""
        return R_STATE.format(self)
