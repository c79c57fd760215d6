"""Events as users watch and send them: `app.events.Receiver`, `.State`, `.Dispatcher`."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...application.watch_events import Watching
from ...domain.cluster import events, picture
from ...domain.cluster.events import Source, group_of
from ...domain.cluster.speech import Topic
from ...domain.errors import CeleriacError
from ..speaking import client_source, utc_offset
from .current import get_current

if TYPE_CHECKING:
    from ...ports.bus import Bus
    from .app import Celeriac


class State(picture.State):
    """The state of a cluster as events tell it; feed it with `Receiver(handlers={"*": …})`.

    Any thread may use it. `freeze_while(fun)` calls a function while nothing changes.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(time.time, *args, **kwargs)
        self._mutex = threading.Lock()

    def event(self, event: dict[str, Any]) -> tuple[Any, str] | None:
        """Take an event in."""
        with self._mutex:
            return super().event(event)

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

    def close(self) -> None:
        """Hear nothing more."""
        self._watching.close()

    def __enter__(self) -> "EventReceiver":
        """Use it for a while."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close it."""
        self.close()


class EventDispatcher:
    """Sends events: `dispatcher.send("shop-sold", item=5)`.

    Args:
        connection: Accepted for Celery's sake, as is `channel`.
        hostname: Who speaks; default: this process.
        enabled: Without, nothing is sent.
        channel: See `connection`.
        buffer_while_offline: Keep events while the store is away, for `flush`.
        app: Whose events.
        groups: Send only events of these groups, such as `task`.
        **options: Further options of Celery's; without effect here.
    """

    app: "Celeriac | None" = None

    def __init__(
        self,
        connection: Any = None,
        hostname: str | None = None,
        enabled: bool = True,
        channel: Any = None,
        buffer_while_offline: bool = True,
        app: "Celeriac | None" = None,
        groups: Iterable[str] | None = None,
        **options: Any,
    ) -> None:
        self.app = self._app = app or self.app or get_current()
        self.enabled, self.groups = enabled, set(groups or ())
        self.buffer_while_offline = buffer_while_offline
        own = client_source(self._app)
        self._source = Source(hostname or own.hostname, own.utcoffset, os.getpid())
        self.hostname, self.pid = self._source.hostname, self._source.pid
        self._kept: list[Any] = []

    def send(self, type: str, blind: bool = False, **fields: Any) -> None:  # noqa: A002 - Celery's word
        """Send an event; `blind` leaves the logical clock out.

        Raises BrokerUnavailable unless events are kept while the store is away.
        """
        if not self.enabled or (self.groups and group_of(type) not in self.groups):
            return
        options = {name: fields.pop(name, None) for name in ("retry", "retry_policy", "utcoffset")}
        del options
        container = self._app.container
        clock = None if blind else container.logical().forward()
        now = fields.pop("timestamp", None) or container.clock().now().timestamp()
        said = events.event(type, self._source, now, clock, fields)
        self._say([events.single(self._app.conf.event_exchange, said)])

    def flush(self, errors: bool = True, groups: bool = True) -> None:
        """Send what was kept while the store was away."""
        kept, self._kept = self._kept, []
        self._say(kept)

    def enable(self) -> None:
        """Send from now on."""
        self.enabled = True

    def disable(self) -> None:
        """Send nothing from now on."""
        self.enabled = False

    def close(self) -> None:
        """Let go; the app keeps its connections."""

    def _say(self, messages: list[Any]) -> None:
        if not messages:
            return
        try:
            self._bus().broadcast(messages)
        except CeleriacError:
            if not self.buffer_while_offline:
                raise
            self._kept += messages

    def _bus(self) -> "Bus":
        return self._app.container.bus()

    def __enter__(self) -> "EventDispatcher":
        """Use it for a while."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close it."""
        self.close()


class Events:
    """`app.events`: what receives, sends and pictures the events of an app."""

    def __init__(self, app: "Celeriac") -> None:
        """Be an app's."""
        self.app = app

    @property
    def Receiver(self) -> type[EventReceiver]:
        """The class of receivers of this app."""
        return type("EventReceiver", (EventReceiver,), {"app": self.app})

    @property
    def Dispatcher(self) -> type[EventDispatcher]:
        """The class of dispatchers of this app."""
        return type("EventDispatcher", (EventDispatcher,), {"app": self.app})

    @property
    def State(self) -> type[State]:
        """The class of states."""
        return type("State", (State,), {"app": self.app})

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
