"""Opening a configuration source: a mapping, an object, a module, a file, or the name of one.

What must stay true: a name that leads nowhere raises ConfigurationNotFound and says what to check,
while a module that exists but is broken raises its own error, untouched. The working directory is
importable while a source is opened, as with Celery, and not longer.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple

from ..domain.errors import ConfigurationNotFound
from ..domain.settings.names import canonical


class Source(NamedTuple):
    """Where a configuration comes from, for messages, and its names and values."""

    title: str
    values: Mapping[str, Any]
    is_mapping: bool


def opened(source: Any) -> Source:
    """Import what is named, and list its names and values."""
    if isinstance(source, (str, os.PathLike)):
        name = os.fspath(source)
        return Source(name, _variables(_imported(name)), is_mapping=False)
    if isinstance(source, Mapping):
        return Source("configuration mapping", source, is_mapping=True)
    title = getattr(source, "__name__", None) or type(source).__name__
    return Source(str(title), _variables(source), is_mapping=False)


def first_importable(names: Iterable[str]) -> str | None:
    """The first of the module names that can be imported; none is imported."""
    with working_directory_importable():
        return next((name for name in names if importlib.util.find_spec(name)), None)


def _variables(source: Any) -> Mapping[str, Any]:
    return source if isinstance(source, Mapping) else _Attributes(source)


class _Attributes(Mapping[str, Any]):
    """An object's variables, each read only when asked for: Django warns about some when read."""

    def __init__(self, source: Any) -> None:
        self._source = source
        public = (name for name in dir(source) if not name.startswith("_"))
        self._names = {name: None for name in public if _is_variable(source, name)}

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return getattr(self._source, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _is_variable(source: Any, name: str) -> bool:
    """Whether a name is not part of the machinery of a class, such as Django's `configured`."""
    if canonical(name) is not None or isinstance(source, (type, ModuleType)):
        return True
    declared = getattr(type(source), name, None)
    return not (isinstance(declared, property) or callable(declared))


def _imported(name: str) -> Any:
    if name.endswith(".py"):
        return _from_file(name)
    module_name, colon, attribute = name.partition(":")
    with working_directory_importable():
        if colon:
            return _attribute(_module(module_name, name), attribute, name)
        try:
            return _module(name, name)
        except ConfigurationNotFound:
            # "package.module.Class": Celery takes a dot for a colon.
            parent, dot, attribute = name.rpartition(".")
            if not dot:
                raise
            return _attribute(_module(parent, name), attribute, name)


def _module(module_name: str, wanted: str) -> ModuleType:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        # A module that exists but imports something missing is broken, not absent.
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise ConfigurationNotFound(
            f"no module {module_name!r} for configuration {wanted!r}: "
            "check its spelling, and that its folder is the working directory or on PYTHONPATH"
        ) from error


def _attribute(module: ModuleType, attribute: str, wanted: str) -> Any:
    found = module
    for step in attribute.split("."):
        if not hasattr(found, step):
            raise ConfigurationNotFound(
                f"configuration {wanted!r}: module {module.__name__!r} has no {attribute!r}"
            )
        found = getattr(found, step)
    return found


def _from_file(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(os.path.basename(path).removesuffix(".py"), path)
    if spec is None or spec.loader is None or not os.path.isfile(path):
        raise ConfigurationNotFound(f"no configuration file {path!r}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def working_directory_importable() -> Iterator[None]:
    """Let modules of the working directory be imported meanwhile."""
    here = os.getcwd()
    if here in sys.path or "" in sys.path:
        yield
        return
    sys.path.insert(0, here)
    try:
        yield
    finally:
        sys.path.remove(here)
