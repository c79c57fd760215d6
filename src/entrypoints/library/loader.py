"""`app.loader`: how an app gets at its settings and modules, under the names of Celery's loader."""

import importlib
import importlib.util
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ...application.signals import (
    import_modules,
    task_postrun,
    task_prerun,
    worker_init,
    worker_process_init,
    worker_shutdown,
)
from ..configuration import (
    config_from_cmdline,
    config_from_default_module,
    config_from_object,
)
from ..configuration_source import working_directory_importable
from .discovery import discover

if TYPE_CHECKING:
    from .app import Celeriac


class Loader:
    """Reads and imports for one app."""

    builtin_modules: frozenset[str] = frozenset()
    configured = False
    override_backends: Mapping[str, str] = {}
    worker_initialized = False

    def __init__(self, app: "Celeriac", **kwargs: Any) -> None:
        """Load for this app; more keywords are accepted for Celery's sake."""
        self.app = app
        self.task_modules: set[str] = set()

    @property
    def conf(self) -> Any:
        """The app's settings."""
        return self.app.conf

    @property
    def default_modules(self) -> tuple[str, ...]:
        """What a worker imports: the settings `imports` and `include`."""
        return tuple(dict.fromkeys((*self.app.conf.imports, *self.app.conf.include)))

    def import_default_modules(self) -> list[ModuleType]:
        """Import what holds tasks. Raises what a module, or a receiver of the signal, raises."""
        for _, answer in import_modules.send(sender=self.app):
            if isinstance(answer, Exception):
                raise answer
        return [self.import_task_module(module) for module in self.default_modules]

    def import_task_module(self, module: str) -> ModuleType:
        """Import a module of tasks; the working directory is importable meanwhile."""
        self.task_modules.add(module)
        return self.import_from_cwd(module)

    def import_module(self, module: str, package: str | None = None) -> ModuleType:
        """Import a module."""
        return importlib.import_module(module, package)

    def import_from_cwd(
        self, module: str, imp: Any = None, package: str | None = None
    ) -> ModuleType:
        """Import a module, also from the working directory."""
        with working_directory_importable():
            made: ModuleType = (imp or self.import_module)(module, package=package)
            return made

    def find_module(self, module: str) -> Any:
        """Return the import specification of a module, or None."""
        with working_directory_importable():
            return importlib.util.find_spec(module)

    def autodiscover_tasks(
        self, packages: Iterable[str], related_name: str | None = "tasks"
    ) -> list[ModuleType]:
        """Import the modules of tasks of packages, now."""
        return discover(packages, related_name)

    def config_from_object(self, obj: Any, silent: bool = False) -> bool:
        """Take settings from an object, a module or its name."""
        self.app.config_from_object(obj, silent=silent)
        return True

    def read_configuration(
        self, env: str = "CELERY_CONFIG_MODULE", fail_silently: bool = False
    ) -> dict[str, Any]:
        """Return the settings of the module that a variable names, if there is one.

        Raises ConfigurationNotFound if the module is not there, unless it may `fail_silently`.
        """
        name = os.environ.get(env)
        found = config_from_object(name, silent=fail_silently) if name else {}
        made: dict[str, Any] = self.setup_settings(found)
        return made

    def setup_settings(self, settingsdict: Any) -> Any:
        """For subclasses: return the settings that were read, changed at will."""
        return settingsdict

    def cmdline_config_parser(
        self, args: Iterable[str], namespace: str = "celery", *_: Any, **__: Any
    ) -> dict[str, Any]:
        """Return the settings of words such as `worker.prefetch_multiplier=1`."""
        return config_from_cmdline(args, namespace)

    def now(self, utc: bool = True) -> datetime:
        """Return the present time: naive, and in UTC unless asked otherwise, as Celery's does."""
        now = self.app.clock.now()
        return now.astimezone(UTC if utc else None).replace(tzinfo=None)

    def init_worker(self) -> None:
        """Import what holds tasks, once."""
        if not self.worker_initialized:
            self.worker_initialized = True
            self.import_default_modules()

    def init_worker_process(self) -> None:
        """Say that a process of the pool begins."""
        self.on_worker_process_init()

    def shutdown_worker(self) -> None:
        """Say that a worker has ended."""
        self.on_worker_shutdown()

    def on_worker_init(self) -> None:
        """For subclasses: a worker begins."""

    def on_worker_shutdown(self) -> None:
        """For subclasses: a worker has ended."""

    def on_worker_process_init(self) -> None:
        """For subclasses: a process of the pool begins."""

    def on_task_init(self, task_id: str, task: Any) -> None:
        """For subclasses: a task is about to run."""

    def on_process_cleanup(self) -> None:
        """For subclasses: a task has run."""

    def listen(self) -> None:
        """Have the methods above called; only a loader that is somebody's own needs it."""
        worker_init.connect(lambda **_: self.on_worker_init(), weak=False)
        worker_shutdown.connect(lambda **_: self.on_worker_shutdown(), weak=False)
        worker_process_init.connect(lambda **_: self.on_worker_process_init(), weak=False)
        task_prerun.connect(lambda task_id, task, **_: self.on_task_init(task_id, task), weak=False)
        task_postrun.connect(lambda **_: self.on_process_cleanup(), weak=False)


def settings_of(loader: Loader) -> Mapping[str, Any]:
    """Return the settings that a loader of somebody's own finds."""
    kind = type(loader)
    if kind.conf is not Loader.conf:
        return dict(loader.conf)
    if kind.read_configuration is not Loader.read_configuration:
        return dict(loader.read_configuration() or {})
    return dict(loader.setup_settings(config_from_default_module()))


def make_loader(app: "Celeriac", asked: Any) -> Loader:
    """Return the loader of a class, or of its name; `app` and `default` mean the usual one."""
    if asked in (None, "app", "default") or asked is Loader:
        return Loader(app)
    if isinstance(asked, str) and asked.startswith("celery."):
        return Loader(app)  # by whichever name of Celery's, there is one
    if isinstance(asked, str):
        module, _, name = asked.replace(":", ".").rpartition(".")
        asked = getattr(importlib.import_module(module), name)
    made: Loader = asked(app)
    made.listen()
    return made
