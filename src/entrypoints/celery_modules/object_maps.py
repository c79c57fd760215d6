"""Attributes as items and items as attributes, as `celery.utils.collections` has them."""

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any


class AttributeDictMixin:
    """Lets the items of a dict be reached as attributes."""

    def __getattr__(self: Any, key: str) -> Any:
        """Return an item."""
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"{type(self).__name__!r} has no attribute {key!r}") from None

    def __setattr__(self: Any, key: str, value: Any) -> None:
        """Set an item."""
        self[key] = value


class AttributeDict(dict[str, Any], AttributeDictMixin):
    """A dict whose items are attributes too."""


class DictAttribute:
    """An object whose attributes are items too."""

    #: Whose attributes they are.
    obj: Any = None

    def __init__(self, obj: Any) -> None:
        """Look at this object."""
        object.__setattr__(self, "obj", obj)

    def __getattr__(self, key: str) -> Any:
        """Return an attribute."""
        return getattr(self.obj, key)

    def __setattr__(self, key: str, value: Any) -> None:
        """Set an attribute."""
        setattr(self.obj, key, value)

    def __getitem__(self, key: str) -> Any:
        """Return an attribute. Raises KeyError."""
        try:
            return getattr(self.obj, key)
        except AttributeError:
            raise KeyError(key) from None

    def __setitem__(self, key: str, value: Any) -> None:
        """Set an attribute."""
        setattr(self.obj, key, value)

    def __contains__(self, key: str) -> bool:
        """Tell whether there is such an attribute."""
        return hasattr(self.obj, key)

    def __iter__(self) -> Iterator[str]:
        """Iterate over their names."""
        return iter(dir(self.obj))

    def get(self, key: str, default: Any = None) -> Any:
        """Return an attribute, or the default."""
        return getattr(self.obj, key, default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Set an attribute that is not there; return it."""
        if key not in self:
            self[key] = default
        return self[key]

    def keys(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self)

    def values(self) -> Iterator[Any]:
        """Iterate over the values."""
        return (getattr(self.obj, key) for key in self)

    def items(self) -> Iterator[tuple[str, Any]]:
        """Iterate over both."""
        return ((key, getattr(self.obj, key)) for key in self)

    iterkeys, itervalues, iteritems = keys, values, items


MutableMapping.register(DictAttribute)  # pyright: ignore[reportAttributeAccessIssue]


def force_mapping(m: Any) -> Any:
    """Return a mapping of an object's attributes; mappings as they are."""
    return m if isinstance(m, Mapping) else DictAttribute(m)
