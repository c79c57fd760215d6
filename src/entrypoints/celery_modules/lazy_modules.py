"""Modules whose names are imported when they are asked for; part of `celery.local`."""

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, Final

#: What every module has for itself.
DEFAULT_ATTRS: Final = frozenset({"__all__", "__doc__", "__file__", "__path__"})


class LazyModule(ModuleType):
    """A module that imports what its names stand for when they are asked for.

    All names of one origin come at once.
    """

    _all_by_module: Mapping[str, Iterable[str]] = {}
    _direct: Mapping[str, str] = {}
    _object_origins: Mapping[str, str] = {}

    def __getattr__(self, name: str) -> Any:
        """Import it."""
        if name in self._object_origins:
            origin = self._object_origins[name]
            module = import_module(origin)
            for other in self._all_by_module[origin]:
                setattr(self, other, getattr(module, other))
            return getattr(module, name)
        if name in self._direct:
            found = import_module(self._direct[name])
            setattr(self, name, found)
            return found
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        """Return all its names."""
        return sorted({*getattr(self, "__all__", ()), *DEFAULT_ATTRS})

    def __reduce__(self) -> Any:
        """Be imported where it is unpickled."""
        return import_module, (self.__name__,)


def get_origins(defs: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return the module of each name, given the names of each module."""
    return {name: module for module, names in defs.items() for name in names}


def create_module(
    name: str,
    attrs: Mapping[str, Any],
    cls_attrs: Mapping[str, Any] | None = None,
    pkg: ModuleType | None = None,
    base: type[ModuleType] = LazyModule,
    prepare_attr: Callable[[Any], Any] | None = None,
) -> Any:
    """Make a module, importable from now on: below `pkg` if given.

    Args:
        name: Its name.
        attrs: What is in it.
        cls_attrs: What its class has.
        pkg: The package it is in.
        base: The class of its class.
        prepare_attr: What is done to everything that is put into it.
    """
    whole = f"{pkg.__name__}.{name}" if pkg is not None else name
    given = {key: prepare_attr(one) if prepare_attr else one for key, one in attrs.items()}
    made: Any = type(name, (base,), {"__module__": "", **(cls_attrs or {})})(name)
    made.__dict__.update(given)
    sys.modules[whole] = made
    return made


def recreate_module(
    name: str,
    compat_modules: Iterable[str] | None = None,
    by_module: Mapping[str, Iterable[str]] | None = None,
    direct: Mapping[str, str] | None = None,
    base: type[ModuleType] = LazyModule,
    **attrs: Any,
) -> tuple[ModuleType, Any]:
    """Put a lazy module in the place of one that is being imported; return both.

    Args:
        name: Its name.
        compat_modules: Modules below it that are imported as they are.
        by_module: The names that are to be imported, by the module they are in.
        direct: Names of modules that are modules.
        base: The class of its class.
        **attrs: What is in it from the beginning.
    """
    before = sys.modules[name]
    origins = get_origins(by_module or {})
    named = dict.fromkeys((*(compat_modules or ()), *origins, *(direct or {}), *attrs))
    told = {
        "_object_origins": origins,
        "_all_by_module": by_module or {},
        "_direct": direct or {},
    }
    made = create_module(name, {**attrs, "__all__": tuple(named)}, told, base=base)
    for below in compat_modules or ():
        setattr(made, below, import_module(f"{name}.{below}"))
    return before, made
