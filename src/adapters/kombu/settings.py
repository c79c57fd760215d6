"""What settings say for AMQP, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ...domain.errors import ImproperlyConfigured
from .urls import split

#: Transport options that are ours, or kombu's own, and not for py-amqp.
_NOT_FOR_DRIVER: Final = frozenset(
    (
        "queue_name_prefix",
        "confirm_publish",
        "confirm_timeout",
        "max_retries",
        "interval_start",
        "interval_step",
        "interval_max",
        "errback",
        "callback",
        "native_delayed_delivery_prefix",
    )
)


@dataclass(frozen=True, slots=True)
class Ladder:
    """The queues in which messages wait: level n holds for 2**n units (ms), then sinks by one."""

    prefix: str = ""
    queue_type: str = "quorum"
    unit: int = 1000
    levels: int = 28

    def level(self, number: int) -> str:
        """Return the name of a level's exchange and queue; below the lowest is the way out."""
        before = f"{self.prefix}_" if self.prefix else ""
        return f"{before}celery_delayed_{number if number >= 0 else 'delivery'}"

    @property
    def way_out(self) -> str:
        """The exchange that what has waited comes out of."""
        return self.level(-1)


@dataclass(frozen=True, slots=True)
class EarQueue:
    """How the queue of one who listens is declared. The arguments are RabbitMQ's."""

    arguments: Mapping[str, Any]
    exclusive: bool = True
    #: Stays, until it expires, when its connection is lost or the server restarts.
    durable: bool = False


#: As Celery declares them where nothing else is said.
_OF_CONTROL: Final = EarQueue({"x-expires": 10_000, "x-message-ttl": 300_000})
_OF_EVENTS: Final = EarQueue({"x-expires": 60_000, "x-message-ttl": 5_000})


@dataclass(frozen=True, slots=True)
class AmqpSettings:
    """How to connect and what to declare. Times are seconds."""

    urls: tuple[str, ...]
    timeout: float = 4.0
    heartbeat: float = 60.0
    login_method: str | None = None
    ssl: Any = False
    driver_options: Mapping[str, Any] = field(default_factory=dict)
    #: Stands before the names of all queues and exchanges, so that several sites share a host.
    prefix: str = ""
    queue_type: str = "classic"
    max_priority: int | None = None
    confirm: bool = True
    strict: bool = False
    ladder: Ladder = field(default_factory=Ladder)
    #: The queues that remote control and its replies are heard by, and those of events.
    control: EarQueue = _OF_CONTROL
    events: EarQueue = _OF_EVENTS


def read(url: str, settings: Mapping[str, Any]) -> AmqpSettings:
    """Read the settings. Raises ImproperlyConfigured for a URL or a queue that cannot be."""
    options = dict(settings.get("broker_transport_options") or {})
    known = AmqpSettings(())
    tls = settings.get("broker_use_ssl") or False
    priority = settings.get("task_queue_max_priority")
    return AmqpSettings(
        urls=tuple(split(url)),
        timeout=float(settings.get("broker_connection_timeout") or known.timeout),
        heartbeat=float(settings.get("broker_heartbeat") or 0),
        login_method=settings.get("broker_login_method"),
        ssl=dict(tls) if isinstance(tls, Mapping) else tls,
        driver_options={k: v for k, v in options.items() if k not in _NOT_FOR_DRIVER},
        prefix=str(options.get("queue_name_prefix") or ""),
        queue_type=str(settings.get("task_default_queue_type") or known.queue_type),
        max_priority=None if priority is None else int(priority),
        confirm=options.get("confirm_publish", True) is not False,
        strict=bool(settings.get("worker_disable_prefetch")),
        ladder=Ladder(
            prefix=str(options.get("native_delayed_delivery_prefix") or ""),
            queue_type=str(
                settings.get("broker_native_delayed_delivery_queue_type") or known.ladder.queue_type
            ),
        ),
        control=_ear("control_queue", settings, known.control),
        events=_ear("event_queue", settings, known.events),
    )


def _ear(begin: str, settings: Mapping[str, Any], usual: EarQueue) -> EarQueue:
    """Read the settings that begin so; what is not said is as usual, and None is no limit."""
    arguments = dict(usual.arguments)
    for name, argument in (("expires", "x-expires"), ("ttl", "x-message-ttl")):
        seconds = settings.get(f"{begin}_{name}", ...)
        if seconds is None:
            del arguments[argument]
        elif seconds is not ...:
            arguments[argument] = int(float(seconds) * 1000)
    if arguments.get("x-expires") == 0:  # RabbitMQ refuses it
        raise ImproperlyConfigured(
            f"{begin}_expires={settings[f'{begin}_expires']!r}: expected at least a millisecond, "
            "0.001, or None for a queue that does not expire"
        )
    exclusive = bool(settings.get(f"{begin}_exclusive", usual.exclusive))
    durable = bool(settings.get(f"{begin}_durable", usual.durable))
    if exclusive and durable:
        raise ImproperlyConfigured(
            f"{begin}_durable=True and {begin}_exclusive=True: a queue that is exclusive ends with "
            f"its connection, so it cannot be durable; set {begin}_exclusive=False beside it"
        )
    return EarQueue(arguments, exclusive, durable)
