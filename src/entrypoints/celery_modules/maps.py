"""`celery.utils.collections`: mappings, and sets that forget."""

import time
from collections import ChainMap as _ChainMap
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any

__all__ = [
    "AttributeDict",
    "AttributeDictMixin",
    "ChainMap",
    "DictAttribute",
    "LimitedSet",
    "Messagebuffer",
    "OrderedDict",
    "force_mapping",
    "lpmerge",
]


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


class ChainMap(_ChainMap[str, Any]):
    """Mappings looked through one after the other; the first takes what is set."""

    def __init__(self, *maps: MutableMapping[str, Any], **kwargs: Any) -> None:
        """Look through these; `defaults` is looked through last."""
        super().__init__(*maps)
        self.defaults = kwargs.get("defaults") or (self.maps[-1] if maps else {})
        self._observers: list[Callable[..., Any]] = []

    def add_defaults(self, d: Any) -> None:
        """Look through this one too, before the defaults."""
        self.maps.insert(1, force_mapping(d))

    def bind_to(self, callback: Callable[..., Any]) -> None:
        """Call this with what is set by `update`."""
        self._observers.append(callback)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set items in the first mapping."""
        self.maps[0].update(*args, **kwargs)
        for observer in self._observers:
            observer(*args, **kwargs)


def force_mapping(m: Any) -> Any:
    """Return a mapping of an object's attributes; mappings as they are."""
    return m if isinstance(m, Mapping) else DictAttribute(m)


def lpmerge(L: dict[Any, Any], R: Mapping[Any, Any]) -> dict[Any, Any]:
    """Set in the left what the right has that is not None; return the left."""
    L.update({key: value for key, value in R.items() if value is not None})
    return L


class LimitedSet:
    """A set with a time to each item, bounded in number and age; the oldest are forgotten first."""

    def __init__(
        self, maxlen: int = 0, expires: float = 0, data: Any = None, minlen: int = 0
    ) -> None:
        """Hold up to `maxlen` items (0: any number) for `expires` seconds (0: for ever).

        Items beyond `minlen` only grow old.
        """
        self.maxlen, self.minlen, self.expires = int(maxlen or 0), int(minlen or 0), expires
        self._data: dict[Any, float] = {}
        if data:
            self.update(data)

    def add(self, item: Any, now: float | None = None) -> None:
        """Add an item, as of now."""
        self._data.pop(item, None)
        self._data[item] = now or time.time()
        self.purge(now)

    def update(self, other: Any) -> None:
        """Add items: of a set like this, of a mapping of times, or of anything."""
        given = other._data if isinstance(other, LimitedSet) else other
        if isinstance(given, Mapping):
            times = {k: v["inserted"] if isinstance(v, Mapping) else v for k, v in given.items()}
            self._data = dict(sorted({**self._data, **times}.items(), key=lambda pair: pair[1]))
            self.purge()
        else:
            for item in given:
                self.add(item)

    def discard(self, item: Any) -> None:
        """Take an item out, if it is there."""
        self._data.pop(item, None)

    pop_value = discard

    def pop(self, default: Any = None) -> Any:
        """Take out the oldest."""
        oldest = next(iter(self._data), None)
        if oldest is None:
            return default
        del self._data[oldest]
        return oldest

    def purge(self, now: float | None = None) -> None:
        """Forget what is too old, or too much."""
        now = now or time.time()
        while self.maxlen and len(self._data) > self.maxlen:
            self.pop()
        while self.expires and len(self._data) > self.minlen:
            if next(iter(self._data.values())) + self.expires > now:
                break
            self.pop()

    def clear(self) -> None:
        """Forget everything."""
        self._data.clear()

    def as_dict(self) -> dict[Any, float]:
        """Return the items with their times."""
        return dict(self._data)

    def __contains__(self, item: object) -> bool:
        """Tell whether an item is there."""
        return item in self._data

    def __iter__(self) -> Iterator[Any]:
        """Iterate, the oldest first."""
        return iter(list(self._data))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._data)

    def __eq__(self, other: object) -> bool:
        """Compare items and times."""
        return isinstance(other, LimitedSet) and self._data == other._data

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Show how many there are."""
        return f"<LimitedSet({len(self)}): maxlen={self.maxlen} expires={self.expires}>"


class Messagebuffer:
    """A queue of bounded length; the oldest is lost when it is full."""

    Empty = IndexError

    def __init__(self, maxsize: int, iterable: Iterable[Any] | None = None, **kwargs: Any) -> None:
        """Hold up to `maxsize`."""
        self.maxsize = maxsize
        self._data: deque[Any] = deque(iterable or (), maxlen=maxsize)

    def put(self, item: Any) -> None:
        """Put one in, behind the others."""
        self._data.append(item)

    def extend(self, it: Iterable[Any]) -> None:
        """Put some in."""
        self._data.extend(it)

    def take(self, *default: Any) -> Any:
        """Take the oldest out; without one the default, or Empty is raised."""
        if not self._data and default:
            return default[0]
        return self._data.popleft()

    def evict(self) -> None:
        """Lose the oldest. Raises Empty."""
        self._data.popleft()

    def __iter__(self) -> Iterator[Any]:
        """Take all out."""
        while self._data:
            yield self._data.popleft()

    def __len__(self) -> int:
        """Return how many are in it."""
        return len(self._data)

    def __contains__(self, item: object) -> bool:
        """Tell whether one is in it."""
        return item in self._data
