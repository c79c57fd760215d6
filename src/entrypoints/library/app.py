"""The app: what a project makes one of, hangs its tasks on, and is started by name."""

import os
import sys
import weakref
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, TypeVar, cast, overload

from ...application.context import running
from ...domain.errors import BrokerUnavailable, NotSupported
from ...domain.settings import Settings
from ..configuration import (
    config_from_cmdline,
    config_from_default_module,
    config_from_environment,
    config_from_envvar,
    config_from_object,
)
from . import current
from .registry import TaskRegistry
from .results import AsyncResult as Result
from .task import Task

if TYPE_CHECKING:
    from ...application.fetch_results import Fetching
    from ...application.send import Sending
    from ...ports.broker import Broker
    from ...ports.clock import Clock
    from ...ports.results import ResultBackend
    from ..container import Container
    from .canvas import Signature
    from .control import Control

P = ParamSpec("P")
R = TypeVar("R")

_living: "weakref.WeakSet[Celeriac]" = weakref.WeakSet()
_making = Lock()


class Celeriac:
    """An app: its settings, its tasks, and the way to its broker and results.

    Args:
        main: Name of the app; also the module name of tasks defined in a script.
        broker: URL of the broker, or a ready adapter. Default: the settings', else one SQLite file
            in the working directory.
        backend: URL of the result backend, or a ready adapter.
        include: Modules with tasks, imported by workers.
        set_as_current: Make it the current app.
        config_source: Where settings come from: an object, a module or its name.
        clock: A clock to live by, for tests.
        **kwargs: Settings by name, and what Celery's constructor takes beside them.
    """

    strict_typing = True

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
        task_cls: type[Task[Any, Any]] | None = None,
        tasks: TaskRegistry | None = None,
        namespace: str | None = None,
        strict_typing: bool = True,
        autofinalize: bool = True,
        clock: "Clock | None" = None,
        **kwargs: Any,
    ) -> None:
        self.main = main
        self.tasks = tasks if tasks is not None else TaskRegistry()
        self.strict_typing = strict_typing
        self.autofinalize = autofinalize
        self.task_cls = task_cls or Task
        self._given: dict[str, Any] = {"clock": clock}
        self._container: Container | None = None
        self._pid = os.getpid()
        self._ids: Callable[[], str] | None = None
        self.conf = Settings()
        self._configure(config_source, namespace, include, changes, kwargs)
        self._place("broker", "broker_url", broker)
        self._place("results", "result_backend", backend)
        _living.add(self)
        self._add_builtin_tasks()
        current.remember(self, current=set_as_current)

    # -- settings

    def _configure(
        self,
        source: Any,
        namespace: str | None,
        include: Iterable[str] | None,
        changes: Mapping[str, Any] | None,
        kwargs: Mapping[str, Any],
    ) -> None:
        read = partial(config_from_object, source, namespace) if source else _default_module
        self.conf.configure_later(read)
        if include:
            self.conf.include = list(include)
        if changes or kwargs:
            self.conf.update({**(changes or {}), **kwargs})
        # As in Celery, what the environment says wins over what the code says.
        self._environment = config_from_environment()

    def _place(self, part: str, setting: str, given: Any) -> None:
        """Take a URL as a setting, a ready adapter as a part; the environment beats a URL."""
        if given is None or isinstance(given, str | list | tuple):
            url = self._environment.get(setting, given)
            if url is not None:
                self.conf[setting] = url
        else:
            self._given[part] = given
        others = {k: v for k, v in self._environment.items() if k == setting or part == "results"}
        self.conf.update({k: v for k, v in others.items() if k not in _URLS})

    def config_from_object(
        self, obj: Any, silent: bool = False, force: bool = False, namespace: str | None = None
    ) -> None:
        """Read settings from a module, an object or a mapping, on first use (now, if `force`)."""
        self.conf.configure_later(partial(config_from_object, obj, namespace, silent))
        if force:
            self.conf.finalize()

    def config_from_envvar(
        self, variable_name: str, silent: bool = False, force: bool = False
    ) -> None:
        """Read settings from the module that an environment variable names."""
        self.conf.configure_later(partial(config_from_envvar, variable_name, silent=silent))
        if force:
            self.conf.finalize()

    def config_from_cmdline(self, argv: Sequence[str], namespace: str = "celery") -> None:
        """Take settings from words such as `worker.prefetch_multiplier=1`."""
        self.conf.update(config_from_cmdline(argv, namespace))

    def add_defaults(self, fun: Any) -> None:
        """Add defaults of an extension, or a function that returns them."""
        defaults: Any = fun() if callable(fun) else fun
        self.conf.add_defaults(defaults)

    # -- tasks

    @overload
    def task(self, fun: Callable[P, Coroutine[Any, Any, R]], /) -> Task[P, R]: ...
    @overload
    def task(self, fun: Callable[P, R], /) -> Task[P, R]: ...
    @overload
    def task(self, *, bind: Literal[True], **opts: Any) -> "_BoundDecorator": ...
    @overload
    def task(self, *, bind: Literal[False] = ..., **opts: Any) -> "_Decorator": ...

    def task(self, *args: Any, **opts: Any) -> Any:
        """Make a task of a function: `@app.task`, or `@app.task(bind=True, max_retries=5, …)`.

        Options are the attributes of `Task`, and `name`, `base` (a Task class), `bind` (the
        function gets the task as its first argument), `shared`, `lazy`.
        """
        if len(args) == 1 and callable(args[0]) and not isinstance(args[0], str):
            return self._make(args[0], **opts)
        if args:
            raise TypeError("@app.task takes options as keywords: @app.task(name='…')")
        return lambda fun: self._make(fun, **opts)

    def _make(
        self,
        fun: Callable[..., Any],
        name: str | None = None,
        base: type[Task[Any, Any]] | None = None,
        bind: bool = False,
        shared: bool = True,
        lazy: bool = True,
        **opts: Any,
    ) -> Task[Any, Any]:
        name = name or self.gen_task_name(fun.__name__, fun.__module__)
        known = self.tasks.get(name)
        if known is not None:
            return known
        cls = type(
            fun.__name__,
            (base or self.task_cls,),
            {
                "name": name,
                "run": fun if bind else staticmethod(fun),
                "abstract": False,
                "__doc__": fun.__doc__,
                "__module__": fun.__module__,
                "__wrapped__": staticmethod(fun),
                "__annotations__": dict(getattr(fun, "__annotations__", {})),
                **opts,
            },
        )
        task = cast("Task[Any, Any]", cls())
        task.__dict__["__name__"] = fun.__name__
        task.__dict__["__qualname__"] = getattr(fun, "__qualname__", fun.__name__)
        return self.register_task(task)

    def register_task(self, task: Any, **options: Any) -> Task[Any, Any]:
        """Add a task: an instance of a Task class, or the class."""
        instance: Task[Any, Any] = task() if isinstance(task, type) else task
        if not instance.name:
            cls = type(instance)
            instance.name = self.gen_task_name(cls.__name__, cls.__module__)
        for key, value in options.items():
            setattr(instance, key, value)
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
            module = self.main or _script_module()
        return f"{module}.{name}"

    def finalize(self, auto: bool = False) -> None:
        """Do nothing: tasks are ready as soon as they are declared."""

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
        """Send a call by the task's name: it need not be known here."""
        named = {"countdown": countdown, "eta": eta, "task_id": task_id}
        options |= {key: value for key, value in named.items() if value is not None}
        task = self.tasks.get(name)
        if task is not None:
            from ...domain.tasks.options import merged

            options = merged(task.resolved.call_defaults, options)
        return self.send(name, args or (), kwargs or {}, options)

    def send(
        self,
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        options: Mapping[str, Any],
    ) -> Result[Any]:
        """Send a call with its options merged already; what all other ways come down to."""
        frame = running()
        if frame is not None:
            options = _of_this_run(frame, options, self.conf.task_inherit_parent_priority)
        sending = self.sending
        message = sending.message(name, args, kwargs, options)
        sending.publish(
            [message], retry=self._retry_policy(options), within=options.get("connection")
        )
        result: Result[Any] = Result(message.id, task_name=name, app=self)
        if frame is not None and options.get("add_to_parent", True):
            frame[0].add_trail(result)
        return result

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
        results: list[Result[Any]] = []
        for group in _batches(calls, batch):
            messages = [self._message(call) for call in group]
            try:
                self.sending.publish(messages, retry=self._retry_policy({}), within=connection)
            except BrokerUnavailable as away:
                away.sent = results
                raise
            results.extend(
                Result(message.id, task_name=message.task, app=self) for message in messages
            )
        return results

    def _message(self, call: "Signature") -> Any:
        task = self.tasks.get(call["task"])
        options = call.get("options") or {}
        if task is not None:
            from ...domain.tasks.options import merged

            if self.strict_typing and task.typing is not False:
                task.check_arguments(call.args, call.kwargs)
            options = merged(task.resolved.call_defaults, options)
            if task.resolved.ignore_result:
                options.setdefault("ignore_result", True)
        frame = running()
        if frame is not None:
            options = _of_this_run(frame, options, self.conf.task_inherit_parent_priority)
        return self.sending.message(call["task"], call.args, call.kwargs, options)

    def _retry_policy(self, options: Mapping[str, Any]) -> Mapping[str, Any] | None:
        retry = options.get("retry")
        if not (self.conf.task_publish_retry if retry is None else retry):
            return None
        return {**self.conf.task_publish_retry_policy, **(options.get("retry_policy") or {})}

    def signature(self, *args: Any, **kwargs: Any) -> "Signature":
        """Return a signature bound to this app."""
        from .canvas import signature

        kwargs["app"] = self
        return signature(*args, **kwargs)

    def AsyncResult(self, task_id: str, **kwargs: Any) -> Result[Any]:
        """Return the result of a task by its id."""
        return Result(task_id, app=self, **kwargs)

    def store_state(self, task_id: str, state: str, meta: Any) -> None:
        """Store a state under a task's id, from anywhere."""
        from ...domain.tasks.result_record import ResultRecord

        payload = self.container.result_codec().encode(meta, self.conf.result_serializer)
        self.results.store([ResultRecord(task_id, state, payload)])

    # -- parts

    @property
    def container(self) -> "Container":
        """The parts this app is made of, made anew in each process."""
        found = self._container
        if found is None or self._pid != os.getpid():
            # One lock for all apps will do, and a fork leaves it free: nothing is opened under it.
            with _making:
                if self._container is None or self._pid != os.getpid():
                    self._sending: Sending | None = None
                    self._ids, self._pid = None, os.getpid()
                    self._container = self._make_container()
                found = self._container
        return found

    def _make_container(self) -> "Container":
        from ..container import Container, ready_made

        made = Container(settings=self.conf)
        for name, key in (("given_broker", "broker"), ("given_results", "results")):
            if self._given.get(key) is not None:
                getattr(made, name).override(ready_made(self._given[key]))
        if self._given["clock"] is not None:
            made.clock.override(ready_made(self._given["clock"]))
        return made

    @property
    def sending(self) -> "Sending":
        """What sends messages."""
        container = self.container
        if self._sending is None:
            self._sending = container.sending()
        return self._sending

    @property
    def fetching(self) -> "Fetching":
        """What reads results."""
        return self.container.fetching()

    @property
    def broker(self) -> "Broker":
        """The broker."""
        return self.container.broker()

    @property
    def results(self) -> "ResultBackend":
        """The result backend."""
        return self.container.results()

    backend = results

    @property
    def control(self) -> "Control":
        """Remote control of workers."""
        from .control import Control

        return Control(self)

    @property
    def clock(self) -> "Clock":
        """The clock it lives by."""
        if self._given["clock"] is None:
            from ..choices import host_clock

            self._given["clock"] = host_clock()
        clock: Clock = self._given["clock"]
        return clock

    def new_id(self) -> str:
        """Return a new task id."""
        if self._ids is None:
            self._ids = self.container.entropy().new_id
        return self._ids()

    def fraction(self) -> float:
        """Return a random number in [0, 1)."""
        return self.container.entropy().fraction()

    @property
    def hostname(self) -> str:
        """This host's name."""
        return os.uname().nodename

    def now(self) -> Any:
        """Return the present time in the app's timezone."""
        return self.container.clock().now().astimezone(self.timezone)

    @property
    def timezone(self) -> Any:
        """The timezone of schedules: the setting `timezone`, else UTC (or the host's)."""
        from .timezones import zone_of

        return zone_of(self.conf.timezone, utc=self.conf.enable_utc)

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

    def close(self) -> None:
        """Let go of connections, and of being the current app."""
        if self._container is not None and self._pid == os.getpid():
            self._container.stores().close()
        self._container = None
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

