"""`celery.utils.imports`: from names to modules and objects, and back."""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any

from ..configuration_source import working_directory_importable

cwd_in_path = working_directory_importable

__all__ = [
    "NotAPackage",
    "cwd_in_path",
    "find_module",
    "gen_task_name",
    "import_from_cwd",
    "instantiate",
    "load_extension_class_names",
    "load_extension_classes",
    "module_file",
    "qualname",
    "reload_from_cwd",
    "symbol_by_name",
]


class NotAPackage(Exception):
    """A module was to be found in something that is no package."""


def qualname(obj: Any) -> str:
    """Return the full name of a class, or of an object's class."""
    cls = obj if hasattr(obj, "__name__") else type(obj)
    name = getattr(cls, "__qualname__", cls.__name__)
    return f"{cls.__module__}.{name}" if hasattr(cls, "__module__") else str(name)


def symbol_by_name(
    name: Any,
    aliases: Mapping[str, Any] | None = None,
    imp: Callable[..., Any] | None = None,
    package: str | None = None,
    sep: str = ".",
    default: Any = None,
    **kwargs: Any,
) -> Any:
    """Return the object of a name such as `shop.tasks:add` or `shop.tasks.add`.

    What is no text is returned as it is. With a default, nothing is raised for a name that leads
    nowhere.
    """
    if not isinstance(name, str):
        return name
    name = (aliases or {}).get(name, name)
    if not isinstance(name, str):
        return name
    module, _, attribute = name.rpartition(":" if ":" in name else sep)
    if not module:
        module, attribute = (package or attribute), (attribute if package else "")
    try:
        found = (imp or importlib.import_module)(module, package=package, **kwargs)
        return getattr(found, attribute) if attribute else found
    except (ImportError, AttributeError):
        if default is None:
            raise
        return default


def instantiate(name: Any, *args: Any, **kwargs: Any) -> Any:
    """Call the class of a name."""
    return symbol_by_name(name)(*args, **kwargs)


def find_module(module: str, path: Any = None, imp: Any = None) -> Any:
    """Return the import specification of a module, or None; the working directory counts."""
    with cwd_in_path():
        try:
            return importlib.util.find_spec(module)
        except ModuleNotFoundError as missing:
            parent = module.rpartition(".")[0]
            if parent and parent in sys.modules:
                raise NotAPackage(parent) from missing
            return None


def import_from_cwd(
    module: str, imp: Callable[..., Any] | None = None, package: str | None = None
) -> ModuleType:
    """Import a module, also from the working directory."""
    with cwd_in_path():
        found: ModuleType = (imp or importlib.import_module)(module, package=package)
        return found


def reload_from_cwd(module: ModuleType, reloader: Any = None) -> ModuleType:
    """Import a module anew."""
    with cwd_in_path():
        found: ModuleType = (reloader or importlib.reload)(module)
        return found


def module_file(module: ModuleType) -> str | None:
    """Return the file of a module."""
    return module.__file__


def gen_task_name(app: Any, name: str, module_name: str) -> str:
    """Return the name of a task defined as `name` in a module."""
    made: str = app.gen_task_name(name, module_name)
    return made


def load_extension_class_names(namespace: str) -> Iterator[tuple[str, str]]:
    """Yield name and path of what installed packages offer under a group of entry points."""
    for entry in entry_points(group=namespace):
        yield entry.name, entry.value


def load_extension_classes(namespace: str) -> Iterator[tuple[str, Any]]:
    """Yield name and object of it."""
    for entry in entry_points(group=namespace):
        yield entry.name, entry.load()
