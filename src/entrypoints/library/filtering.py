"""Shows waiting tasks to a function, one by one, which may take them out: `Filterer`.

They stay where they are until they are acknowledged; nobody is kept from running them meanwhile,
so that one which a worker has claimed in between cannot be taken out any more.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from ...domain.errors import CeleriacError
from ...domain.messaging import protocol
from ...domain.messaging.delivery import Delivery
from ...domain.messaging.message import TaskMessage
from ...domain.work.settlement import DONE, REQUEUE
from .app import Celeriac
from .moving import (
    Body,
    State,
    StopFiltering,
    at_broker,
    owner_of,
    prepare_queues,
    queue_names,
)

if TYPE_CHECKING:
    from ...ports.broker import Broker

#: Seconds between two looks at queues in which there was nothing new.
PAUSE: Final = 0.2

Callback = Callable[[Body, "Waiting"], Any]


class Waiting:
    """A waiting task's message, in the words of Celery's protocol 2 beside our own.

    What it does not know itself is the message's: `id`, `task`, `queue`.
    """

    def __init__(self, message: TaskMessage, broker: "Broker", body: Body) -> None:
        """Show a message that waits at a broker."""
        self._message, self._broker, self._body = message, broker, body
        self.headers, self.properties = (
            protocol.headers_of(message),
            protocol.properties_of(message),
        )
        self.delivery_info = {
            "exchange": message.exchange,
            "routing_key": message.routing_key or message.queue,
        }
        self.acknowledged = False

    @property
    def message(self) -> TaskMessage:
        """The message itself."""
        return self._message

    @property
    def payload(self) -> Body:
        """What the task is called with."""
        return self._body

    def decode(self) -> Body:
        """Return what the task is called with."""
        return self._body

    def ack(self, multiple: bool = False) -> None:
        """Take it out, if it still waits."""
        if self.acknowledged:
            return
        for seized in self._broker.seize([self._message.id]):
            mine = isinstance(seized, Delivery) and seized.queue == self._message.queue
            self._broker.settle([(seized.token, DONE if mine else REQUEUE)])
        self.acknowledged = True

    ack_log_error = ack

    def requeue(self) -> None:
        """Do nothing: it stays where it is."""

    def reject(self, requeue: bool = False) -> None:
        """Take it out, unless it is to be requeued."""
        if not requeue:
            self.ack()

    def __getattr__(self, name: str) -> Any:
        """Return what is the message's."""
        return getattr(self._message, name)


class QueueReader:
    """Reads queues without taking anything out; kombu's word for it would be a consumer."""

    def __init__(self, app: Celeriac, queues: Iterable[Any]) -> None:
        """Read these queues, named or as they are, of this app."""
        self._app = app
        self.queues = [app.container.router().queue(name) for name in queue_names(app, queues)]
        self.callbacks: list[Callback] = []
        self._seen: set[str] = set()

    def register_callback(self, callback: Callback) -> None:
        """Call it with body and message of each task; in the order of registration."""
        self.callbacks.append(callback)

    def depth(self, queue: Any) -> int:
        """Return how many tasks are ready in a queue."""
        return self._app.broker.depth([queue.name]).get(queue.name, 0)

    def unseen(self, broker: "Broker") -> Iterator[tuple[Body, Waiting]]:
        """Yield what is ready and was not seen before."""
        codec = self._app.container.codec()
        for queue in self.queues:
            depth = self.depth(queue)
            for message in broker.peek(queue.name, depth) if depth else ():
                if message.id in self._seen:
                    continue
                self._seen.add(message.id)
                body: Body = {"id": message.id, "task": message.task, "args": None, "kwargs": None}
                with suppress(CeleriacError):  # what is not accepted here can be seen all the same
                    body["args"], body["kwargs"], *_ = codec.decode(message.payload)
                yield body, Waiting(message, broker, body)


