"""The app: what a project makes one of, hangs its tasks on, and is started by name."""

import sys
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar, overload
from warnings import warn

from ...domain.errors import AlwaysEagerIgnored, NotSupported
from ...domain.tasks.options import merged
from . import current, publishing
from .asking import ASKED
from .celery_shape import loaded
from .configuring import ConfiguredApp
from .declaring import BoundDecorator, Decorator, make_task, script_module, shared_task
from .limits import check_limits
from .registry import TaskRegistry
from .results import AsyncResult as Result
from .task import Task

if TYPE_CHECKING:
    from ...ports.clock import Clock
    from .canvas import Signature
    from .control import Control
    from .events import Events
    from .group_results import GroupResult as Group

__all__ = ["Celeriac", "Celery", "shared_task"]

P = ParamSpec("P")
R = TypeVar("R")


class Celeriac(ConfiguredApp):
    """An app: its settings, its tasks, and the way to its broker and results.

    Args:
        main: Name of the app; also the module name of tasks defined in a script.
        broker: URL of the broker, or a ready adapter. Default: the settings', else one SQLite file
            in the working directory.
        backend: URL of the result backend, or a ready adapter.
        include: Modules with tasks, imported by workers.
        set_as_current: Make it the current app.
        config_source: Where settings come from: an object, a module or its name.
        changes: Settings that win over those.
        task_cls: The class of its tasks, or where it is: `"shop.tasks:Base"`.
        tasks: A registry to use.
        namespace: Prefix of the settings' names in `config_source`.
        strict_typing: Check the arguments of calls before they are sent.
        autofinalize: Accepted for Celery's sake.
        loader: Class of a loader of your own, or where it is.
        clock: A clock to live by, for tests.
        **kwargs: Settings by name; and `amqp`, `control`, `events`, `log`: classes of the app's
            parts, or where they are, and `fixups`: functions that are called with the app.
    """

    strict_typing = True
    task_cls: type[Task[Any, Any]] = Task

    def __init__(
        self,
        main: str | None = None,
        *,
        broker: Any = None,
        backend: Any = None,
        include: Iterable[str] | None = None,
        set_as_current: bool = True,
        config_source: Any = None,
        changes: Mapping[str, Any] | None = None,
        task_cls: "type[Task[Any, Any]] | str | None" = None,
        tasks: TaskRegistry | None = None,
        namespace: str | None = None,
        strict_typing: bool = True,
        autofinalize: bool = True,
        loader: Any = None,
        clock: "Clock | None" = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(clock)
        self.main = main
        registry = self._part(self.registry_cls, TaskRegistry)
        self.tasks: TaskRegistry = tasks if tasks is not None else registry()
        self.strict_typing = strict_typing
        self.autofinalize = autofinalize
        self.task_cls: type[Task[Any, Any]] = loaded(task_cls) if task_cls else type(self).task_cls
        self._take_classes(kwargs)
        self._configure(config_source, namespace, include, changes, kwargs)
        self._place("broker", "broker_url", broker)
        self._place("results", "result_backend", backend)
        self._take_shape(loader, namespace, set_as_current=set_as_current)
        self._add_builtin_tasks()
        current.remember(self, current=set_as_current)

    # -- tasks

    @overload
    def task(self, fun: Callable[P, Coroutine[Any, Any, R]], /) -> Task[P, R]: ...
    @overload
    def task(self, fun: Callable[P, R], /) -> Task[P, R]: ...
    @overload
    def task(self, *, bind: Literal[True], **opts: Any) -> BoundDecorator: ...
    @overload
    def task(self, *, bind: Literal[False] = ..., **opts: Any) -> Decorator: ...

    def task(self, *args: Any, **opts: Any) -> Any:
        """Make a task of a function: `@app.task`, or `@app.task(bind=True, max_retries=5, …)`.

        Options are the attributes of `Task`, and `name`, `base` (a Task class), `bind` (the
        function gets the task as its first argument), `shared`, `lazy`, and `pydantic=True` for a
        function whose parameters and result may be models of pydantic: they travel as plain data.
        `pydantic_strict`, `pydantic_context` and `pydantic_dump_kwargs` say how.
        """
        if len(args) == 1 and callable(args[0]) and not isinstance(args[0], str):
            return make_task(self, args[0], **opts)
        if args:
            raise TypeError("@app.task takes options as keywords: @app.task(name='…')")
        return lambda fun: make_task(self, fun, **opts)

    def register_task(self, task: Any, **options: Any) -> Task[Any, Any]:
        """Add a task: an instance of a Task class, or the class."""
        instance: Task[Any, Any] = task() if isinstance(task, type) else task
        if not instance.name:
            cls = type(instance)
            instance.name = self.gen_task_name(cls.__name__, cls.__module__)
        for key, value in options.items():
            setattr(instance, key, value)
        check_limits(instance)
        instance._app = self
        self.tasks.register(instance)
        type(instance).on_bound(self)
        return instance

    def add_periodic_task(
        self,
        schedule: Any,
        sig: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        name: str | None = None,
        **opts: Any,
    ) -> str:
        """Have beat send a call on a schedule; returns the name of the entry.

        Args:
            schedule: Seconds, a timedelta, or a `crontab` or `schedule` of `celeriac.schedules`.
            sig: A task, its name, or a signature.
            args: Positional arguments, in front of the signature's.
            kwargs: Keyword arguments.
            name: What the entry is called in logs and in what beat remembers.
            **opts: Options of the call, as of `apply_async`.
        """
        from .periodic import add_periodic_task

        return add_periodic_task(self, schedule, sig, args, kwargs, name, **opts)

    def gen_task_name(self, name: str, module: str) -> str:
        """Return the name of a task defined as `name` in `module`."""
        if module == "__main__":
            module = self.main or script_module()
        return f"{module}.{name}"

    def _add_builtin_tasks(self) -> None:
        from .builtins import add_builtin_tasks

        add_builtin_tasks(self)

    # -- sending

    def send_task(
        self,
        name: str,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        countdown: float | None = None,
        eta: Any = None,
        task_id: str | None = None,
        **options: Any,
    ) -> Result[Any]:
        """Send a call by the task's name: it need not be known here.

        Warns AlwaysEagerIgnored under `task_always_eager`: what is only a name cannot be run here.
        """
        if self.conf.task_always_eager and "task_type" not in options:
            why = f"task_always_eager has no effect on send_task: {name} is sent"
            warn(AlwaysEagerIgnored(why), stacklevel=2)
        named = {"countdown": countdown, "eta": eta, "task_id": task_id}
        options |= {key: value for key, value in named.items() if value is not None}
        if options.pop("task_type", None) is not None:  # from the task itself, which merged all
            return self.send(name, args or (), kwargs or {}, options)
        task = self.tasks.get(name)
        if task is not None:
            options = merged(task.resolved.call_defaults, options)
        options.setdefault("ignore_result", None)  # that is for whoever has the task to say
        return self.send(name, args or (), kwargs or {}, options)

    @property
    def has_own_send_task(self) -> bool:
        """Whether somebody has written or patched `send_task`: tasks then send through it."""
        return type(self).send_task is not SEND_TASK or "send_task" in vars(self)

    def send(
        self,
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        options: Mapping[str, Any],
    ) -> Result[Any]:
        """Send a call with its options merged already; what all other ways come down to."""
        if (question := ASKED.get()) is not None and question.answer(name, args, kwargs, options):
            return Result(options.get("task_id") or "", task_name=name, app=self)
        return publishing.send(self, name, args, kwargs, options)

    def publish_many(
        self, calls: "Iterable[Signature]", *, batch: int = 1000, connection: Any = None
    ) -> list[Result[Any]]:
        """Send many calls at the price of one round trip a batch.

        Args:
            calls: Signatures, or a generator of them, consumed batch by batch.
            batch: How many go in one publication.
            connection: A SQLAlchemy connection or session whose transaction the messages join.

        Raises:
            BrokerUnavailable: `sent` on it holds the results of the batches already confirmed.
        """
        if self.conf.task_always_eager:
            return [call.apply_async() for call in calls]
        return publishing.publish_many(self, calls, batch, connection)

    def signature(self, *args: Any, **kwargs: Any) -> "Signature":
        """Return a signature bound to this app."""
        from .canvas import signature

        kwargs["app"] = self
        return signature(*args, **kwargs)

    def AsyncResult(self, task_id: str, **kwargs: Any) -> Result[Any]:
        """Return the result of a task by its id."""
        return Result(task_id, app=self, **kwargs)

    @property
    def GroupResult(self) -> "type[Group]":
        """The class of group results that restores from this app's results."""
        from .group_results import GroupResult

        return type("GroupResult", (GroupResult,), {"of_app": self})

    def store_state(self, task_id: str, state: str, meta: Any) -> None:
        """Store a state under a task's id, from anywhere."""
        from ...domain.tasks.result_record import ResultRecord

        payload = self.container.result_codec().encode(meta, self.conf.result_serializer)
        self.results.store([ResultRecord(task_id, state, payload)])

    # -- current

    @property
    def current_task(self) -> Task[Any, Any] | None:
        """The task that runs in this context."""
        return current.get_current_task()

    def set_current(self) -> None:
        """Make this the current app of this thread."""
        current.set_current(self)

    def set_default(self) -> None:
        """Make this the current app of all threads."""
        current.set_current(self)

    @property
    def control(self) -> "Control":
        """Remote control of workers."""
        from .control import Control

        made: Control = self._part(self.control_cls, Control)(self)
        return made

    @property
    def events(self) -> "Events":
        """What receives, sends and pictures events."""
        from .events import Events

        made: Events = self._part(self.events_cls, Events)(self)
        return made

    # -- life

    def close(self) -> None:
        """Let go of connections, and of being the current app."""
        self.let_go()
        current.forget(self)

    def __enter__(self) -> "Celeriac":
        """Use it for a while."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close it."""
        self.close()

    # -- as a program

    def start(self, argv: Sequence[str] | None = None) -> None:
        """Run the command line with this app."""
        from ..cli import run

        run(self, list(sys.argv[1:] if argv is None else argv))

    def worker_main(self, argv: Sequence[str] | None = None) -> None:
        """Run a worker of this app with the arguments of `celeriac worker`."""
        argv = list(sys.argv if argv is None else argv)
        self.start(argv if "worker" in argv else ["worker", *argv])

    def __repr__(self) -> str:
        """Show the name."""
        return f"<Celeriac {self.main or '__main__'} at {id(self):#x}>"

    def __reduce__(self) -> Any:
        """Refuse: an app is made by the module that defines it."""
        raise NotSupported("an app cannot be pickled: import the module that makes it instead")


Celery = Celeriac

SEND_TASK = Celeriac.send_task
