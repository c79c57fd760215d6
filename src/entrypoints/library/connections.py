"""`app.connection()`, `app.pool`, `app.producer_pool`: Celery's words for the way to the broker.

There is one broker in a process and it pools by itself, so that these are views of it: to get one
costs nothing, to release one does nothing. What only a driver's own connection could do is refused.
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ...domain.errors import BrokerUnavailable, NotSupported, OperationalError
from ...domain.messaging import protocol
from ...domain.messaging.payload import Payload
from ...domain.settings.presentation import masked
from ..adapter_table import BROKERS, load, names, technology
from ..choices import broker_url, scheme_of

if TYPE_CHECKING:
    from ...ports.broker import Broker
    from .app import Celeriac


#: Scheme → kombu's word for the kind of broker, where they differ.
_KINDS: Final = {
    **dict.fromkeys(("rediss", "sentinel", "valkey", "valkeys"), "redis"),
    **dict.fromkeys(("amqps", "pyamqp", "librabbitmq"), "amqp"),
    **dict.fromkeys(("sqlite", "postgresql", "postgres", "mysql", "mariadb", "sqla"), "sql"),
}


class Declared(NamedTuple):
    """What declaring a queue answers."""

    queue: str
    message_count: int
    consumer_count: int


class Connection:
    """A view of the app's broker, or of the URL of another."""

    connection_errors: tuple[type[Exception], ...] = (BrokerUnavailable, OperationalError)
    channel_errors: tuple[type[Exception], ...] = ()
    recoverable_connection_errors = connection_errors
    recoverable_channel_errors = channel_errors

    def __init__(self, app: "Celeriac", url: str | None = None) -> None:
        """See the app's broker; with a URL only say what it is."""
        self.app, self._url = app, url

    @property
    def broker(self) -> "Broker":
        """The broker. Raises NotSupported for the URL of another."""
        if self._url not in (None, self._own()):
            raise NotSupported(
                f"{self._url!r} is not the broker of {self.app!r}: make an app with broker=… for it"
            )
        return self.app.broker

    def _own(self) -> str:
        return broker_url(self.app.conf)

    # -- what it is

    @property
    def transport_cls(self) -> str:
        """The URL's scheme."""
        return scheme_of(self._url or self._own())

    @property
    def transport(self) -> "Transport":
        """What kind of broker it is."""
        return Transport(self)

    def get_transport_cls(self) -> type[Any]:
        """Return the class of the adapter that serves the URL. Raises KeyError, as kombu does."""
        scheme = self.transport_cls
        kind = technology(scheme, BROKERS, "celeriac.brokers")
        if kind is None or not kind.broker:
            known = ", ".join(names(BROKERS, "celeriac.brokers"))
            raise KeyError(f"No such transport: {scheme}; known: {known}")
        found: type[Any] = load(kind.broker)
        return found

    def as_uri(self, include_password: bool = False, mask: str = "**") -> str:
        """Return the URL, its password hidden unless asked for."""
        url = self._url or self._own()
        return url if include_password else str(masked("broker_url", url))

    def info(self) -> dict[str, Any]:
        """Return what it is, as data."""
        return {"transport": self.transport_cls, "uri": self.as_uri()}

    @property
    def connected(self) -> bool:
        """Whether the broker answers."""
        try:
            self.broker.depth([self.app.conf.task_default_queue])
        except BrokerUnavailable:
            return False
        return True

    # -- life

    def connect(self) -> "Connection":
        """Reach the broker now. Raises BrokerUnavailable."""
        self.broker.open()
        return self

    def ensure_connection(
        self,
        errback: Any = None,
        max_retries: int | None = None,
        interval_start: float = 2,
        interval_step: float = 2,
        interval_max: float = 30,
        **kwargs: Any,
    ) -> "Connection":
        """Reach the broker, trying again `max_retries` times (None: for ever).

        `errback(error, seconds)` is called before each pause. Raises BrokerUnavailable.
        """
        attempt, clock = 0, self.app.clock
        while True:
            try:
                return self.connect()
            except BrokerUnavailable as away:
                if max_retries is not None and attempt >= max_retries:
                    raise
                pause = min(interval_start + attempt * interval_step, interval_max)
                if errback is not None:
                    errback(away, pause)
                clock.wait(pause)
                attempt += 1

    def clone(self, **kwargs: Any) -> "Connection":
        """Return another view of the same."""
        return type(self)(self.app, self._url)

    def release(self) -> None:
        """Do nothing: there is nothing to give back."""

    close = release

    def __enter__(self) -> "Connection":
        """Use it for a while."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Release it."""

    # -- channels

    @property
    def default_channel(self) -> "Channel":
        """Queues to look at."""
        return Channel(self)

    def channel(self) -> "Channel":
        """Queues to look at."""
        return Channel(self)

    def Producer(self, *args: Any, **kwargs: Any) -> "Producer":
        """Return what publishes."""
        return Producer(self.app)

    def __getattr__(self, name: str) -> Any:
        """Refuse what only a driver's connection has."""
        if name.startswith("_"):
            raise AttributeError(name)
        raise AttributeError(
            f"a celeriac connection has no {name!r}: it is a view of the app's broker; what that "
            "offers is app.broker (depth, peek, purge, …)"
        )

    def __repr__(self) -> str:
        """Show the URL."""
        return f"<Connection: {self.as_uri()}>"


