"""`app.amqp.queues`: the queues an app knows, and those a worker made later is to work on."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ...domain.messaging.queues import Exchange, Queue
from ...domain.messaging.routing import Defaults
from ..routes import queues_from, router_of

if TYPE_CHECKING:
    from .app import Celeriac

#: How a queue is shown, as `format` shows it: `{0}` is the queue.
QUEUE_FORMAT: Final = (
    "\n.> {0.name:<16} exchange={0.exchange.name}({0.exchange.kind}) key={0.routing_key}\n"
)


class Queues(dict[str, Queue]):
    """Queues by name. Choosing among them tells workers made later what to work on.

    Args:
        queues: Queues, or a mapping of names to options, as of the setting `task_queues`.
        default_exchange: The exchange of queues that name none.
        create_missing: Whether a name that nobody declared stands for a queue of that name.
        create_missing_queue_type: The type of such a queue, such as `quorum`.
        create_missing_queue_exchange_type: The type of its exchange.
        autoexchange: Makes its exchange of its name.
        max_priority: Priorities of queues that do not say how many they have.
        default_routing_key: The key of queues that name no exchange.
    """

    _app: "Celeriac | None" = None

    def __init__(
        self,
        queues: Any = None,
        default_exchange: Any = None,
        create_missing: bool = True,
        create_missing_queue_type: str | None = None,
        create_missing_queue_exchange_type: str | None = None,
        autoexchange: Callable[[str], Any] | None = None,
        max_priority: int | None = None,
        default_routing_key: str | None = None,
    ) -> None:
        super().__init__()
        self.default_exchange, self.default_routing_key = default_exchange, default_routing_key
        self.create_missing, self.autoexchange = create_missing, autoexchange
        self.create_missing_queue_type = create_missing_queue_type
        self.create_missing_queue_exchange_type = create_missing_queue_exchange_type
        self.max_priority = max_priority
        self._chosen: dict[str, Queue] | None = None
        self._left_out: set[str] = set()
        for queue in queues_from(queues, Defaults()):
            self[queue.name] = self._completed(queue)
        self._from_the_beginning = dict(self)

    def belong_to(self, app: "Celeriac") -> None:
        """Be an app's: what is added is declared by it, and what is missing it makes."""
        self._app = app

    @property
    def consume_from(self) -> dict[str, Queue]:
        """The queues a worker would work on."""
        chosen = self._from_the_beginning if self._chosen is None else self._chosen
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

    def __missing__(self, name: str) -> Queue:
        """Return the queue that a name stands for which nobody declared. Raises KeyError."""
        if not self.create_missing:
            raise KeyError(name)
        return self.add(self.new_missing(name))

    def new_missing(self, name: str) -> Queue:
        """Return the queue that such a name would stand for. An app may raise QueueNotFound."""
        if self._app is not None and self.autoexchange is None:
            return router_of(self._app.conf).queue(name)
        arguments: dict[str, Any] = {}
        if self.create_missing_queue_type is not None:
            arguments["x-queue-type"] = self.create_missing_queue_type
        kind: Any = self.create_missing_queue_exchange_type or "direct"
        exchange = _exchange(self.autoexchange(name)) if self.autoexchange else Exchange(name, kind)
        return Queue(name, exchange, name, max_priority=self.max_priority, arguments=arguments)

    def add(self, queue: Any, **options: Any) -> Queue:
        """Make a queue known: a queue, or its name and `exchange`, `routing_key` and others."""
        if isinstance(queue, str):
            queue = self._described(queue, options)
        found = self._completed(queues_from([queue], Defaults())[0])
        if self._app is not None and found.exchange.name:  # one without needs nobody to know it
            self._app.container.router().queues[found.name] = found
        self[found.name] = found
        return found

    def add_compat(self, name: str, **options: Any) -> Queue:
        """Make a queue known by its name and options; `binding_key` is its routing key too."""
        options.setdefault("routing_key", options.pop("binding_key", None) or name)
        return self.add(name, **options)

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

    def format(self, indent: int = 0, indent_first: bool = True) -> str:
        """Return the queues a worker would work on as lines of text."""
        lines = [
            QUEUE_FORMAT.strip().format(_spelled_out(queue))
            for _, queue in sorted(self.consume_from.items())
        ]
        text = f"\n{' ' * indent}".join(lines)
        return f"{' ' * indent}{text}" if indent_first else text

    def _found(self, name: str) -> Queue:
        return self[name] if name in self else self.add(name)

    def _described(self, name: str, options: dict[str, Any]) -> Queue:
        exchange = options.get("exchange")
        told: dict[str, Any] = {
            "durable": options.get("durable") is not False,
            "max_priority": options.get("max_priority"),
            "arguments": dict(options.get("queue_arguments") or {}),
        }
        if not exchange:
            return Queue(name, **told)
        kind: Any = options.get("exchange_type") or "direct"
        made = Exchange(exchange, kind) if isinstance(exchange, str) else _exchange(exchange)
        return Queue(name, made, options.get("routing_key") or name, **told)

    def _completed(self, queue: Queue) -> Queue:
        """Return a queue with what holds for those that do not say it themselves."""
        if not queue.exchange.name and self.default_exchange is not None:
            key = self.default_routing_key or queue.routing_key or queue.name
            queue = replace(queue, exchange=_exchange(self.default_exchange), routing_key=key)
        if self.max_priority is not None and queue.max_priority is None:
            queue = replace(queue, max_priority=self.max_priority)
        return queue


def _exchange(exchange: Any) -> Exchange:
    """Return an exchange of ours, given one or kombu's."""
    if isinstance(exchange, Exchange):
        return exchange
    kind: Any = getattr(exchange, "type", "direct")
    durable = getattr(exchange, "durable", True) is not False
    return Exchange(exchange.name, kind, durable=durable)


def _spelled_out(queue: Queue) -> Queue:
    """Return a queue that is reached by its own name as one that says so."""
    exchange = replace(queue.exchange, name=queue.exchange.name or queue.name)
    return replace(queue, exchange=exchange, routing_key=queue.routing_key or queue.name)
