"""What a strategy of users' own is given as its consumer: the worker, with a pool and a timer.

Its pool runs functions where tasks run; its timer calls on the hub's thread, as all that strategies
do happens there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from .consumer_view import ConsumerView
from .timer import Entry

if TYPE_CHECKING:
    from .strategies import Strategies
    from .worker import AppWorker


@dataclass(slots=True)
class Asked:
    """A function that a task's strategy wants run, and who is told of it."""

    name: str
    fun: Callable[..., Any]
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    callback: Callable[[Any], Any] | None = None
    accept_callback: Callable[[int, float], Any] | None = None
    error_callback: Callable[[Any], Any] | None = None
    soft_timeout: float | None = None
    timeout: float | None = None


class StrategyConsumer(ConsumerView):
    """The consumer of one task's strategy."""

    def __init__(self, worker: "AppWorker", strategies: "Strategies", name: str) -> None:
        """Look at a worker on behalf of a task."""
        super().__init__(worker)
        self.app, self.hostname = worker.app, worker.node
        self.pool = StrategyPool(worker, strategies, name)
        self.timer = StrategyTimer(worker, strategies)
        self.event_dispatcher = Events(worker)


class StrategyPool:
    """The worker's pool, for functions."""

    def __init__(self, worker: "AppWorker", strategies: "Strategies", name: str) -> None:
        """Run what this task's strategy asks for."""
        self._worker, self._strategies, self._name = worker, strategies, name

    @property
    def num_processes(self) -> int:
        """How many tasks run at once."""
        return self._worker.concurrency

    limit = num_processes

    def apply_async(
        self,
        target: Callable[..., Any],
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        *,
        callback: Callable[[Any], Any] | None = None,
        accept_callback: Callable[[int, float], Any] | None = None,
        error_callback: Callable[[Any], Any] | None = None,
        soft_timeout: float | None = None,
        timeout: float | None = None,
        **options: Any,
    ) -> None:
        """Have a function run as soon as a slot is free. It and what it is given are pickled.

        The tasks whose ids are among what it is given are held to be those it deals with; if none
        is, all that were handed over. They are marked as started before it begins; those that
        nobody has acknowledged when its process dies go by the crash rule.

        Args:
            target: The function.
            args: Positional arguments.
            kwargs: Keyword arguments.
            callback: Called with what it returned.
            accept_callback: Called when it has begun, with a process id and a monotonic time.
            error_callback: Called with an ExceptionInfo of what it raised, or of its process' end.
            soft_timeout: As `task_soft_time_limit`, in seconds.
            timeout: As `task_time_limit`.
            **options: Accepted for Celery's sake.
        """
        self._strategies.ask(
            Asked(
                self._name,
                target,
                tuple(args or ()),
                dict(kwargs or {}),
                callback,
                accept_callback,
                error_callback,
                soft_timeout,
                timeout,
            )
        )


class StrategyTimer:
    """The worker's timer; what it calls is called on the hub's thread."""

    def __init__(self, worker: "AppWorker", strategies: "Strategies") -> None:
        """Call by way of these."""
        self._worker, self._strategies = worker, strategies

    def call_after(
        self, secs: float, fun: Any, args: Any = (), kwargs: Any = None, priority: int = 0
    ) -> Entry:
        """Call once, after some seconds."""
        call = _Call(self._strategies, Entry(fun, args, kwargs))
        return call.known_as(self._worker.timer.call_after(secs, call))

    def call_at(
        self, eta: Any, fun: Any, args: Any = (), kwargs: Any = None, priority: int = 0
    ) -> Entry:
        """Call once, at a time: an aware datetime, or unix seconds."""
        call = _Call(self._strategies, Entry(fun, args, kwargs))
        return call.known_as(self._worker.timer.call_at(eta, call))

    def call_repeatedly(
        self, secs: float, fun: Any, args: Any = (), kwargs: Any = None, priority: int = 0
    ) -> Entry:
        """Call every so many seconds, until the entry is cancelled."""
        call = _Call(self._strategies, Entry(fun, args, kwargs))
        return call.known_as(self._worker.timer.call_repeatedly(secs, call))

    def cancel(self, tref: Entry) -> None:
        """Call it no more."""
        tref.cancel()


class _Call:
    """What the timer's thread calls; one cancelled on its way to the hub is not made."""

    def __init__(self, strategies: "Strategies", made: Entry) -> None:
        self._strategies, self._made = strategies, made
        self._known: Entry | None = None

    def known_as(self, entry: Entry) -> Entry:
        self._known = entry
        return entry

    def __call__(self) -> None:
        self._strategies.later(self._make)

    def _make(self) -> None:
        if self._known is None or not self._known.canceled:
            self._made()


class Events:
    """Sends events about tasks, under the names of Celery's dispatcher."""

    def __init__(self, worker: "AppWorker") -> None:
        """Send them as this worker's."""
        self._worker = worker

    @property
    def enabled(self) -> bool:
        """Whether anybody wants them."""
        return self._worker.shell is not None and self._worker.shell.chronicle.on

    def send(self, type: str, **fields: Any) -> None:  # noqa: A002 - Celery's word
        """Send one, if anybody wants it; `retry` and the like are not looked at."""
        if self.enabled:
            told = {name: value for name, value in fields.items() if name not in _HOW}
            now = self._worker.app.container.clock().now().timestamp()
            self._worker.worker.chronicle.happened.put([(type, now, told)])


#: What Celery's `send` takes beside an event's fields.
_HOW: Final = frozenset({"blind", "utcoffset", "retry", "retry_policy", "Event"})
