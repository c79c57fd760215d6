"""Tasks as users write and call them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import CoroutineType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, ParamSpec, TypeVar, cast

from ...application.context import RUNNING, Context
from ...domain.errors import MaxRetriesExceededError, Retry
from ...domain.tasks.options import AutoRetry, KeyOf, TaskOptions, call_defaults, merged
from ...domain.tasks.retries import auto_delay, exhausted, wants_retry
from .annotations import annotate
from .arguments import Arguments
from .results import AsyncResult as Result
from .results import EagerResult
from .task_shape import TaskShape

if TYPE_CHECKING:
    from .canvas import Signature
    from .maps import chunks, xmap, xstarmap

P = ParamSpec("P")
R = TypeVar("R")

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


class Task(TaskShape, Generic[P, R]):
    """A function that can be called elsewhere, later, again.

    Attributes are Celery's. Those that are None follow the setting of the same name.
    """

    MaxRetriesExceededError: ClassVar[type[Exception]] = MaxRetriesExceededError

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
    delivery_mode: int | None = None
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

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the body here and now, as an ordinary function."""
        frame = RUNNING.get()
        if frame is not None and frame[0] is self and not getattr(frame[1], "_entered", True):
            # A worker runs it through a `__call__` of the user's: it is one call, not two.
            frame[1]._entered = True  # type: ignore[attr-defined]
            return cast(R, self.run(*args, **kwargs))
        around = RUNNING.set((self, Context(args=args, kwargs=kwargs), frame))
        try:
            return cast(R, self.run(*args, **kwargs))
        finally:
            RUNNING.reset(around)

    def enter(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run the body in the context that stands already; a coroutine is run to its end."""
        value = self._call_body(args, kwargs)
        if not isinstance(value, CoroutineType):
            return value
        from ...application import event_loop

        return event_loop.run(value)

    async def enter_async(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run the body in the context that stands already, on the running loop."""
        value = self._call_body(args, kwargs)
        return await value if isinstance(value, CoroutineType) else value

    def _call_body(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if type(self).__call__ is Task.__call__:
            return self.run(*args, **kwargs)
        self.request._entered = False  # type: ignore[attr-defined]
        call: Any = self
        return call(*args, **kwargs)

    @property
    def is_coroutine(self) -> bool:
        """Whether the body is an `async def`."""
        if self._is_coroutine is None:
            import inspect  # costs megabytes, and only a pool with a loop asks

            self._is_coroutine = inspect.iscoroutinefunction(inspect.unwrap(self.run))
        return self._is_coroutine

    # -- calling

    def delay(self, *args: P.args, **kwargs: P.kwargs) -> Result[R]:
        """Send a call with these arguments."""
        return self.apply_async(args, kwargs)

    def apply_async(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        task_id: str | None = None,
        producer: Any = None,
        link: Any = None,
        link_error: Any = None,
        shadow: str | None = None,
        **options: Any,
    ) -> Result[R]:
        """Send a call. When it returns, the store has confirmed the message.

        Args:
            args: Positional arguments.
            kwargs: Keyword arguments.
            task_id: Id to use instead of a new one.
            producer: Accepted for Celery's sake.
            link: Signature, or several, called with the result.
            link_error: Signature, or several, called on failure.
            shadow: Another name for logs.
            **options: `countdown` (seconds), `eta`, `expires`, `queue`, `exchange`, `routing_key`,
                `priority` (0-255), `serializer`, `compression`, `headers`, `time_limit`,
                `soft_time_limit`, `ignore_result`, `retry`, `retry_policy`, `idempotency_key` (a
                second call with it gets the result of the first), and `connection`: a SQLAlchemy
                connection or session whose transaction the message joins.

        Raises:
            TypeError: The arguments do not fit the task.
            UnserializableArguments: One cannot be encoded; it is named.
            DuplicateTask: The task is unique, on its way, and says `on_duplicate="raise"`.
            BrokerUnavailable: Nobody confirmed within `broker_publish_timeout`.
        """
        args, kwargs = args or (), kwargs or {}
        app = self.app
        if self.typing is not False and app.strict_typing:
            self.check_arguments(args, kwargs)
        named = {"task_id": task_id, "link": link, "link_error": link_error}
        options |= {name: value for name, value in named.items() if value is not None}
        shadow = shadow or self.shadow_name(args, kwargs, options)
        if shadow:
            options["shadow"] = shadow
        resolved = self.resolved
        if app.conf.task_always_eager:
            return self._sent_eagerly(args, kwargs, options)
        if resolved.ignore_result and "ignore_result" not in options:
            options["ignore_result"] = True
        defaults = resolved.call_defaults
        return app.send(self.name, args, kwargs, merged(defaults, options) if defaults else options)

    def apply(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        link: Any = None,
        link_error: Any = None,
        task_id: str | None = None,
        retries: int = 0,
        throw: bool | None = None,
        logfile: str | None = None,
        loglevel: int | None = None,
        headers: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> EagerResult[R]:
        """Run it here and now, as a worker would, and return its result.

        `throw` raises what the task raises (default: `task_eager_propagates`).
        """
        from .eager import run_eagerly

        context = Context(
            id=task_id or self.app.new_id(),
            task=self.name,
            args=args or (),
            kwargs=kwargs or {},
            retries=retries,
            is_eager=True,
            called_directly=False,
            logfile=logfile,
            loglevel=loglevel or 0,
            headers=headers,
            hostname=self.app.hostname,
            callbacks=_listed(link),
            errbacks=_listed(link_error),
            delivery_info={"is_eager": True, "exchange": options.get("exchange")},
        )
        if throw is None:
            throw = self.app.conf.task_eager_propagates
        return run_eagerly(self, context, throw=throw)

    def retry(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        exc: BaseException | None = None,
        throw: bool = True,
        eta: datetime | None = None,
        countdown: float | None = None,
        max_retries: int | None = None,
        **options: Any,
    ) -> Retry:
        """Ask to be run again; raises, so that nothing after it is executed.

        Args:
            args: Positional arguments of the next attempt; None: the same.
            kwargs: Keyword arguments of the next attempt; None: the same.
            exc: Why; raised itself when no attempt is left.
            throw: False sends the next attempt at once and returns the Retry instead of raising.
            eta: When to run again.
            countdown: Seconds until then; default `default_retry_delay`.
            max_retries: How many retries are allowed; None: the task's own.
            **options: Options of the next attempt.

        Raises:
            Retry: The next attempt goes out together with this one's end.
            MaxRetriesExceededError: No attempt is left and there is no `exc`.
        """
        request = self.request
        if request.called_directly:
            raise exc or Retry("Task can be retried", None)
        allowed = self.max_retries if max_retries is None else max_retries
        if exhausted(request.retries, allowed):
            raise exc or MaxRetriesExceededError(
                f"Can't retry {self.name}[{request.id}] args:{request.args} "
                f"kwargs:{request.kwargs}: {request.retries} retries of {allowed} are used up",
                task_args=request.args,
                task_kwargs=request.kwargs,
            )
        if eta is None and countdown is None:
            countdown = self.default_retry_delay
        when = {"eta": eta} if eta is not None else {"countdown": countdown}
        changed = self.s(
            *(request.args or () if args is None else args),
            **(request.kwargs or {} if kwargs is None else kwargs),
        ).set(**when, **options)
        asked = Retry(
            exc=exc,
            when=eta if eta is not None else countdown,
            is_eager=request.is_eager,
            sig=changed,
        )
        if throw:
            raise asked
        again = self.signature_from_request(request, args, kwargs, **{**when, **options})
        if request.is_eager:
            again.apply(retries=request.retries + 1)
        else:
            again.apply_async()
        asked.sent = True
        return asked

    def signature(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> "Signature":
        """Return a signature with these arguments; see `s` for the short way."""
        from .canvas import Signature

        options.setdefault("app", self._app)
        return Signature(self, args, kwargs, **options)

    subtask = signature

    def s(self, *args: Any, **kwargs: Any) -> "Signature":
        """Return a signature with these arguments."""
        return self.signature(args, kwargs)

    def si(self, *args: Any, **kwargs: Any) -> "Signature":
        """Return a signature that takes no further arguments."""
        return self.signature(args, kwargs, immutable=True)

    def map(self, it: Iterable[Any]) -> "xmap":
        """Return a signature of one call that calls this with each item in turn."""
        from .maps import xmap

        return xmap(self.s(), it, app=self._app)

    def starmap(self, it: Iterable[Any]) -> "xstarmap":
        """Return a signature of one call that calls this with each item as its arguments."""
        from .maps import xstarmap

        return xstarmap(self.s(), it, app=self._app)

    def chunks(self, it: Iterable[Any], n: int) -> "chunks":
        """Return a signature of a group: starmaps over `n` items each."""
        from .maps import chunks

        return chunks(self.s(), it, n, app=self._app)

    def signature_from_request(
        self,
        request: Context | None = None,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        queue: str | None = None,
        **extra_options: Any,
    ) -> "Signature":
        """Return the call that would send this very request again, one retry later."""
        request = self.request if request is None else request
        args = (request.args or ()) if args is None else args
        kwargs = (request.kwargs or {}) if kwargs is None else kwargs
        options = {**request.as_execution_options(), "retries": request.retries + 1}
        if queue:
            options["queue"] = queue
        elif request.delivery_info:
            options["routing_key"] = request.delivery_info.get("routing_key")
            options["exchange"] = request.delivery_info.get("exchange")
        return self.signature(args, kwargs).set(**{**options, **extra_options})

    def AsyncResult(self, task_id: str, **kwargs: Any) -> Result[R]:
        """Return the result of a call of this task."""
        return Result(task_id, task_name=self.name, app=self.app, **kwargs)

    # -- while it runs

    @property
    def request(self) -> Context:
        """What this run knows of its own call."""
        frame = RUNNING.get()
        while frame is not None:
            if frame[0] is self:
                return frame[1]
            frame = frame[2]
        if self._blank is None:
            self._blank = Context()
        return self._blank

    def replace(self, sig: "Signature") -> Any:
        """Have another call or work-flow run in this one's stead; nothing after it is executed.

        It gets this call's id, place in chain and chord, callbacks and errbacks: whoever waits for
        this task waits for that one. Write `return self.replace(…)`, so that the reader sees it.

        Raises:
            Ignore: Always, within a worker.
            ImproperlyConfigured: It is an empty chain, or part of a chord already.
        """
        from .replacing import replace_running

        return replace_running(self, sig)

    def add_to_chord(self, sig: "Signature", lazy: bool = False) -> Any:
        """Add a call to the chord that this one is a header task of; returns its result.

        It is sent when this task comes to its end, in one step with that. With `lazy` the chord
        waits for it from now on, and the signature is returned for you to send.

        Raises:
            ValueError: This call is in no chord.
        """
        from .replacing import add_to_running_chord

        return add_to_running_chord(self, sig, lazy=lazy)

    def update_state(
        self,
        task_id: str | None = None,
        state: str | None = None,
        meta: Any = None,
        **kwargs: Any,
    ) -> None:
        """Store a state of its own for this run, or for another task's id."""
        request = self.request
        say = getattr(request, "_say", None)
        if say is not None and task_id in (None, request.id):
            say(state, meta)
            return
        task_id = task_id or request.id
        if not task_id:
            raise ValueError(
                f"{self.name}: there is no run to report on: call update_state within a task that "
                "was sent, or name a task_id"
            )
        if not request.is_eager:
            self.app.store_state(task_id, state or "", meta)

    def add_trail(self, result: Result[Any]) -> Result[Any]:
        """Note something sent as a child of this run."""
        if self.trail:
            self.request.children.append(result.as_tuple())
        return result

    # -- handlers, for users to override

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        """Called before the body."""

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
        """Called when the body returned."""

    def on_retry(
        self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: Any
    ) -> None:
        """Called when the body asked for a retry."""

    def on_failure(
        self, exc: BaseException, task_id: str, args: Any, kwargs: Any, einfo: Any
    ) -> None:
        """Called when the body raised."""

    def after_return(
        self, status: str, retval: Any, task_id: str, args: Any, kwargs: Any, einfo: Any
    ) -> None:
        """Called last, whatever came of the run."""

    def shadow_name(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any]
    ) -> str | None:
        """Return another name for logs, or None."""
        return None

    # -- what it is made of

    @property
    def resolved(self) -> TaskOptions:
        """Its options with settings filled in."""
        if self._resolved is None:
            self._resolved = self._resolve()
        return self._resolved

    def _resolve(self) -> TaskOptions:
        conf = self.app.conf
        if conf.task_annotations:
            annotate(self, conf.task_annotations)
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
            name=self.name, throws=tuple(self.throws or ()), autoretry=self._autoretry(), **found
        )
        # Limits that only settings ask for are the worker's to apply, not each message's to carry.
        own = call_defaults(options)
        for name in ("time_limit", "soft_time_limit"):
            if defaults[name] is None:
                own.pop(name, None)
        if own.get("serializer") == conf.task_serializer:
            own.pop("serializer")
        return replace(options, call_defaults=own)

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

    def retry_of(self, exc: BaseException) -> BaseException | None:
        """Return what to raise instead of an exception that the task retries by itself."""
        policy = self.resolved.autoretry
        if policy is None or not wants_retry(policy, exc):
            return None
        options = dict(policy.retry_options)
        if policy.backoff:
            fraction = self.app.fraction()
            options["countdown"] = auto_delay(policy, self.request.retries, 0.0, fraction)
        try:
            return self.retry(exc=exc, **options)
        except BaseException as asked:
            return asked

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

    def _sent_eagerly(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any]
    ) -> EagerResult[R]:
        known = ("task_id", "link", "link_error", "headers")
        return self.apply(args, kwargs, **{n: options[n] for n in known if n in options})

    def __repr__(self) -> str:
        """Show the name."""
        return f"<@task: {self.name}>"

    def __reduce__(self) -> Any:
        """Pickle as its name: the reader finds its own."""
        return _by_name, (self.name,)


def _by_name(name: str) -> Task[Any, Any]:
    from .current import get_current

    return get_current().tasks[name]


def _listed(links: Any) -> list[Any] | None:
    if links is None or isinstance(links, list):
        return links
    return list(links) if isinstance(links, tuple) else [links]