class Transport:
    """What is asked of a transport: which kind of broker it is."""

    def __init__(self, connection: Connection) -> None:
        """Tell of this connection."""
        self.connection = self.client = connection

    @property
    def driver_type(self) -> str:
        """The kind of broker, in kombu's words where it has one: `redis`, `amqp`, `sql`."""
        scheme = self.connection.transport_cls.partition("+")[0]
        return _KINDS.get(scheme, scheme)

    driver_name = driver_type

    def driver_version(self) -> str:
        """Return celeriac's version: its adapters are the drivers."""
        from ... import __version__

        return __version__


class Channel:
    """The few things that are asked of channels about queues."""

    def __init__(self, connection: Connection) -> None:
        """Look through this connection."""
        self.connection = connection

    def queue_declare(self, queue: str, passive: bool = False, **kwargs: Any) -> Declared:
        """Return a queue's name, and how many messages wait in it."""
        broker = self.connection.broker
        if not passive:
            broker.declare([self.connection.app.container.router().queue(queue)])
        return Declared(queue, broker.depth([queue]).get(queue, 0), 0)

    def queue_purge(self, queue: str, **kwargs: Any) -> int:
        """Delete what waits in a queue; return how many messages that were."""
        return self.connection.broker.purge([queue])

    def close(self) -> None:
        """Do nothing."""

    def __enter__(self) -> "Channel":
        """Use it for a while."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close it."""


class Producer:
    """Publishes messages of tasks that were made by `app.amqp` or by hand."""

    def __init__(self, app: "Celeriac") -> None:
        """Publish through this app's broker."""
        self.app = app

    @property
    def connection(self) -> Connection:
        """The way to the broker."""
        return Connection(self.app)

    def publish(
        self,
        body: Any,
        routing_key: str | None = None,
        headers: Mapping[str, Any] | None = None,
        exchange: Any = None,
        serializer: str | None = None,
        compression: str | None = None,
        declare: Iterable[Any] = (),
        retry: bool = False,
        retry_policy: Mapping[str, Any] | None = None,
        **properties: Any,
    ) -> None:
        """Publish a task's message, given as body and headers of Celery's protocol 2.

        A body that comes with its `content_type` and `content_encoding` is encoded already.
        Raises NotSupported for what is no task's message, BrokerUnavailable.
        """
        if not headers or not headers.get("task") or not headers.get("id"):
            raise NotSupported(
                "a producer of celeriac publishes messages of tasks: its headers must name 'task' "
                "and 'id'; other messages are for a driver of your broker to send"
            )
        payload = self._encoded(body, serializer, compression, properties)
        exchange = getattr(exchange, "name", exchange) or ""
        key = routing_key or self.app.conf.task_default_queue
        queue = "" if exchange else key
        message = protocol.read(
            headers, properties, payload, queue=queue, exchange=exchange, routing_key=key
        )
        policy = {**self.app.conf.task_publish_retry_policy, **(retry_policy or {})}
        self.app.sending.publish([message], retry=policy if retry else None)

    def _encoded(
        self, body: Any, serializer: str | None, compression: str | None, said: dict[str, Any]
    ) -> Payload:
        content_type = said.pop("content_type", None)
        encoding = said.pop("content_encoding", None)
        if content_type is None:
            return self.app.container.codec().encode(body, serializer, compression)
        encoding = encoding or "utf-8"
        data = body.encode(encoding) if isinstance(body, str) else bytes(body)
        return Payload(data, content_type, encoding)

    def release(self) -> None:
        """Do nothing: there is nothing to give back."""

    close = release

    def __enter__(self) -> "Producer":
        """Use it for a while."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Release it."""


class Pool:
    """Views without limit: what `app.pool` and `app.producer_pool` are."""

    limit: int | None = None

    def __init__(self, app: "Celeriac", kind: type[Connection] | type[Producer]) -> None:
        """Hand out these."""
        self._app, self._kind = app, kind

    def acquire(self, block: bool = False, timeout: float | None = None) -> Any:
        """Return one; it may be used as a context manager."""
        return self._kind(self._app)

    def release(self, resource: Any) -> None:
        """Do nothing: there is nothing to give back."""

    def force_close_all(self, close_pool: bool = True) -> None:
        """Let go of what this process has opened; it is opened again when needed."""
        self._app.let_go()


def either(given: Any, pool: Pool) -> AbstractContextManager[Any]:
    """Return what was given, as a context that leaves it open, or one of the pool."""
    return nullcontext(given) if given else pool.acquire(block=True)