class Filterer:
    """Calls a function with body and message of each waiting task.

    Args:
        app: Whose tasks.
        conn: Their broker: a URL, or a view of it; None: the app's.
        filter: The function.
        limit: How many are shown at most.
        timeout: Seconds without a new task after which it is over.
        ack_messages: Whether each task is taken out once the function has returned.
        tasks: Names of tasks, also as `"a,b"`: others are counted, but not shown.
        queues: Which queues are read, as `prepare_queues` takes them; default: `consume_from`.
        callback: Called with state, body and message afterwards.
        forever: Go on whatever the timeout says, until StopFiltering is raised.
        on_declare_queue: Called with each queue before it is read.
        consume_from: Which queues are read where `queues` says nothing; default: the app's.
        state: What is counted in.
        accept: Accepted for Celery's sake: what may be read is the setting `accept_content`.
        **kwargs: Likewise.
    """

    def __init__(
        self,
        app: Celeriac,
        conn: Any,
        filter: Callback,  # noqa: A002 - Celery's word
        limit: int | None = None,
        timeout: float = 1.0,
        ack_messages: bool = False,
        tasks: Iterable[str] | str | None = None,
        queues: Any = None,
        callback: Callable[[State, Body, Waiting], Any] | None = None,
        forever: bool = False,
        on_declare_queue: Callable[[Any], Any] | None = None,
        consume_from: Iterable[Any] | None = None,
        state: State | None = None,
        accept: Any = None,
        **kwargs: Any,
    ) -> None:
        self.app, self.conn, self.filter, self.limit = app, conn, filter, limit
        self.timeout, self.ack_messages, self.forever = timeout, ack_messages, forever
        self.tasks = set(tasks.split(",") if isinstance(tasks, str) else tasks or ())
        self.queues = prepare_queues(queues)
        self.callback, self.on_declare_queue = callback, on_declare_queue
        self.consume_from: Sequence[Any] = list(consume_from or self.queues or ())
        self.state, self.accept = state or State(), accept
        self._there = app

    def start(self) -> State:
        """Show what waits; return what was counted. Raises NotSupported, BrokerUnavailable."""
        conn = self.app.connection() if self.conn is None else self.conn
        with at_broker(self.app, conn) as self._there, owner_of(self._there) as broker:
            reader = self.prepare_consumer(self.create_consumer())
            with suppress(StopFiltering):
                self._read(reader, broker)
        return self.state

    def create_consumer(self) -> QueueReader:
        """Return what reads the queues."""
        return QueueReader(self._there, self.consume_from or queue_names(self._there, None))

    def prepare_consumer(self, consumer: QueueReader) -> QueueReader:
        """Have it call what is to be called."""
        state, then = self.state, self.callback
        consumer.register_callback(self._filtered)
        consumer.register_callback(self.update_state)
        if self.ack_messages:
            consumer.register_callback(self.ack_message)
        if then is not None:
            consumer.register_callback(lambda body, message: then(state, body, message))
        self.declare_queues(consumer)
        return consumer

    def declare_queues(self, consumer: QueueReader) -> None:
        """Count what is ready in its queues, and tell of them."""
        for queue in consumer.queues:
            if self.queues and queue.name not in self.queues:
                continue
            if self.on_declare_queue is not None:
                self.on_declare_queue(queue)
            self.state.total_apx += consumer.depth(queue)

    def update_state(self, body: Body, message: Waiting) -> None:
        """Count one. Raises StopFiltering beyond the limit."""
        self.state.count += 1
        if self.limit and self.state.count > self.limit:
            raise StopFiltering

    def ack_message(self, body: Body, message: Waiting) -> None:
        """Take one out."""
        message.ack()

    def _filtered(self, body: Body, message: Waiting) -> None:
        if not self.tasks or body["task"] in self.tasks:
            self.filter(body, message)

    def _read(self, reader: QueueReader, broker: "Broker") -> None:
        clock = self.app.container.clock()
        seen_at = clock.monotonic()
        while True:
            for body, message in reader.unseen(broker):
                seen_at = clock.monotonic()
                for callback in reader.callbacks:
                    callback(body, message)
                if self.limit and self.state.count >= self.limit:
                    return
            left = seen_at + self.timeout - clock.monotonic()
            if left <= 0 and not self.forever:
                return
            clock.wait(min(PAUSE, left) if not self.forever else PAUSE)
            broker.renew()


def start_filter(app: Celeriac, conn: Any, filter: Callback, *args: Any, **kwargs: Any) -> State:  # noqa: A002 - Celery's word
    """Show waiting tasks to a function; arguments are those of `Filterer`."""
    return Filterer(app, conn, filter, *args, **kwargs).start()
