"""`celery.local`: objects that stand for others."""

import importlib
from collections.abc import Callable, Iterable
from functools import reduce
from types import GenericAlias
from typing import Any

from ..library.current import Proxy as _Proxy
from ..library.current import get_current
from .lazy_modules import DEFAULT_ATTRS, LazyModule, create_module, get_origins, recreate_module

__all__ = [
    "DEFAULT_ATTRS",
    "LazyModule",
    "PromiseProxy",
    "Proxy",
    "class_property",
    "create_module",
    "fun_of_method",
    "get_origins",
    "getappattr",
    "maybe_evaluate",
    "reclassmethod",
    "recreate_module",
    "try_import",
]


class Proxy(_Proxy[Any]):
    """Stands for what a function returns, called anew at every use."""

    __slots__ = ()

    def __init__(
        self,
        local: Callable[..., Any],
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
        name: str | None = None,
        __doc__: str | None = None,  # noqa: A002 - Celery's name
    ) -> None:
        """Stand for `local(*args, **kwargs)`."""
        super().__init__(lambda: local(*(args or ()), **(kwargs or {})))

    def __getitem__(self, key: Any) -> Any:
        """Return an item of the object."""
        return self._get_current_object()[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        """Set an item of the object."""
        self._get_current_object()[key] = value

    def __contains__(self, item: object) -> bool:
        """Ask the object."""
        return item in self._get_current_object()

    def __iter__(self) -> Any:
        """Iterate over the object."""
        return iter(self._get_current_object())

    def __len__(self) -> int:
        """Ask the object."""
        return len(self._get_current_object())

    def __delitem__(self, key: Any) -> None:
        """Delete an item of the object."""
        del self._get_current_object()[key]

    def __str__(self) -> str:
        """Show the object."""
        return str(self._get_current_object())

    def __enter__(self) -> Any:
        """Enter the object."""
        return self._get_current_object().__enter__()

    def __exit__(self, *exc: object) -> Any:
        """Leave the object."""
        return self._get_current_object().__exit__(*exc)

    def __add__(self, other: Any) -> Any:
        """Add to the object."""
        return self._get_current_object() + other

    def __mul__(self, other: Any) -> Any:
        """Multiply the object."""
        return self._get_current_object() * other

    def __invert__(self) -> Any:
        """Invert the object."""
        return ~self._get_current_object()


class PromiseProxy(Proxy):
    """Stands for what a function returns; it is called once, at the first use."""

    __slots__ = ()

    def __init__(
        self,
        local: Callable[..., Any],
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
        name: str | None = None,
        __doc__: str | None = None,  # noqa: A002 - Celery's name
    ) -> None:
        """Stand for what `local(*args, **kwargs)` will have returned."""
        kept: list[Any] = []

        def find() -> Any:
            if not kept:
                kept.append(local(*(args or ()), **(kwargs or {})))
            return kept[0]

        super().__init__(find)

    def __maybe_evaluate__(self) -> Any:
        """Return the object."""
        return self._get_current_object()


def maybe_evaluate(obj: Any) -> Any:
    """Return what a promise stands for; others as they are."""
    found = getattr(type(obj), "__maybe_evaluate__", None)
    return found(obj) if found else obj


def getappattr(path: Iterable[str]) -> Any:
    """Return what a path of attributes leads to, beginning at the current app."""
    return reduce(getattr, path, get_current())


def fun_of_method(method: Any) -> Any:
    """Return the function of a method; others as they are."""
    return getattr(method, "__func__", method)


def reclassmethod(method: Any) -> Any:
    """Return a method as one of the class it is put into."""
    return classmethod(fun_of_method(method))


def try_import(module: str, default: Any = None) -> Any:
    """Return a module, or the default if it cannot be imported."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return default


class class_property:
    """A property of a class, read from it or from its instances."""

    __class_getitem__: Any = classmethod(GenericAlias)

    def __init__(
        self, getter: Callable[[Any], Any] | None = None, setter: Callable[..., Any] | None = None
    ) -> None:
        """Read with `getter`, set with `setter`."""
        self._get = getattr(getter, "__func__", getter)
        self._set = getattr(setter, "__func__", setter)

    def __get__(self, obj: Any, type: Any = None) -> Any:  # noqa: A002 - Python's own name
        """Read it."""
        return self._get(type) if self._get else None

    def __set__(self, obj: Any, value: Any) -> None:
        """Set it, on an instance."""
        if self._set:
            self._set(obj, value)

    def setter(self, setter: Callable[..., Any]) -> "class_property":
        """Return it with a setter."""
        return type(self)(self._get, setter)
