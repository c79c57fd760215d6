"""`app.amqp`: queues, routes, and messages made and sent one by one, under Celery's names."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...application.send import check_shape
from ...domain.errors import NotSupported
from ...domain.messaging import protocol
from ...domain.messaging.compose import compose
from ...domain.messaging.queues import Exchange, Queue
from ...domain.messaging.routing import Router as Routing
from ...domain.messaging.short_repr import REPR_MAXSIZE
from ..routes import router_of, rules_of
from .connections import Connection, Pool, Producer
from .message_parts import TaskMessageParts, as_protocol_2, as_task_v1, sent_event
from .queues import Queues as KnownQueues

if TYPE_CHECKING:
    from .app import Celeriac
    from .results import AsyncResult


class AMQP:
    """How an app's calls become messages, part by part."""

    #: The class of what `queues` is; a subclass may have its own.
    queues_cls: type[KnownQueues] = KnownQueues
    #: Makes the exchange of a queue that nobody declared, from its name; a subclass may have one.
    autoexchange: Any = None

    def __init__(self, app: "Celeriac") -> None:
        """Work for this app."""
        self.app = app
        self._queues: KnownQueues | None = None

    @property
    def queues(self) -> KnownQueues:
        """The queues known."""
        if self._queues is None:
            self._queues = self.Queues(router_of(self.app.conf).queues.values())
            self._queues.belong_to(self.app)
        return self._queues

    def Queues(
        self,
        queues: Any,
        create_missing: bool | None = None,
        create_missing_queue_type: str | None = None,
        create_missing_queue_exchange_type: str | None = None,
        autoexchange: Any = None,
        max_priority: int | None = None,
    ) -> KnownQueues:
        """Return queues by name, made as the settings say; without any the default one."""
        conf = self.app.conf
        if create_missing is None:
            create_missing = conf.task_create_missing_queues
        return self.queues_cls(
            list(queues or ()) or [self.default_queue],
            None,
            create_missing,
            create_missing_queue_type or conf.task_create_missing_queue_type,
            create_missing_queue_exchange_type or conf.task_create_missing_queue_exchange_type,
            autoexchange or self.autoexchange,
            max_priority,
        )

    def Router(self, queues: Any = None, create_missing: bool | None = None) -> Any:
        """Return what asks the rules of `task_routes` for a call's options."""
        from ..celery_modules.app_routes import Router

        missing = self.app.conf.task_create_missing_queues
        return Router(
            self.app.conf.task_routes,
            self.queues if queues is None else queues,
            missing if create_missing is None else create_missing,
            app=self.app,
        )

    @property
    def router(self) -> Routing:
        """What leads a call to its queue."""
        return self.app.container.router()

    @property
    def routes(self) -> Sequence[Any]:
        """The rules of the setting `task_routes`."""
        return self.router.rules

    def flush_routes(self) -> None:
        """Read the setting `task_routes` anew: what is sent from now on follows it."""
        self.router.follow(rules_of(self.app.conf))
        self.app.sending.forget_forms()

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
    def Consumer(self) -> Any:
        """The class of kombu's consumers. Raises NotSupported without kombu."""
        from .task_consumers import kombu

        return kombu().Consumer

    def TaskConsumer(
        self, channel: Any, queues: Any = None, accept: Sequence[str] | None = None, **kw: Any
    ) -> Any:
        """Return a consumer of kombu's over the queues a worker would work on, or these.

        `channel` is one of a connection of kombu's, such as steps of workers are given. Raises
        NotSupported for a view of the app's broker.
        """
        from .task_consumers import task_consumer

        return task_consumer(self.app, channel, queues, accept, **kw)

    @property
    def argsrepr_maxsize(self) -> int:
        """The longest `argsrepr` of a message, in characters."""
        return REPR_MAXSIZE

    @argsrepr_maxsize.setter
    def argsrepr_maxsize(self, size: int) -> None:
        raise NotSupported(
            f"argsrepr_maxsize={size!r}: the texts of arguments have {REPR_MAXSIZE} characters at "
            "most; give a call its own by apply_async(argsrepr=…, kwargsrepr=…)"
        )

    kwargsrepr_maxsize = argsrepr_maxsize

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
        sender, now = self.app.container.sender(), options.pop("now", None) or self.app.clock.now()
        given = {**options, "link": callbacks, "link_error": errbacks}
        given = {key: value for key, value in given.items() if value is not None}
        message = compose(name, args, kwargs, given, sender, now=now, new_id=task_id)
        body = sender.codec.decode(message.payload)
        headers = protocol.headers_of(message)
        told = sent_event(headers) if create_sent_event else None
        return TaskMessageParts(headers, protocol.properties_of(message), tuple(body), told)

    create_task_message = as_task_v2

    def as_task_v1(
        self,
        task_id: str,
        name: str,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> TaskMessageParts:
        """Return the message of a call in its parts, as protocol 1 has it.

        Options are those of `as_task_v2`. Once sent it travels as protocol 2.
        """
        now = options.pop("now", None) or self.app.clock.now()
        return as_task_v1(task_id, name, args, kwargs, now=now, **options)

    def send_task_message(
        self, producer: Any, name: str, message: TaskMessageParts, **options: Any
    ) -> "AsyncResult[Any]":
        """Send a message made by `as_task_v2` or `as_task_v1`; `producer` may be None.

        Options say where to (`queue`, `exchange`, `routing_key`) and how (`serializer`,
        `compression`, `priority`).
        """
        headers, (args, kwargs, embed) = as_protocol_2(message)
        route = self.router.route(name, args, kwargs, options)
        codec = self.app.container.codec()
        payload = codec.encode(
            [args, kwargs, embed], options.get("serializer"), options.get("compression")
        )
        properties = dict(message.properties)
        if options.get("priority") is not None:
            properties["priority"] = options["priority"]
        sent = protocol.read(
            headers,
            properties,
            payload,
            queue=route.queue,
            exchange=route.exchange,
            routing_key=route.routing_key,
        )
        self.app.sending.publish([sent])
        return self.app.AsyncResult(sent.id)
