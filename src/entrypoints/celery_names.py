"""Celery's names for celeriac: after `install_as_celery()`, `import celery…` means celeriac.

One table and one finder. What must stay true: a module is the very same object under both names,
so that a class is one class however it was imported.
"""

import importlib
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

from ..domain.errors import ImproperlyConfigured

#: Set, and inherited by the processes that are started, where Celery's names mean celeriac.
VARIABLE: Final = "CELERIAC_AS_CELERY"

_M: Final = ".entrypoints.celery_modules"
_L: Final = ".entrypoints.library"

#: Celery's module → ours, both without their package.
MODULES: Final = {
    "": f"{_M}.root",
    "._state": f"{_M}.state",
    ".__main__": ".__main__",
    ".app": f"{_M}.app",
    ".app.amqp": f"{_M}.app_amqp",
    ".app.annotations": f"{_M}.app_annotations",
    ".app.autoretry": f"{_M}.app_autoretry",
    ".app.backends": f"{_M}.app_backends",
    ".app.base": f"{_M}.app_base",
    ".app.builtins": f"{_M}.app_builtins",
    ".app.control": f"{_M}.app_control",
    ".app.defaults": f"{_M}.app_defaults",
    ".app.events": f"{_L}.events",
    ".app.log": f"{_M}.app_log",
    ".app.registry": f"{_M}.app_registry",
    ".app.routes": f"{_M}.app_routes",
    ".app.task": f"{_M}.app_task",
    ".app.trace": f"{_M}.app_trace",
    ".app.utils": f"{_M}.app_utils",
    ".backends": f"{_M}.backends",
    ".backends.base": f"{_M}.backends_base",
    ".beat": f"{_M}.beat",
    ".bin": f"{_M}.bin",
    ".bin.base": f"{_M}.bin_base",
    ".bin.celery": f"{_M}.bin_celery",
    ".bootsteps": f"{_L}.bootsteps",
    ".canvas": ".canvas",
    ".concurrency": f"{_M}.concurrency",
    ".concurrency.base": f"{_M}.concurrency_base",
    ".contrib": f"{_M}.contrib",
    ".contrib.abortable": f"{_M}.contrib_abortable",
    ".contrib.django": f"{_M}.contrib_django",
    ".contrib.django.task": f"{_M}.contrib_django_task",
    ".contrib.migrate": f"{_M}.contrib_migrate",
    ".contrib.pytest": f"{_M}.contrib_pytest",
    ".contrib.rdb": f"{_M}.contrib_rdb",
    ".contrib.sphinx": f"{_M}.contrib_sphinx",
    ".contrib.testing": f"{_M}.contrib_testing",
    ".contrib.testing.app": f"{_M}.contrib_testing_app",
    ".contrib.testing.manager": f"{_M}.contrib_testing_manager",
    ".contrib.testing.mocks": f"{_M}.contrib_testing_mocks",
    ".contrib.testing.tasks": f"{_M}.contrib_testing_tasks",
    ".contrib.testing.worker": f"{_M}.contrib_testing_worker",
    ".events": f"{_M}.events",
    ".events.cursesmon": ".entrypoints.cli.screen",
    ".events.dispatcher": f"{_L}.events",
    ".events.dumper": ".entrypoints.cli.events",
    ".events.event": f"{_M}.events",
    ".events.receiver": f"{_L}.event_receiving",
    ".events.snapshot": f"{_L}.snapshots",
    ".events.state": f"{_M}.events_state",
    ".exceptions": ".exceptions",
    ".execute": f"{_M}.execute",
    ".fixups": f"{_M}.fixups",
    ".fixups.django": f"{_L}.django_fixup",
    ".loaders": f"{_M}.loaders",
    ".loaders.app": f"{_M}.loaders_base",
    ".loaders.base": f"{_M}.loaders_base",
    ".loaders.default": f"{_M}.loaders_base",
    ".local": f"{_M}.local",
    ".log": f"{_M}.log_by_name",
    ".messaging": f"{_M}.messaging",
    ".platforms": f"{_M}.platforms",
    ".registry": f"{_M}.registry",
    ".result": ".result",
    ".schedules": ".schedules",
    ".security": f"{_M}.security",
    ".security.certificate": f"{_M}.security_certificate",
    ".security.key": f"{_M}.security_key",
    ".security.serialization": f"{_M}.security_serialization",
    ".security.utils": f"{_M}.security_utils",
    ".signals": ".signals",
    ".states": ".states",
    ".utils": f"{_M}.words",
    ".utils.collections": f"{_M}.maps",
    ".utils.dispatch": f"{_M}.dispatch",
    ".utils.dispatch.signal": ".application.signal",
    ".utils.functional": f"{_M}.functional",
    ".utils.graph": f"{_M}.graph",
    ".utils.imports": f"{_M}.imports",
    ".utils.iso8601": f"{_M}.iso8601",
    ".utils.log": f"{_M}.log",
    ".utils.nodenames": f"{_M}.nodenames",
    ".utils.objects": f"{_M}.objects",
    ".utils.saferepr": f"{_M}.saferepr",
    ".utils.serialization": f"{_M}.serialization",
    ".utils.term": f"{_M}.term",
    ".utils.text": f"{_M}.text",
    ".utils.threads": f"{_M}.threads",
    ".utils.time": f"{_M}.times",
    ".worker": f"{_M}.worker_package",
    ".worker.autoscale": f"{_M}.worker_autoscale",
    ".worker.components": f"{_M}.worker_components",
    ".worker.consumer": f"{_M}.worker_consumer",
    ".worker.consumer.agent": f"{_M}.worker_consumer",
    ".worker.consumer.connection": f"{_M}.worker_consumer",
    ".worker.consumer.consumer": f"{_M}.worker_consumer",
    ".worker.consumer.control": f"{_M}.worker_consumer",
    ".worker.consumer.delayed_delivery": f"{_M}.worker_consumer",
    ".worker.consumer.events": f"{_M}.worker_consumer",
    ".worker.consumer.gossip": f"{_M}.worker_consumer",
    ".worker.consumer.heart": f"{_M}.worker_consumer",
    ".worker.consumer.mingle": f"{_M}.worker_consumer",
    ".worker.consumer.tasks": f"{_M}.worker_consumer",
    ".worker.control": f"{_M}.worker_control",
    ".worker.request": f"{_M}.worker_request",
    ".worker.strategy": f"{_M}.worker_strategy",
    ".worker.worker": f"{_M}.worker_package",
}
#: Modules of Celery's that have no meaning here, and why.
REFUSED: Final = {
    ".concurrency.prefork": "name a pool by worker_pool or -P instead of its class",
    ".worker.loops": "a worker has no event loop of kombu's",
    ".worker.autoreload": "Celery has removed it long ago",
    ".utils.timer2": "worker.timer is the timer for steps",
}
#: Those that have modules below them.
_PACKAGES: Final = {name.rpartition(".")[0] for name in MODULES}


