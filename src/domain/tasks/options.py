"""Task options, call options, and how they merge.

What the call says wins over what the task says, and that over the settings' defaults.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypedDict


class CallOptions(TypedDict, total=False):
    """What `apply_async` accepts beside arguments. Times are seconds or datetimes.

    Unknown keys are kept: they travel as message properties, as Celery does.
    """

    task_id: str
    countdown: float
    eta: datetime
    expires: float | datetime | timedelta | None
    retries: int
    queue: Any
    exchange: Any
    exchange_type: str
    routing_key: str
    priority: int
    serializer: str
    compression: str | None
    delivery_mode: int | str
    headers: Mapping[str, Any]
    link: Any
    link_error: Any
    chain: Sequence[Any]
    chord: Any
    group_id: str | None
    group_index: int | None
    root_id: str | None
    parent_id: str | None
    time_limit: float | None
    soft_time_limit: float | None
    ignore_result: bool
    shadow: str | None
    reply_to: str | None
    correlation_id: str
    origin: str
    argsrepr: str
    kwargsrepr: str
    replaced_task_nesting: int
    stamps: Mapping[str, Any]
    stamped_headers: Sequence[str]
    idempotency_key: str


#: Values of `rate_limit_scope`.
WORKER: Final = "worker"
CLUSTER: Final = "cluster"

#: What a key is made of: names of arguments, or a function of them.
KeyOf = str | Sequence[str] | Callable[..., Any]


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """What is known of a task besides its code, with settings already filled in.

    Times and limits are seconds. Defaults are Celery's.
    """

    name: str
    max_retries: int | None = 3
    default_retry_delay: float = 180.0
    rate_limit: str | float | None = None
    #: Whether the rate is each `worker`'s own or one budget of the whole `cluster`.
    rate_limit_scope: str = WORKER
    #: How many may run at once in the whole cluster, and how many with the same key.
    max_concurrency: int | None = None
    concurrency_key: "KeyOf | None" = None
    max_concurrency_per_key: int = 1
    ignore_result: bool = False
    track_started: bool = False
    acks_late: bool = False
    acks_on_failure: bool = True
    acks_on_timeout: bool = True
    reject_on_worker_lost: bool | None = None
    retry_on_worker_lost: bool = False
    store_errors_even_if_ignored: bool = False
    time_limit: float | None = None
    soft_time_limit: float | None = None
    serializer: str | None = None
    compression: str | None = None
    expires: float | datetime | timedelta | None = None
    priority: int | None = None
    queue: str | None = None
    exchange: str | None = None
    routing_key: str | None = None
    delivery_mode: int | str | None = None
    throws: tuple[type[BaseException], ...] = ()
    trail: bool = True
    send_events: bool = True
    resultrepr_maxsize: int = 1024
    autoretry: "AutoRetry | None" = None
    call_defaults: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AutoRetry:
    """When a task asks for its own retry, and how long it waits (see `retries.py`)."""

    exceptions: tuple[type[BaseException], ...]
    but_not: tuple[type[BaseException], ...] = ()
    backoff: float = 0.0
    backoff_max: float = 600.0
    jitter: bool = True
    retry_options: Mapping[str, Any] = field(default_factory=dict)


#: The task attributes that are defaults of a call, as Celery extracts them.
CALL_DEFAULTS: Final = (
    "queue",
    "routing_key",
    "exchange",
    "priority",
    "expires",
    "serializer",
    "delivery_mode",
    "compression",
    "time_limit",
    "soft_time_limit",
)


def call_defaults(options: TaskOptions) -> dict[str, Any]:
    """Return the call options that a task brings along by itself."""
    pairs = ((name, getattr(options, name)) for name in CALL_DEFAULTS)
    return {name: value for name, value in pairs if value is not None}


def merged(*layers: Mapping[str, Any] | None) -> dict[str, Any]:
    """Merge option layers from the weakest to the strongest; `headers` are merged key by key."""
    out: dict[str, Any] = {}
    for layer in layers:
        if not layer:
            continue
        headers = out.get("headers")
        out.update(layer)
        if headers and layer.get("headers"):
            out["headers"] = {**headers, **layer["headers"]}
    return out
