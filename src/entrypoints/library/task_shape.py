"""What a task has beside calling and running because Celery's tasks have it."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Final

from ...application.context import RUNNING, Context, running
from ...domain.errors import ImproperlyConfigured, NotSupported, OperationalError

if TYPE_CHECKING:
    from .app import Celeriac
    from .backend import Backend


#: Where Celery's own are: what a task has unless somebody asks for another.
DEFAULT_REQUEST: Final = "celery.worker.request:Request"
DEFAULT_STRATEGY: Final = "celery.worker.strategy:default"

NO_STRATEGIES: Final = (
    "no function here is given the messages of an ordinary task, since claims, leases and "
    "acknowledgements are the worker's own; use the signal task_received or a Request class to see "
    "what comes, rate_limit, max_concurrency or unique to hold it back, or a Strategy of the "
    "task's own, which is given them"
)


class TaskShape:
    """The rest of Celery's task."""

    #: The class of its requests in workers, or where it is: it is told what happens to them.
    Request: ClassVar[Any] = DEFAULT_REQUEST
    #: If it is another one, or where it is: makes what a worker gives the task's messages to.
    Strategy: ClassVar[Any] = DEFAULT_STRATEGY

    OperationalError: ClassVar[type[Exception]] = OperationalError

    _app: "Celeriac | None" = None

    @property
    def app(self) -> "Celeriac":
        """The app it belongs to; the current one for a class that was not registered."""
        if self._app is not None:
            return self._app
        from .current import get_current

        return get_current()

    @app.setter
    def app(self, app: "Celeriac") -> None:
        self._app = app

    def _get_app(self) -> "Celeriac":
        return self.app

    @property
    def backend(self) -> "Backend":
        """The result store of its app."""
        return self.app.backend

    @classmethod
    def bind(cls, app: "Celeriac") -> "Celeriac":
        """Let tasks of this class belong to an app."""
        cls._app = app
        cls.on_bound(app)
        return app

    @classmethod
    def on_bound(cls, app: "Celeriac") -> None:
        """Called when the task is bound to an app."""

    def send_event(
        self, type_: str, retry: bool = True, retry_policy: Any = None, **fields: Any
    ) -> None:
        """Send an event about the call that runs: `self.send_event("task-progress", done=5)`.

        It is heard where events are watched; `retry` and its policy are not looked at.
        """
        running_call: Any = self
        with self.app.events.default_dispatcher(running_call.request.hostname) as dispatcher:
            dispatcher.send(type_, uuid=running_call.request.id, **fields)

    def start_strategy(self, app: Any, consumer: Any, **kwargs: Any) -> Any:
        """Return what is given the task's messages. Raises NotSupported for an ordinary task."""
        if self.Strategy == DEFAULT_STRATEGY:
            raise NotSupported(NO_STRATEGIES)
        from .celery_shape import loaded

        try:
            strategy = loaded(self.Strategy)
        except (ImportError, AttributeError, ValueError) as why:
            name = getattr(self, "name", self)
            raise ImproperlyConfigured(f"{name}.Strategy={self.Strategy!r}: {why}") from why
        return strategy(self, app, consumer, **kwargs)

    def add_around(self, attr: str, around: Callable[[Any], Any]) -> None:
        """Wrap a method: it becomes what `around` makes of it."""
        setattr(self, attr, around(getattr(self, attr)))

    # -- requests, for those who run tasks by themselves

    def push_request(self, *args: Any, **kwargs: Any) -> None:
        """Let the task have this request until `pop_request`; arguments are those of Context."""
        self.request_stack.push(Context(*args, **kwargs))

    def pop_request(self) -> None:
        """Undo `push_request`."""
        self.request_stack.pop()

    @property
    def request_stack(self) -> "RequestStack":
        """The requests of this task, in this context."""
        return RequestStack(self)


def receivers(tasks: Iterable[Any]) -> dict[str, Any]:
    """Return the tasks that receive their messages by themselves, by name."""
    return {task.name: task for task in tasks if task.Strategy != DEFAULT_STRATEGY}


class RequestStack:
    """The requests of a task in this context, the innermost on top."""

    def __init__(self, task: Any) -> None:
        """Look at this task's."""
        self._task = task

    def push(self, request: Context) -> None:
        """Let the task run under a request."""
        RUNNING.set((self._task, request, running()))

    def pop(self) -> Context | None:
        """Take the top off and return it; None if the task does not run."""
        frame = running()
        if frame is None or frame[0] is not self._task:
            return None
        RUNNING.set(frame[2])
        return frame[1]

    @property
    def top(self) -> Context | None:
        """The request on top, or None."""
        frame = running()
        while frame is not None and frame[0] is not self._task:
            frame = frame[2]
        return frame[1] if frame else None
