"""`celery.utils.collections`: mappings, queues, and sets that forget."""

import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from .buffers import BufferMap, Evictable, Messagebuffer
from .chain_maps import ChainMap, ConfigurationView, lpmerge
from .object_maps import AttributeDict, AttributeDictMixin, DictAttribute, force_mapping

__all__ = [
    "REPR_LIMITED_SET",
    "AttributeDict",
    "AttributeDictMixin",
    "BufferMap",
    "ChainMap",
    "ConfigurationView",
    "DictAttribute",
    "Evictable",
    "LimitedSet",
    "Messagebuffer",
    "OrderedDict",
    "force_mapping",
    "lpmerge",
]

REPR_LIMITED_SET: Final = (
    "<{name}({size}): maxlen={0.maxlen}, expires={0.expires}, minlen={0.minlen}>"
)


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

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return bool(self._data)

    def __eq__(self, other: object) -> bool:
        """Compare items and times."""
        return isinstance(other, LimitedSet) and self._data == other._data

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Show how many there are."""
        return REPR_LIMITED_SET.format(self, name=type(self).__name__, size=len(self))
