"""`celery.utils.objects`: small things around attributes."""

from collections.abc import Callable
from functools import cached_property as _cached_property
from types import GenericAlias
from typing import Any


class Bunch:
    """An object of the attributes it is given."""

    def __init__(self, **kwargs: Any) -> None:
        """Set them."""
        self.__dict__.update(kwargs)


class cached_property(_cached_property[Any]):
    """A property that is computed once; as a decorator without arguments, like functools' own."""


class FallbackContext:
    """A context around what was given, or around what a function makes instead."""

    __class_getitem__: Any = classmethod(GenericAlias)

    def __init__(
        self, provided: Any, fallback: Callable[..., Any], *fb_args: Any, **fb_kwargs: Any
    ) -> None:
        """Use `provided`; without it `fallback(...)`, which is entered and left."""
        self.provided, self.fallback = provided, fallback
        self.fb_args, self.fb_kwargs = fb_args, fb_kwargs
        self._context: Any = None

    def __enter__(self) -> Any:
        """Return what is used."""
        if self.provided is not None:
            return self.provided
        self._context = self.fallback(*self.fb_args, **self.fb_kwargs)
        return self._context.__enter__()

    def __exit__(self, *exc: object) -> Any:
        """Leave what was made here."""
        return None if self._context is None else self._context.__exit__(*exc)


class getitem_property:
    """An attribute that is an item of the object: `a.b` is `obj["a"]["b"]`."""

    def __init__(self, keypath: str, doc: str | None = None) -> None:
        """Stand for the item at the end of this path."""
        *self.path, self.key = keypath.split(".")
        self.__doc__ = doc

    def __get__(self, obj: Any, type: Any = None) -> Any:  # noqa: A002 - Python's own name
        """Return the item."""
        return self if obj is None else self._holder(obj).get(self.key)

    def __set__(self, obj: Any, value: Any) -> None:
        """Set the item."""
        self._holder(obj)[self.key] = value

    def _holder(self, obj: Any) -> Any:
        for step in self.path:
            obj = obj[step]
        return obj


def mro_lookup(cls: type, attr: str, stop: Any = None, monkey_patched: Any = None) -> type | None:
    """Return the class in which an attribute is defined; None for one of those in `stop`."""
    stop, monkey_patched = stop or set(), monkey_patched or []
    for node in cls.mro():
        if node in stop:
            found = node.__dict__.get(attr)
            module = getattr(found, "__module__", None)
            return node if module and module not in monkey_patched and found else None
        if attr in node.__dict__:
            return node
    return None