class CeleryNames:
    """Finds our module under Celery's name, and hands it out as it is.

    A finder and a loader by its shape: their classes in `importlib.abc` would bring the packages of
    resources, temporary files and archives into each process of a worker.
    """

    def __init__(self) -> None:
        """Nothing is remembered but specifications while modules are imported."""
        self._specs: dict[str, ModuleSpec | None] = {}

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Answer for Celery's names that stand in the table."""
        package, dot, rest = fullname.partition(".")
        if package != "celery":
            return None
        if dot + rest in REFUSED:
            text = f"No module named {fullname!r} in celeriac: {REFUSED[dot + rest]}"
            raise ModuleNotFoundError(text, name=fullname)
        if dot + rest not in MODULES:
            return None
        itself: Any = self
        return ModuleSpec(fullname, itself, is_package=dot + rest in _PACKAGES)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return our module."""
        module = importlib.import_module(our_name(spec.name))
        self._specs[spec.name] = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Undo what importing under another name has written into it."""
        assert module.__spec__ is not None
        module.__spec__ = self._specs.pop(module.__spec__.name)


def our_name(celerys: str) -> str:
    """Return the name of our module that stands for one of Celery's. Raises KeyError."""
    package = __name__.partition(".")[0]
    return package + MODULES[celerys.removeprefix("celery")]


def imported(celerys: str) -> ModuleType | None:
    """Return our module that stands for one of Celery's, if anybody has imported it."""
    return sys.modules.get(our_name(celerys))


def celery_names_are_ours() -> bool:
    """Tell whether `import celery…` means celeriac in this process."""
    return any(isinstance(finder, CeleryNames) for finder in sys.meta_path)


def install_as_celery() -> None:
    """Let `import celery…` mean celeriac from now on, in this process and those it starts.

    Raises ImproperlyConfigured if Celery itself was imported before.
    """
    if celery_names_are_ours():
        return
    known = sys.modules.get("celery")
    if known is not None:
        raise ImproperlyConfigured(
            f"Celery itself was imported already, from {getattr(known, '__file__', '?')}: call "
            "celeriac.install_as_celery() before anything imports celery, or set "
            f"{VARIABLE}=1 and start with celeriac"
        )
    sys.meta_path.insert(0, CeleryNames())
    os.environ[VARIABLE] = "1"
