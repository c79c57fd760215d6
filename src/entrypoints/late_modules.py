"""Modules of the standard library that come into a hub only when somebody looks into them.

The hub's libraries import asyncio and importlib.metadata, which import TLS, hashes, archives and
e-mail: 7 MiB of an idle worker, for what most workers never do.

What must stay true: whoever looks into such a module finds all of it, whichever thread comes first.
`importlib.util.LazyLoader` promises less: before Python 3.12 a second thread finds half a module,
and a mere `import` of it already loads it.
"""

import sys
import threading
from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any, Final

#: What may be late → a module that it needs and a Python may have been built without.
LATE: Final = {
    "asyncio.sslproto": "_ssl",
    "hashlib": "_hashlib",
    "importlib.metadata": "zlib",
    "ssl": "_ssl",
}

_loading = threading.RLock()
_unloaded: set[str] = set()


class LateModule(ModuleType):
    """A module by name, whose code runs when an attribute is looked for."""

    def __getattr__(self, name: str) -> Any:
        """Return what was not there yet."""
        with _loading:
            if self.__name__ in _unloaded:
                _unloaded.remove(self.__name__)
                _run(self)
        return ModuleType.__getattribute__(self, name)

    def __dir__(self) -> Iterable[str]:
        """Return all names."""
        getattr(self, "__all__", None)
        return ModuleType.__dir__(self)


def postpone(modules: Mapping[str, str] = LATE) -> None:
    """Let those that are not loaded yet be late, where this Python has what they need."""
    made: dict[str, ModuleType] = {}
    for name, need in modules.items():
        spec = _found(name) if name not in sys.modules and find_spec(need) else None
        if spec is None or spec.loader is None:
            continue
        module = module_from_spec(spec)
        module.__class__ = LateModule
        _unloaded.add(name)
        sys.modules[name] = module
        made[name] = module
    for name, module in made.items():
        # Importing does so for what it loads itself. A package may import its own late modules.
        package, _, last = name.rpartition(".")
        if package:
            setattr(import_module(package), last, module)


def _found(name: str) -> ModuleSpec | None:
    """Find a module without importing the package that it is in."""
    package = name.rpartition(".")[0]
    if not package:
        return PathFinder.find_spec(name)
    around = _found(package)
    return around and PathFinder.find_spec(name, around.submodule_search_locations)


def _run(module: ModuleType) -> None:
    assert module.__spec__ is not None
    assert module.__spec__.loader is not None
    try:
        module.__spec__.loader.exec_module(module)
    except BaseException:
        _unloaded.add(module.__name__)
        raise
    module.__class__ = ModuleType
