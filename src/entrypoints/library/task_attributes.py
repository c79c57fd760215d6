"""What a task asks for: its attributes, and the settings that speak where it is silent."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from ...application.context import Context
from ...domain.errors import MaxRetriesExceededError
from ...domain.tasks.options import AutoRetry, KeyOf, TaskOptions, call_defaults
from .annotations import annotate
from .arguments import Arguments
from .task_shape import TaskShape

#: Task attributes left at None, and the settings that then speak for them.
FROM_SETTINGS = (
    ("serializer", "task_serializer"),
    ("rate_limit", "task_default_rate_limit"),
    ("priority", "task_default_priority"),
    ("time_limit", "task_time_limit"),
    ("soft_time_limit", "task_soft_time_limit"),
    ("track_started", "task_track_started"),
    ("acks_late", "task_acks_late"),
    ("acks_on_failure_or_timeout", "task_acks_on_failure_or_timeout"),
    ("acks_on_failure", "task_acks_on_failure"),
    ("acks_on_timeout", "task_acks_on_timeout"),
    ("reject_on_worker_lost", "task_reject_on_worker_lost"),
    ("retry_on_worker_lost", "task_retry_on_worker_lost"),
    ("ignore_result", "task_ignore_result"),
    ("store_eager_result", "task_store_eager_result"),
    ("store_errors_even_if_ignored", "task_store_errors_even_if_ignored"),
)

#: Task attributes that no setting speaks for.
OWN = (
    "max_retries",
    "default_retry_delay",
    "compression",
    "expires",
    "queue",
    "exchange",
    "routing_key",
    "delivery_mode",
    "trail",
    "send_events",
    "resultrepr_maxsize",
    "rate_limit_scope",
    "max_concurrency",
    "concurrency_key",
)


class TaskAttributes(TaskShape):
    """A task as it is declared."""

    MaxRetriesExceededError: ClassVar[type[Exception]] = MaxRetriesExceededError

    #: Attributes that follow a setting while they are None, and which; heirs may add their own.
    from_config: ClassVar[tuple[tuple[str, str], ...]] = FROM_SETTINGS

    name: str = ""
    typing: bool | None = None
    max_retries: int | None = 3
    default_retry_delay: float = 180.0
    rate_limit: str | float | None = None
    rate_limit_scope: str = "worker"
    max_concurrency: int | None = None
    concurrency_key: KeyOf | None = None
    max_concurrency_per_key: int | None = None
    unique: bool | KeyOf | None = None
    unique_for: float | timedelta | None = None
    unique_until: str = "done"
    on_duplicate: str = "return"
    ignore_result: bool | None = None
    trail: bool = True
    send_events: bool = True
    store_errors_even_if_ignored: bool | None = None
    store_eager_result: bool | None = None
    serializer: str | None = None
    compression: str | None = None
    time_limit: float | None = None
    soft_time_limit: float | None = None
    track_started: bool | None = None
    acks_late: bool | None = None
    acks_on_failure_or_timeout: bool | None = None
    acks_on_failure: bool | None = None
    acks_on_timeout: bool | None = None
    reject_on_worker_lost: bool | None = None
    retry_on_worker_lost: bool | None = None
    throws: tuple[type[BaseException], ...] = ()
    expires: float | datetime | timedelta | None = None
    priority: int | None = None
    queue: str | None = None
    exchange: str | None = None
    routing_key: str | None = None
    delivery_mode: int | str | None = None
    resultrepr_maxsize: int = 1024
    autoretry_for: Sequence[type[BaseException]] = ()
    dont_autoretry_for: Sequence[type[BaseException]] = ()
    retry_kwargs: Mapping[str, Any] | None = None
    retry_backoff: bool | float = False
    retry_backoff_max: float = 600.0
    retry_jitter: bool = True
    abstract: bool = True

    _resolved: TaskOptions | None = None
    _arguments: Arguments | None = None
    _is_coroutine: bool | None = None
    _blank: Context | None = None

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """The body. Written by whoever writes the task."""
        raise NotImplementedError(f"{type(self).__name__} has no run method")

    @property
    def resolved(self) -> TaskOptions:
        """Its options with settings filled in."""
        if self._resolved is None:
            self._resolved = self._resolve()
        return self._resolved

    def _resolve(self) -> TaskOptions:
        conf = self.app.conf
        self.annotate()
        for name, setting in self.from_config[len(FROM_SETTINGS) :]:
            if getattr(self, name, None) is None:
                setattr(self, name, conf[setting])
        found: dict[str, Any] = {name: getattr(self, name) for name, _ in FROM_SETTINGS}
        defaults = dict(found)
        for name, setting in FROM_SETTINGS:
            if found[name] is None:
                found[name] = conf[setting]
        both = found.pop("acks_on_failure_or_timeout")
        for name in ("acks_on_failure", "acks_on_timeout"):
            found[name] = both if found[name] is None else found[name]
        found.pop("store_eager_result")
        found["retry_on_worker_lost"] = bool(found["retry_on_worker_lost"])
        found.update({name: getattr(self, name) for name in OWN})
        found["max_concurrency_per_key"] = self.max_concurrency_per_key or 1
        options = TaskOptions(
            name=self.name, throws=_classes(self.throws), autoretry=self._autoretry(), **found
        )
        # Limits that only settings ask for are the worker's to apply, not each message's to carry.
        own = call_defaults(options)
        for name in ("time_limit", "soft_time_limit"):
            if defaults[name] is None:
                own.pop(name, None)
        if own.get("serializer") == conf.task_serializer:
            own.pop("serializer")
        return replace(options, call_defaults=own)

    def annotate(self) -> None:
        """Take what `task_annotations` says of it; called once, before its options are read."""
        said = self.app.annotations
        if said:
            annotate(self, said)

    def _autoretry(self) -> AutoRetry | None:
        if not self.autoretry_for:
            return None
        factor = self.retry_backoff
        return AutoRetry(
            exceptions=tuple(self.autoretry_for),
            but_not=tuple(self.dont_autoretry_for or ()),
            backoff=max(1.0, float(factor)) if factor else 0.0,
            backoff_max=float(self.retry_backoff_max),
            jitter=bool(self.retry_jitter),
            retry_options=dict(self.retry_kwargs or {}),
        )

    @property
    def arguments(self) -> Arguments:
        """What its body can be called with."""
        if self._arguments is None:
            self._arguments = Arguments(self.run)
        return self._arguments

    def check_arguments(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Raise TypeError if the body cannot be called with these arguments."""
        sound = isinstance(args, list | tuple) and (
            type(kwargs) is dict or isinstance(kwargs, Mapping)
        )
        if not sound:
            return  # said where the message is made, in words that fit
        why = self.arguments.misfit(args, kwargs)
        if why:
            raise TypeError(f"{self.name}: {why}")

    def accepts(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str | None:
        """Return why the body cannot be called with these arguments; None: it can."""
        return self.arguments.misfit(args, kwargs)

    @property
    def takes_error(self) -> bool:
        """Whether as an errback it is called with (request, exception, traceback)."""
        return self.arguments.most > 1


def _classes(asked: Any) -> tuple[type[BaseException], ...]:
    """Return exception classes; one alone need not stand in a tuple."""
    return (asked,) if isinstance(asked, type) else tuple(asked or ())