_URLS = ("broker_url", "result_backend")


class _Decorator:
    """Types of `@app.task(...)`."""

    @overload
    def __call__(self, fun: Callable[P, Coroutine[Any, Any, R]], /) -> Task[P, R]: ...
    @overload
    def __call__(self, fun: Callable[P, R], /) -> Task[P, R]: ...
    def __call__(self, fun: Any, /) -> Any:
        """Make the task."""
        raise NotImplementedError


class _BoundDecorator:
    """Types of `@app.task(bind=True, ...)`: the first parameter is the task itself."""

    @overload
    def __call__(
        self, fun: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]], /
    ) -> Task[P, R]: ...
    @overload
    def __call__(self, fun: Callable[Concatenate[Any, P], R], /) -> Task[P, R]: ...
    def __call__(self, fun: Any, /) -> Any:
        """Make the task."""
        raise NotImplementedError


def shared_task(*args: Any, **opts: Any) -> Any:
    """Make a task that every app has, those made later included; the current app's answers."""
    if len(args) == 1 and callable(args[0]):
        return _shared(args[0], opts)
    return lambda fun: _shared(fun, opts)


def _shared(fun: Callable[..., Any], opts: dict[str, Any]) -> Any:
    name = opts.get("name")

    def make(app: Celeriac) -> Task[Any, Any]:
        return app._make(fun, **opts)

    def find() -> Task[Any, Any]:
        app = current.get_current()
        known = app.tasks.get(name or app.gen_task_name(fun.__name__, fun.__module__))
        return known or make(app)

    current.share(make)
    return current.Proxy(find)


