"""Work within a Django project: `celery.fixups.django`.

An app that is made where DJANGO_SETTINGS_MODULE is set has it by itself: Django is set up before
tasks are imported, and what a task has opened of databases and caches is closed behind it.
"""

import logging
import os
import sys
import warnings
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from ...application import signals
from ...domain.errors import FixupWarning, ImproperlyConfigured
from .current import Proxy
from .task import Task

if TYPE_CHECKING:
    from .app import Celeriac

__all__ = ["DjangoFixup", "fixup"]

logger = logging.getLogger("celeriac.worker")

ERR_NOT_INSTALLED: Final = (
    "DJANGO_SETTINGS_MODULE is set but Django is not installed: nothing is done for it"
)
_OLDEST: Final = (4, 2)


def fixup(app: "Celeriac", env: str = "DJANGO_SETTINGS_MODULE") -> "DjangoFixup | None":
    """Let an app work within Django, if this variable names settings and Django is there."""
    if not os.environ.get(env) or "django" in str(app.loader_cls).lower():
        return None
    try:
        django = import_module("django")
    except ImportError:
        warnings.warn(FixupWarning(ERR_NOT_INSTALLED), stacklevel=2)
        return None
    if django.VERSION < _OLDEST:
        raise ImproperlyConfigured(f"this is Django {django.VERSION}; expected {_OLDEST} or later")
    return DjangoFixup(app).install()


class DjangoFixup:
    """What an app does otherwise because of Django."""

    def __init__(self, app: "Celeriac") -> None:
        """Be an app's."""
        self.app = app
        self._worker_fixup: DjangoWorkerFixup | None = None

    def install(self) -> "DjangoFixup":
        """Make the project importable, take its time and tasks, and wait for workers."""
        if os.getcwd() not in sys.path:
            sys.path.insert(0, os.getcwd())
        setattr(self.app.loader, "now", self.now)  # noqa: B010 - a method, for this loader alone
        if self.app.task_cls is Task:
            from ..celery_modules.contrib_django_task import DjangoTask

            self.app.task_cls = DjangoTask
        signals.import_modules.connect(self.on_import_modules, sender=self.app)
        signals.worker_init.connect(self.on_worker_init)
        signals.worker_process_init.connect(self.on_worker_process_init)
        return self

    @property
    def worker_fixup(self) -> "DjangoWorkerFixup":
        """What its workers do otherwise."""
        if self._worker_fixup is None:
            self._worker_fixup = DjangoWorkerFixup(self.app)
        return self._worker_fixup

    @worker_fixup.setter
    def worker_fixup(self, value: "DjangoWorkerFixup") -> None:
        self._worker_fixup = value

    def on_import_modules(self, **kwargs: Any) -> None:
        """Set Django up, before tasks are imported."""
        self.worker_fixup.validate_models()

    def on_worker_init(self, sender: Any = None, **kwargs: Any) -> None:
        """Look after a worker, if it is this app's."""
        app = getattr(sender, "app", None)
        if app is not None and _unwrapped(app) is not _unwrapped(self.app):
            return
        self.worker_fixup.worker = sender
        self.worker_fixup.install()

    def on_worker_process_init(self, **kwargs: Any) -> None:
        """Look after a process of the pool: one that was not forked heard of no worker."""
        if self._worker_fixup is not None and not self._worker_fixup.installed:
            self._worker_fixup.install()

    def now(self, utc: bool = False) -> datetime:
        """Return the present: Django's, aware where the project's times are, or in UTC."""
        found: datetime = datetime.now(UTC) if utc else import_module("django.utils.timezone").now()
        return found

    def autodiscover_tasks(self) -> list[str]:
        """Return the names of the project's apps."""
        return [config.name for config in import_module("django.apps").apps.get_app_configs()]


class DjangoWorkerFixup:
    """What a worker does otherwise because of Django."""

    #: Who sent `worker_init`.
    worker: Any = None
    installed = False

    def __init__(self, app: "Celeriac") -> None:
        """Look after the workers of an app; CELERY_DB_REUSE_MAX is how many uses are kept open."""
        self.app = app
        self._settings = import_module("django.conf").settings
        self.db_reuse_max: int | None = app.conf.get("CELERY_DB_REUSE_MAX") or getattr(
            self._settings, "CELERY_DB_REUSE_MAX", None
        )
        self._uses = 0
        #: Ids of tasks that the caller runs itself, while they run.
        self._eager: set[str | None] = set()
        self._pid = os.getpid()
        self._db = import_module("django.db")
        self._cache = import_module("django.core.cache")

    def django_setup(self) -> None:
        """Load the project's apps."""
        import_module("django").setup()

    def validate_models(self) -> None:
        """Load the project's apps and log what is wrong, unless CELERY_SKIP_CHECKS is set."""
        self.django_setup()
        if not os.environ.get("CELERY_SKIP_CHECKS"):
            for found in import_module("django.core.checks").run_checks():
                if found.is_serious():
                    logger.error("Django's checks: %s", found)

    def install(self) -> "DjangoWorkerFixup":
        """Close what is open, now and around each task."""
        self.installed = True
        signals.beat_embedded_init.connect(self.close_database)
        signals.task_prerun.connect(self.on_task_prerun)
        signals.task_postrun.connect(self.on_task_postrun)
        signals.worker_process_init.connect(self.on_worker_process_init)
        self._uses = 0
        self._close_database()
        self.close_cache()
        return self

    def on_worker_process_init(self, **kwargs: Any) -> None:
        """Let go of connections of the process that this one was forked from."""
        if os.getpid() != self._pid:
            self._pid = os.getpid()
            for connection in self._db.connections.all():
                # Closed in order, it would end for the other process too.
                with suppress(AttributeError, OSError, TypeError, self._db.InterfaceError):
                    os.close(connection.connection.fileno())
        self._close_database()
        self.close_cache()

    def on_task_prerun(self, sender: Any, task_id: str | None = None, **kwargs: Any) -> None:
        """Begin a task with connections of its own, unless the caller runs it itself."""
        if getattr(sender.request, "is_eager", False):
            self._eager.add(task_id)
        else:
            self.close_database()

    def on_task_postrun(self, sender: Any, task_id: str | None = None, **kwargs: Any) -> None:
        """Close what a task has opened, unless the caller runs it itself."""
        if task_id in self._eager:
            self._eager.discard(task_id)
        else:
            self.close_database()
            self.close_cache()

    def close_database(self, **kwargs: Any) -> None:
        """Close the connections of this thread, or keep them for some tasks more."""
        # Twice: it is called before and after each task.
        if self.db_reuse_max and self._uses < self.db_reuse_max * 2:
            self._uses += 1
            return
        self._uses = 1
        self._close_database()

    def close_cache(self) -> None:
        """Close the caches."""
        self._cache.close_caches()

    def _close_database(self) -> None:
        for connection in self._db.connections.all(initialized_only=True):
            try:
                connection.close()
                if self._pools(connection.alias):
                    connection.close_pool()
            except self._db.InterfaceError:
                continue
            except self._db.DatabaseError as broken:
                if "closed" not in str(broken) and "not connected" not in str(broken):
                    raise

    def _pools(self, alias: str) -> bool:
        """Tell whether Django keeps a pool of connections that a fork must not inherit."""
        options = self._settings.DATABASES.get(alias, {}).get("OPTIONS", {})
        forks = getattr(getattr(self.worker, "pool", None), "capabilities", None)
        return bool(options.get("pool") and forks and forks.kill)


def _unwrapped(app: Any) -> Any:
    return app._get_current_object() if isinstance(app, Proxy) else app
