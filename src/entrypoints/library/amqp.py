"""`app.amqp`: queues, routes, and messages made and sent one by one, under Celery's names."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from ...application.send import check_shape
from ...domain.messaging import protocol
from ...domain.messaging.compose import compose
from ...domain.messaging.queues import Exchange, Queue
from ...domain.messaging.routing import Router
from ..routes import queues_from, router_of
from .connections import Connection, Pool, Producer

if TYPE_CHECKING:
    from .app import Celeriac
    from .results import AsyncResult


class TaskMessageParts(NamedTuple):
    """A message of protocol 2 in its parts."""

    headers: dict[str, Any]
    properties: dict[str, Any]
    body: Any
    sent_event: dict[str, Any] | None


class Queues(dict[str, Queue]):
    """The queues an app knows. Choosing among them tells workers made later what to work on."""

    def __init__(self, app: "Celeriac") -> None:
        """Know those that the settings name."""
        self._app = app
        self._chosen: dict[str, Queue] | None = None
        self._left_out: set[str] = set()
        super().__init__(router_of(app.conf).queues)

    @property
    def consume_from(self) -> dict[str, Queue]:
        """The queues a worker would work on."""
        chosen = self if self._chosen is None else self._chosen
        return {name: queue for name, queue in chosen.items() if name not in self._left_out}

    @property
    def chosen(self) -> list[str] | None:
        """Names of the queues a worker would work on; None if nobody has chosen."""
        if self._chosen is None and not self._left_out:
            return None
        return list(self.consume_from)

    @contextmanager
    def choosing(self, names: Iterable[str]) -> Iterator[None]:
        """Let the choice begin with these, and be forgotten afterwards."""
        before = self._chosen, self._left_out
        self._left_out = set()
        self.select(names)
        try:
            yield
        finally:
            self._chosen, self._left_out = before

    def add(self, queue: Any, **options: Any) -> Queue:
        """Make a queue known: a queue, or its name and `exchange`, `routing_key`."""
        if isinstance(queue, str):
            exchange = options.get("exchange")
            exchange = getattr(exchange, "name", exchange) or ""
            made = Queue(queue, Exchange(exchange), options.get("routing_key") or queue)
            queue = made if exchange else Queue(queue)
        found = queues_from([queue], router_of(self._app.conf).defaults)[0]
        if found.exchange.name:  # one without needs nobody to know it
            self._app.container.router().queues[found.name] = found
        self[found.name] = found
        return found

    def add_compat(self, name: str, **options: Any) -> Queue:
        """Make a queue known by its name and options; `binding_key` is its routing key too."""
        options.setdefault("routing_key", options.pop("binding_key", None) or name)
        return self.add(name, **options)

    def new_missing(self, name: str) -> Queue:
        """Return the queue that a name nobody declared would stand for. Raises QueueNotFound."""
        return router_of(self._app.conf).queue(name)

    def select(self, include: str | Iterable[str]) -> None:
        """Have workers work on these only."""
        names = include.split(",") if isinstance(include, str) else include
        self._chosen = {name: self._found(name) for name in names}

    def deselect(self, exclude: str | Iterable[str]) -> None:
        """Have workers leave these out."""
        self._left_out.update(exclude.split(",") if isinstance(exclude, str) else exclude)

    def select_add(self, queue: Any, **options: Any) -> Queue:
        """Make a queue known and have workers work on it too."""
        if self._chosen is None:
            self._chosen = dict(self.consume_from)
        found = self._chosen[getattr(queue, "name", queue)] = self.add(queue, **options)
        return found

    def _found(self, name: str) -> Queue:
        return self[name] if name in self else self.add(name)

    def format(self, indent: int = 0, indent_first: bool = True) -> str:
        """Return the queues a worker would work on as lines of text."""
        lines = [
            f".> {name:<16} exchange={q.exchange.name or name}({q.exchange.kind}) "
            f"key={q.routing_key or name}"
            for name, q in sorted(self.consume_from.items())
        ]
        text = f"\n{' ' * indent}".join(lines)
        return f"{' ' * indent}{text}" if indent_first else text


class AMQP:
    """How an app's calls become messages, part by part."""

    #: The class of what `queues` is; a subclass may have its own.
    queues_cls: type[Queues] = Queues

    def __init__(self, app: "Celeriac") -> None:
        """Work for this app."""
        self.app = app
        self._queues: Queues | None = None

    @property
    def queues(self) -> Queues:
        """The queues known."""
        if self._queues is None:
            self._queues = self.queues_cls(self.app)
        return self._queues

    @property
    def router(self) -> Router:
        """What leads a call to its queue."""
        return self.app.container.router()

    @property
    def routes(self) -> Sequence[Any]:
        """The rules of the setting `task_routes`."""
        return self.router.rules

    @property
    def default_queue(self) -> Queue:
        """Where a call goes when nobody says anything else."""
        return self.router.queue(self.app.conf.task_default_queue)

    @property
    def default_exchange(self) -> Exchange:
        """Its exchange."""
        return self.default_queue.exchange

    @property
    def producer_pool(self) -> Pool:
        """What publishes."""
        return self.app.producer_pool

    publisher_pool = producer_pool

    def Connection(self, hostname: str | None = None, **kwargs: Any) -> Connection:
        """Return a view of the broker; with a URL, of another one."""
        return self.app.connection(hostname)

    BrokerConnection = Connection

    def Producer(self, *args: Any, **kwargs: Any) -> Producer:
        """Return what publishes; all go through the app's broker."""
        return Producer(self.app)

    @property
    def utc(self) -> bool:
        """Whether times travel in UTC, as the setting `enable_utc` says."""
        return self.app.conf.enable_utc

    def as_task_v2(
        self,
        task_id: str,
        name: str,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        create_sent_event: bool = False,
        callbacks: Any = None,
        errbacks: Any = None,
        **options: Any,
    ) -> TaskMessageParts:
        """Return the message of a call in its parts; options are those of `apply_async`."""
        args, kwargs = args or (), kwargs or {}
        check_shape(name, args, kwargs)
        given = {**options, "link": callbacks, "link_error": errbacks}
        given = {key: value for key, value in given.items() if value is not None}
        sender, now = self.app.container.sender(), options.pop("now", None) or self.app.clock.now()
        message = compose(name, args, kwargs, given, sender, now=now, new_id=task_id)
        body = sender.codec.decode(message.payload)
        return TaskMessageParts(
            protocol.headers_of(message), protocol.properties_of(message), tuple(body), None
        )

    create_task_message = as_task_v2

    def send_task_message(
        self, producer: Any, name: str, message: TaskMessageParts, **options: Any
    ) -> "AsyncResult[Any]":
        """Send a message made by `as_task_v2`; `producer` may be None.

        Options say where to (`queue`, `exchange`, `routing_key`) and how (`serializer`,
        `compression`, `priority`).
        """
        args, kwargs, _ = message.body
        route = self.router.route(name, args, kwargs, options)
        codec = self.app.container.codec()
        payload = codec.encode(
            list(message.body), options.get("serializer"), options.get("compression")
        )
        properties = dict(message.properties)
        if options.get("priority") is not None:
            properties["priority"] = options["priority"]
        sent = protocol.read(
            message.headers,
            properties,
            payload,
            queue=route.queue,
            exchange=route.exchange,
            routing_key=route.routing_key,
        )
        self.app.sending.publish([sent])
        return self.app.AsyncResult(sent.id)
