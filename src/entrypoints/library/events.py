"""Events as users watch and send them: `app.events.Receiver`, `.State`, `.Dispatcher`."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...domain.cluster import picture, seen_tasks
from .event_receiving import EventReceiver
from .event_sending import EventDispatcher
from .seen_workers import Worker
from .task_indexes import TaskIndex, type_of, worker_of

if TYPE_CHECKING:
    from .app import Celeriac

__all__ = ["EventDispatcher", "EventReceiver", "Events", "State"]


class State(picture.State):
    """The state of a cluster as events tell it; feed it with `Receiver(handlers={"*": …})`.

    Any thread may use it. `freeze_while(fun)` calls a function while nothing changes.

    Args:
        callback: Called with this state and each event, before it is taken in.
        workers: Workers by name to begin with.
        tasks: Tasks by id to begin with.
        taskheap: Accepted for Celery's sake: the order follows from the tasks.
        max_workers_in_memory: The least recently seen are forgotten beyond this.
        max_tasks_in_memory: Likewise.
        on_node_join: Called with a worker that was not there before, or says it has come.
        on_node_leave: Called with a worker that says it goes.
        tasks_by_type: Accepted for Celery's sake, as is `tasks_by_worker`: both follow too.
        tasks_by_worker: See `tasks_by_type`.
    """

    #: What it is made of; a subclass may name heirs of these.
    Worker: Any = Worker
    Task: Any = seen_tasks.Task

    def __init__(
        self,
        callback: Callable[[Any, dict[str, Any]], None] | None = None,
        workers: Mapping[str, Any] | None = None,
        tasks: Mapping[str, Any] | None = None,
        taskheap: Iterable[Any] | None = None,
        max_workers_in_memory: int = 5000,
        max_tasks_in_memory: int = 10000,
        on_node_join: picture.Listener | None = None,
        on_node_leave: picture.Listener | None = None,
        tasks_by_type: Any = None,
        tasks_by_worker: Any = None,
    ) -> None:
        super().__init__(
            time.time,
            callback,
            max_workers_in_memory,
            max_tasks_in_memory,
            on_node_join,
            on_node_leave,
        )
        self._mutex = threading.Lock()
        self.workers.update(workers or {})
        self.tasks.update(tasks or {})
        if self.tasks:
            self.rebuild_taskheap()
            self._types.update(task.name for task in self.tasks.values() if task.name)

    def _new_worker(self, hostname: str) -> Any:
        return self.Worker(hostname, now=self._now)

    def _new_task(self, uuid: str) -> Any:
        return self.Task(uuid, cluster_state=self)

    def worker_event(self, type_: str, fields: Mapping[str, Any]) -> Any:
        """Take in what a worker said, such as `online`; return it, and whether it is new."""
        taken = self.event({**fields, "type": f"worker-{type_}"})
        return taken and taken[0]

    def task_event(self, type_: str, fields: Mapping[str, Any]) -> Any:
        """Take in what was said of a task, such as `started`; return it, and whether it is new."""
        taken = self.event({**fields, "type": f"task-{type_}"})
        return taken and taken[0]

    def event(self, event: dict[str, Any]) -> tuple[Any, str] | None:
        """Take an event in."""
        with self._mutex:
            return super().event(event)

    @property
    def tasks_by_type(self) -> TaskIndex:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The tasks by name: an index, and a method."""
        return TaskIndex(self, super().tasks_by_type, type_of)

    @property
    def tasks_by_worker(self) -> TaskIndex:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The tasks by node: an index, and a method."""
        return TaskIndex(self, super().tasks_by_worker, worker_of)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a monitor may keep over its restart."""
        return {name: value for name, value in vars(self).items() if name != "_mutex"}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        """Go on with what was kept."""
        vars(self).update(kept)
        self._mutex = threading.Lock()

    def freeze_while(
        self, fun: Callable[..., Any], *args: Any, clear_after: bool = False, **kwargs: Any
    ) -> Any:
        """Call a function while nothing changes; with `clear_after` forget all afterwards."""
        with self._mutex:
            try:
                return fun(*args, **kwargs)
            finally:
                if clear_after:
                    self.clear()


class Events:
    """`app.events`: what receives, sends and pictures the events of an app."""

    # Subclasses may name their own, which derive from these.
    receiver_cls: Any = EventReceiver
    dispatcher_cls: Any = EventDispatcher
    state_cls: Any = State

    def __init__(self, app: "Celeriac") -> None:
        """Be an app's."""
        self.app = app

    def _made(self, cls: Any) -> Any:
        return self.app.subclass_with_self(cls)

    @property
    def Receiver(self) -> type[EventReceiver]:
        """The class of receivers of this app."""
        made: type[EventReceiver] = self._made(self.receiver_cls)
        return made

    @property
    def Dispatcher(self) -> type[EventDispatcher]:
        """The class of dispatchers of this app."""
        made: type[EventDispatcher] = self._made(self.dispatcher_cls)
        return made

    @property
    def State(self) -> type[State]:
        """The class of states."""
        made: type[State] = self._made(self.state_cls)
        return made

    @contextmanager
    def default_dispatcher(
        self,
        hostname: str | None = None,
        enabled: bool = True,
        buffer_while_offline: bool = False,
    ) -> Iterator[EventDispatcher]:
        """Give a dispatcher for a while."""
        with self.Dispatcher(
            None, hostname, enabled, buffer_while_offline=buffer_while_offline
        ) as dispatcher:
            yield dispatcher
