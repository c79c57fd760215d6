"""Tasks as users write and call them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ...application.context import Context
from ...domain.errors import MaxRetriesExceededError, Retry
from ...domain.tasks.options import merged
from ...domain.tasks.retries import auto_delay, exhausted, wants_retry
from .results import AsyncResult as Result
from .task_running import P, R
from .task_signatures import SignableTask

if TYPE_CHECKING:
    from .eager_results import EagerResult


class Task(SignableTask[P, R]):
    """A function that can be called elsewhere, later, again.

    Attributes are Celery's. Those that are None follow the setting of the same name.
    """

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
        if defaults:
            options = merged(defaults, options)
        if app.has_own_send_task:
            return app.send_task(self.name, args, kwargs, task_type=self, **options)
        return app.send(self.name, args, kwargs, options)

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
    ) -> "EagerResult[R]":
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

    def AsyncResult(self, task_id: str, **kwargs: Any) -> Result[R]:
        """Return the result of a call of this task."""
        return Result(task_id, task_name=self.name, app=self.app, **kwargs)

    def _sent_eagerly(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any]
    ) -> "EagerResult[R]":
        known = ("task_id", "link", "link_error", "headers")
        return self.apply(args, kwargs, **{n: options[n] for n in known if n in options})

    def __repr__(self) -> str:
        """Show the name."""
        return f"<@task: {self.name}>"

    def __reduce__(self) -> Any:
        """Pickle as its name: the reader finds its own."""
        return _by_name, (self.name,)


#: As it is while nobody has replaced it.
APPLY_ASYNC = Task.apply_async


def _by_name(name: str) -> Task[Any, Any]:
    from .current import get_current

    return get_current().tasks[name]


def _listed(links: Any) -> list[Any] | None:
    if links is None or isinstance(links, list):
        return links
    return list(links) if isinstance(links, tuple) else [links]
