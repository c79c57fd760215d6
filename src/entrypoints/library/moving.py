"""Moves waiting tasks from queue to queue, or to another broker.

What must stay true: a task is published where it goes before it is taken from where it was. Should
the process die in between it is in both places; it is in none at no time.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ...domain.errors import BrokerUnavailable, CeleriacError, LeaseLost, NotSupported
from ...domain.messaging.delivery import Delivery
from ...domain.messaging.message import TaskMessage
from ...domain.work.settlement import DONE, REQUEUE
from ..choices import another_owner
from .app import Celeriac

if TYPE_CHECKING:
    from ...ports.broker import Broker

#: Seconds that so many moves may take; after a death as many until the last one is seen again.
LEASE: Final = 30.0
AT_ONCE: Final = 100

Body = dict[str, Any]
#: Says where a task goes: a queue, its name, or (exchange, routing key); nothing: it stays.
Choice = Callable[[Body, TaskMessage], Any]


class StopFiltering(Exception):
    """Raised by a predicate or a callback: enough was moved."""


class State:
    """How far a move has come: looked at, moved, and how many there were about."""

    count = 0
    filtered = 0
    total_apx = 0

    @property
    def strtotal(self) -> str:
        """How many there were, for people."""
        return str(self.total_apx) if self.total_apx else "?"

    def __repr__(self) -> str:
        """Show it in short."""
        return f"^{self.filtered}" if self.filtered else f"{self.count}/{self.strtotal}"


class Mover:
    """Moves tasks of one app's broker to another's, which may be the same.

    Args:
        source: The app whose tasks they are.
        target: The app that sends them where they go.
        state: What is counted in.
        callback: Called with state, body and message after each.
        limit: How many are moved at most.
    """

    def __init__(
        self,
        source: Celeriac,
        target: Celeriac,
        state: State,
        callback: Callable[[State, Body, TaskMessage], Any] | None = None,
        limit: int | None = None,
    ) -> None:
        self._source, self._target, self._state = source, target, state
        self._callback, self._limit = callback, limit

    def move(self, choice: Choice, queues: Sequence[str]) -> State:
        """Move what is chosen of what is ready in these queues; return what was counted.

        Tasks that wait for their time stay. Raises NotSupported, BrokerUnavailable.
        """
        with owner_of(self._source) as broker, suppress(StopFiltering):
            for message, body in self._ready(broker, queues):
                way = choice(body, message)
                if way and self._moved(broker, message, way):
                    self._note(broker, message, body)
        return self._state

    def _ready(self, broker: "Broker", queues: Sequence[str]) -> Iterator[tuple[TaskMessage, Body]]:
        depths = broker.depth(queues)
        self._state.total_apx = sum(depths.values())
        codec = self._source.container.codec()
        for queue in queues:
            for message in broker.peek(queue, depths.get(queue, 0)) if depths.get(queue) else ():
                self._state.count += 1
                body: Body = {"id": message.id, "task": message.task, "args": None, "kwargs": None}
                with suppress(CeleriacError):  # what is not accepted here can be moved all the same
                    body["args"], body["kwargs"], *_ = codec.decode(message.payload)
                yield message, body

    def _moved(self, broker: "Broker", message: TaskMessage, way: Any) -> bool:
        options: dict[str, Any] = {"queue": way}
        if isinstance(way, tuple):
            options = {"exchange": way[0], "routing_key": way[1]}
        route = self._target.container.router().route(message.task, (), {}, options)
        if self._source is self._target and route.queue == message.queue:
            return False
        moved = False
        for seized in broker.seize([message.id]):
            if not isinstance(seized, Delivery) or seized.queue != message.queue:
                broker.settle([(seized.token, REQUEUE)])
                continue
            sent = replace(
                seized.message,
                queue=route.queue,
                exchange=route.exchange,
                routing_key=route.routing_key,
            )
            self._target.sending.publish([sent])
            broker.settle([(seized.token, DONE)])
            moved = True
        return moved

    def _note(self, broker: "Broker", message: TaskMessage, body: Body) -> None:
        state = self._state
        state.filtered += 1
        if state.filtered % AT_ONCE == 0:
            broker.renew()
        if self._callback is not None:
            self._callback(state, body, message)
        if self._limit and state.filtered >= self._limit:
            raise StopFiltering


@contextmanager
def owner_of(app: Celeriac) -> "Iterator[Broker]":
    """Give a broker with which nobody else claims. Raises NotSupported."""
    able = app.broker.capabilities
    owner = another_owner(app.broker) if able.seize and able.peek else None
    if owner is None:
        raise NotSupported(
            f"tasks cannot be moved out of {app.broker.url}: it cannot show what is in its queues "
            "or take single messages out; let workers consume those queues instead"
        )
    try:
        owner.enlist(app.container.sender().origin, LEASE)
        try:
            yield owner
        finally:
            with suppress(BrokerUnavailable, LeaseLost):
                owner.leave()
    finally:
        owner.close()


@contextmanager
def at_broker(app: Celeriac, broker: Any) -> Iterator[Celeriac]:
    """Give an app with the settings of this one at another broker: a URL, or a view of it."""
    url = broker if isinstance(broker, str) else broker.as_uri(include_password=True)
    if url == app.connection().as_uri(include_password=True):
        yield app
        return
    changes = {name: value for name, value in app.conf.changes().items() if name in _KEPT}
    other = Celeriac(app.main, set_as_current=False, changes=changes)
    other.conf.broker_url = url  # wins over what the environment says
    try:
        yield other
    finally:
        other.close()


def prepare_queues(queues: Any) -> dict[str, str]:
    """Return `{source: destination}` of it, of `"a:b,c"`, or of `["a:b", "c"]`."""
    if isinstance(queues, str):
        queues = queues.split(",")
    if isinstance(queues, list | tuple):
        return {name: to or name for name, _, to in (one.partition(":") for one in queues)}
    return dict(queues or {})


def queue_names(app: Celeriac, queues: Iterable[Any] | None) -> list[str]:
    """Return the names of these queues; of those that the app knows without them."""
    if queues is None:
        return list(app.container.router().queues)
    return [getattr(queue, "name", queue) for queue in queues]


#: Settings that hold at the other broker too.
_KEPT: Final = frozenset(
    (
        "accept_content",
        "broker_transport_options",
        "task_create_missing_queues",
        "task_default_exchange",
        "task_default_queue",
        "task_default_routing_key",
        "task_queues",
        "task_serializer",
    )
)
