"""What an app has beside tasks and settings because Celery's apps have it.

Imports and delegation only. Nothing here costs anything before it is asked for.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, cast

from ...application.signal import Signal
from .parts import AppParts

if TYPE_CHECKING:
    from ...domain.settings import Settings
    from ..beat import AppBeat
    from ..worker import AppWorker
    from .amqp import AMQP
    from .app import Celeriac
    from .backend import Backend
    from .connections import Connection, Pool
    from .discovery import Packages
    from .loader import Loader
    from .log import Logging
    from .registry import TaskRegistry
    from .result_sets import ResultSet
    from .task import Task as TaskClass


class Steps(dict[str, set[Any]]):
    """Steps of users' own, by the blueprint they belong to."""

    def __missing__(self, name: str) -> set[Any]:
        """Make the set of a blueprint."""
        self[name] = found = set[Any]()
        return found


class CeleryShape(AppParts):
    """The rest of Celery's app."""

    SYSTEM: ClassVar[str] = os.uname().sysname
    IS_macOS: ClassVar[bool] = sys.platform == "darwin"
    IS_WINDOWS: ClassVar[bool] = sys.platform == "win32"

    # Classes of an app's parts, or where they are; a subclass of the app may name its own.
    amqp_cls: Any = "celery.app.amqp:AMQP"
    control_cls: Any = "celery.app.control:Control"
    log_cls: Any = "celery.app.log:Logging"
    events_cls: Any = "celery.app.events:Events"
    registry_cls: Any = "celery.app.registry:TaskRegistry"
    loader_cls: Any = None
    backend_cls: Any = None
    builtin_fixups: ClassVar[frozenset[str]] = frozenset({"celery.fixups.django:fixup"})
    use_fast_trace_task = False

    # Made for each app; a subclass may have a method `on_configure` instead of the signal.
    on_configure: Any = None
    conf = cast("Settings", None)
    tasks = cast("TaskRegistry", None)
    on_after_configure = cast("Signal", None)
    on_after_finalize = cast("Signal", None)
    on_after_fork = cast("Signal", None)
    steps = cast("Steps", None)
    user_options = cast("Steps", None)

    main: str | None = None
    namespace: str | None = None
    #: Whether the settings, and the tasks, were announced to those who listen.
    configured = False
    finalized = False

    def _take_classes(self, kwargs: dict[str, Any]) -> None:
        """Take out of an app's arguments those that name the classes of its parts."""
        for part in ("amqp", "control", "events", "log"):
            if (cls := kwargs.pop(part, None)) is not None:
                setattr(self, f"{part}_cls", cls)
        self.fixups: list[Any] = list(kwargs.pop("fixups", None) or ())

    def _take_shape(self, loader: Any, namespace: str | None, *, set_as_current: bool) -> None:
        self.set_as_current, self.namespace = set_as_current, namespace
        self.steps = Steps()
        self.user_options = Steps()
        if self.on_configure is None:
            self.on_configure = Signal(name="app.on_configure")
        self.on_after_configure = Signal(name="app.on_after_configure", providing_args={"source"})
        self.on_after_finalize = Signal(name="app.on_after_finalize", providing_args={"app"})
        self.on_after_fork = Signal(name="app.on_after_fork", providing_args={"app"})
        self._own: dict[str, Any] = {}
        if loader is not None:
            self.loader_cls = loader
            _ = self.loader
        self.fixups = [
            fixup(self) for fixup in (*self._builtin_fixups(), *map(loaded, self.fixups))
        ]
        self.on_init()

    def _builtin_fixups(self) -> Iterable[Any]:
        for name in self.builtin_fixups:
            if not name.startswith("celery."):
                yield loaded(name)
            elif os.environ.get("DJANGO_SETTINGS_MODULE"):
                from .django_fixup import fixup

                yield fixup

    @property
    def _app(self) -> "Celeriac":
        return cast("Celeriac", self)

    @classmethod
    def __class_getitem__(cls, item: Any) -> Any:
        """Return the class itself: `Celery[Task]` is for type checkers only."""
        return cls

    def _part(self, cls: Any, usual: Any) -> Any:
        """Return the class of a part: the usual one under its name of Celery's, or one's own."""
        if isinstance(cls, str):
            return usual if cls.startswith("celery.") else loaded(cls)
        return cls

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._own:
            self._own[name] = make()
        return self._own[name]

    # -- its beginning, and its end

    def on_init(self) -> None:
        """For subclasses: the app has been made."""

    def finalize(self, auto: bool = False) -> None:
        """Send `on_configure`, `on_after_configure` and `on_after_finalize`, the first time.

        Whoever needs the broker or the results calls it, workers and beat at their start. Tasks
        are ready as soon as they are declared, so that nothing waits for it.
        """
        if self.finalized:
            return
        self.finalized = True
        if isinstance(self.on_configure, Signal):
            self.on_configure.send(sender=self)
        else:
            self.on_configure()
        self.configured = True
        self.on_after_configure.send(sender=self, source=self.conf)
        self.on_after_finalize.send(sender=self)

    def after_fork(self) -> None:
        """Send `on_after_fork`, in the process that was forked."""
        if self.on_after_fork.receivers:
            self.on_after_fork.send(sender=self)

    def autodiscover_tasks(
        self,
        packages: "Packages" = None,
        related_name: str | None = "tasks",
        force: bool = False,
    ) -> list[ModuleType] | None:
        """Have workers and beat import `<package>.<related_name>` of each package.

        Args:
            packages: Names of packages, or a function that returns them when they are needed;
                None: Django's installed apps.
            related_name: The module in each; None: the package itself.
            force: Import them now.
        """
        from .discovery import autodiscover

        return autodiscover(self._app, packages, related_name, force=force)

    # -- its parts, by Celery's names

    @property
    def loader(self) -> "Loader":
        """What reads settings and imports modules."""
        from .loader import make_loader

        loader: Loader = self._once("loader", lambda: make_loader(self._app, self.loader_cls))
        return loader

    @property
    def amqp(self) -> "AMQP":
        """Queues, routes and messages."""
        from .amqp import AMQP

        amqp: AMQP = self._once("amqp", lambda: self._part(self.amqp_cls, AMQP)(self._app))
        return amqp

    @property
    def backend(self) -> "Backend":
        """The result store."""
        from .backend import Backend, DisabledBackend

        def make() -> Backend:
            kind = DisabledBackend if self.results.url == "disabled://" else Backend
            return kind(self._app)

        own = getattr(self.results, "backend", None)
        if isinstance(own, Backend):  # of the site's own class; each thread has one
            return own
        backend: Backend = self._once("backend", make)
        return backend

    @property
    def log(self) -> "Logging":
        """The set-up of logs."""
        from .log import Logging

        log: Logging = self._once("log", lambda: self._part(self.log_cls, Logging)(self._app))
        return log

    def set_log(self, log: "Logging") -> None:
        """Let logs be set up by this instead."""
        self._own["log"] = log

    @property
    def annotations(self) -> Any:
        """The setting `task_annotations`."""
        return self.conf.task_annotations

    @property
    def current_worker_task(self) -> "TaskClass[Any, Any] | None":
        """The task that runs in this context, if it is a worker's."""
        from ...application.context import running

        frame = running()
        while frame is not None and frame[1].called_directly:
            frame = frame[2]
        return frame[0] if frame else None

    @property
    def oid(self) -> str:
        """An id of this app in this process, which its messages have as `reply_to`."""
        return self._app.container.identity()

    @property
    def thread_oid(self) -> str:
        """An id of this app in this thread."""
        return str(self._once(f"oid-{os.getpid()}-{threading.get_ident()}", self.new_id))

    # -- connections

    def connection(self, hostname: str | None = None, **kwargs: Any) -> "Connection":
        """Return a view of the broker; with a URL, of another one. Keywords are not looked at."""
        from .connections import Connection

        return Connection(self._app, hostname)

    broker_connection = connection

    def connection_for_read(self, url: str | None = None, **kwargs: Any) -> "Connection":
        """Return a view of the broker that messages are taken from."""
        return self.connection(url)

    def connection_for_write(self, url: str | None = None, **kwargs: Any) -> "Connection":
        """Return a view of the broker that messages are sent to."""
        return self.connection(url)

    @property
    def pool(self) -> "Pool":
        """Views of the broker."""
        from .connections import Connection, Pool

        return Pool(self._app, Connection)

    @property
    def producer_pool(self) -> "Pool":
        """What publishes."""
        from .connections import Pool, Producer

        return Pool(self._app, Producer)

    def connection_or_acquire(
        self, connection: Any = None, pool: bool = True, *_: Any, **__: Any
    ) -> AbstractContextManager[Any]:
        """Return the connection given, or a view of the broker, as a context."""
        from .connections import either

        return either(connection, self.pool)

    default_connection = connection_or_acquire

    def producer_or_acquire(self, producer: Any = None) -> AbstractContextManager[Any]:
        """Return the producer given, or one of ours, as a context."""
        from .connections import either

        return either(producer, self.producer_pool)

    default_producer = producer_or_acquire

    # -- classes bound to the app

    def subclass_with_self(
        self,
        Class: Any,
        name: str | None = None,
        attribute: str = "app",
        reverse: str | None = None,
        keep_reduce: bool = False,
        **kw: Any,
    ) -> Any:
        """Return a subclass whose `attribute` is this app; `Class` may be a class's path."""
        Class = loaded(Class)
        members = {attribute: self, "__module__": Class.__module__, "__doc__": Class.__doc__, **kw}
        return type(name or Class.__name__, (Class,), members)

    @property
    def Task(self) -> "type[TaskClass[Any, Any]]":
        """The class of this app's tasks, to be subclassed."""
        return self.create_task_cls()

    def create_task_cls(self) -> "type[TaskClass[Any, Any]]":
        """Return the class of tasks, bound to this app."""
        cls = self._app.task_cls

        def make() -> Any:
            return type(cls.__name__, (cls,), {"_app": self, "__module__": cls.__module__})

        made: type[TaskClass[Any, Any]] = self._once(f"Task-{id(cls)}", make)
        return made

    @property
    def ResultSet(self) -> "Callable[..., ResultSet]":
        """Make a set of results of this app."""
        from .result_sets import ResultSet

        def make(results: Iterable[Any], **kwargs: Any) -> ResultSet:
            return ResultSet(list(results), app=self._app, **kwargs)

        return make

    @property
    def Worker(self) -> "Callable[..., AppWorker]":
        """Make a worker of this app; keywords are those of WorkerOptions."""
        from ..worker import AppWorker, WorkerOptions

        return lambda **options: AppWorker(self._app, WorkerOptions(**options))

    WorkController = Worker

    @property
    def Beat(self) -> "Callable[..., AppBeat]":
        """Make a beat of this app; keywords are those of BeatOptions."""
        from ..beat import AppBeat, BeatOptions

        return lambda **options: AppBeat(self._app, BeatOptions(**options))

    # -- small things

    def select_queues(self, queues: str | Iterable[str] | None = None) -> None:
        """Have workers made later work on these queues only."""
        if queues:
            self.amqp.queues.select(queues)

    def chosen_queues(self) -> list[str] | None:
        """Return the names of the queues that were chosen in code; None: nobody has."""
        amqp = self._own.get("amqp")
        return None if amqp is None else cast("list[str] | None", amqp.queues.chosen)

    def uses_utc_timezone(self) -> bool:
        """Tell whether the app's timezone is UTC."""
        return str(self.timezone) == "UTC"

    def either(self, default_key: str, *defaults: Any) -> Any:
        """Return the first default that is not None, else the setting."""
        given = next((value for value in defaults if value is not None), None)
        return self.conf[default_key] if given is None else given

    def prepare_config(self, c: Mapping[str, Any]) -> Mapping[str, Any]:
        """For subclasses: look at the settings."""
        return c

    def bugreport(self) -> str:
        """Return versions and settings, as bug reports need them."""
        from ..cli.report import report

        return "\n".join(report(self._app))

    def type_checker(self, fun: Callable[..., Any], bound: bool = False) -> Callable[..., Any]:
        """Return what raises TypeError for arguments a function cannot be called with."""
        from .arguments import Arguments

        known = Arguments(fun)

        def check(*args: Any, **kwargs: Any) -> None:
            why = known.misfit(args[1:] if bound else args, kwargs)
            if why:
                raise TypeError(why)

        return check


def loaded(cls: Any) -> Any:
    """Return the class of a name such as `shop.tasks:Base`; a class as it is."""
    if not isinstance(cls, str):
        return cls
    from importlib import import_module

    module, _, name = cls.replace(":", ".").rpartition(".")
    return getattr(import_module(module), name)
