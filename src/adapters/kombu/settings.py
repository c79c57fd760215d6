"""What settings say for AMQP, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

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


def read(url: str, settings: Mapping[str, Any]) -> AmqpSettings:
    """Read the settings. Raises ImproperlyConfigured for a URL that cannot be."""
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
    )
