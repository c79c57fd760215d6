"""Events as users watch and send them: `app.events.Receiver`, `.State`, `.Dispatcher`."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...application.watch_events import Watching
from ...domain.cluster import picture, seen_tasks, seen_workers
from ...domain.cluster.speech import Topic
from ..speaking import utc_offset
from .current import get_current
from .event_sending import EventDispatcher
from .task_indexes import TaskIndex, type_of, worker_of

if TYPE_CHECKING:
    from .app import Celeriac

__all__ = ["EventDispatcher", "EventReceiver", "Events", "State"]


class State(picture.State):
    """The state of a cluster as events tell it; feed it with `Receiver(handlers={"*": …})`.

    Any thread may use it. `freeze_while(fun)` calls a function while nothing changes.
    """

    #: What it is made of; a subclass may name heirs of these.
    Worker: Any = seen_workers.Worker
    Task: Any = seen_tasks.Task

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(time.time, *args, **kwargs)
        self._mutex = threading.Lock()

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


class EventReceiver:
    """Listens to events.

    Args:
        channel: Accepted for Celery's sake: the app knows where its events are.
        handlers: Functions by event type; `*` gets the events whose type has none.
        routing_key: Pattern over types in dotted words, such as `worker.#`.
        node_id: A name for this receiver.
        app: Whose events.
        **options: Options of Celery's queues; without effect here.
    """

    app: "Celeriac | None" = None

    def __init__(
        self,
        channel: Any = None,
        handlers: Mapping[str, Callable[[dict[str, Any]], object]] | None = None,
        routing_key: str = "#",
        node_id: str | None = None,
        app: "Celeriac | None" = None,
        **options: Any,
    ) -> None:
        self.app = found = app or self.app or get_current()
        self.handlers = dict(handlers or {})
        self.routing_key, self.node_id = routing_key, node_id or found.new_id()
        container, conf = found.container, found.conf
        self._control = found.control
        self._watching = Watching(
            container.bus(),
            Topic(conf.event_exchange, routing_key),
            self.handlers,
            container.logical(),
            container.clock(),
            utc_offset(),
        )

    @property
    def should_stop(self) -> bool:
        """Set it to end `capture`."""
        return self._watching.should_stop

    @should_stop.setter
    def should_stop(self, value: bool) -> None:
        self._watching.should_stop = value

    def capture(
        self, limit: int | None = None, timeout: float | None = None, wakeup: bool = True
    ) -> None:
        """Handle events until `limit` messages came or `should_stop` is set.

        Raises TimeoutError when none came for `timeout` seconds. `wakeup` has workers send a
        heartbeat at once.
        """
        for _ in self.itercapture(limit, timeout, wakeup):
            pass

    def itercapture(
        self, limit: int | None = None, timeout: float | None = None, wakeup: bool = True
    ) -> Iterator[int]:
        """As `capture`, but gives the word back after each message."""
        self._watching.listen()
        if wakeup:
            self.wakeup_workers()
        return self._watching.capture(limit, timeout)

    def wakeup_workers(self, channel: Any = None) -> None:
        """Have workers send a heartbeat at once."""
        self._control.heartbeat()

    def event_from_message(
        self, body: dict[str, Any], localize: bool = True
    ) -> tuple[str, dict[str, Any]]:
        """Return type and event of a body; times become local unless told otherwise."""
        before = body.get("timestamp")
        kind, event = self._watching.prepared(body)
        if not localize and before is not None:
            event["timestamp"] = before
        return kind, event

    def process(self, type: str, event: dict[str, Any]) -> None:  # noqa: A002 - Celery's word
        """Give an event to the handler of its type, or to that of all others."""
        handler = self.handlers.get(type) or self.handlers.get("*")
        if handler is not None:
            handler(event)

    def close(self) -> None:
        """Hear nothing more."""
        self._watching.close()

    def __enter__(self) -> "EventReceiver":
        """Use it for a while."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close it."""
        self.close()


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