def _default_module() -> dict[str, Any]:
    return config_from_default_module()


def _script_module() -> str:
    """Return the importable name of the script that runs as `__main__`."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None and spec.name != "__main__":
        return str(spec.name).removesuffix(".__main__")
    path = getattr(main, "__file__", None)
    return os.path.splitext(os.path.basename(path))[0] if path else "__main__"


def _of_this_run(
    frame: Any, options: Mapping[str, Any], inherit_priority: bool
) -> Mapping[str, Any]:
    """Add to the options of a call what it inherits from the task that makes it."""
    request = frame[1]
    if request.id is None:
        return options
    inherited: dict[str, Any] = {"parent_id": request.id, "root_id": request.root_id or request.id}
    if inherit_priority and request.delivery_info:
        inherited["priority"] = request.delivery_info.get("priority")
    return {
        **inherited,
        **{k: v for k, v in options.items() if v is not None or k not in inherited},
    }


def _batches(calls: "Iterable[Signature]", size: int) -> "Iterator[list[Signature]]":
    batch: list[Signature] = []
    for call in calls:
        batch.append(call)
        if len(batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch


def _forget_connections_after_fork() -> None:
    global _making
    _making = Lock()
    for app in _living:
        app._container = None


os.register_at_fork(after_in_child=_forget_connections_after_fork)
