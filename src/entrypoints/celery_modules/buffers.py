"""Queues of bounded length, as `celery.utils.collections` has them."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from queue import Empty
from typing import Any


class Evictable:
    """Something that may hold too much; heirs say what it holds, and lose one."""

    Empty = Empty
    #: How much it may hold; nothing stands for any number.
    maxsize: int | None = None

    def evict(self) -> None:
        """Lose the oldest until it is not too much any more."""
        while self.maxsize and self._held() > self.maxsize:
            self._lose()

    def _held(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} does not define _held")

    def _lose(self) -> None:
        raise NotImplementedError(f"{type(self).__name__} does not define _lose")


class Messagebuffer(Evictable):
    """A queue of bounded length; the oldest is lost when it is full."""

    def __init__(
        self,
        maxsize: int | None,
        iterable: Iterable[Any] | None = None,
        deque: Callable[..., Any] = deque,
    ) -> None:
        """Hold up to `maxsize`, in a `deque`."""
        self.maxsize = maxsize
        self.data: Any = deque(iterable or ())

    def put(self, item: Any) -> None:
        """Put one in, behind the others."""
        self.data.append(item)
        self.evict()

    def extend(self, it: Iterable[Any]) -> None:
        """Put some in."""
        self.data.extend(it)
        self.evict()

    def take(self, *default: Any) -> Any:
        """Take the oldest out; without one the default, or Empty is raised."""
        if self.data:
            return self.data.popleft()
        if default:
            return default[0]
        raise self.Empty

    def _held(self) -> int:
        return len(self)

    def _lose(self) -> None:
        self.data.popleft()

    def __getitem__(self, index: Any) -> Any:
        """Return one, without taking it out; the oldest is number 0."""
        return self.data[index]

    def __iter__(self) -> Iterator[Any]:
        """Take all out."""
        while self.data:
            yield self.data.popleft()

    def __reversed__(self) -> Iterator[Any]:
        """Iterate over all, the youngest first."""
        return iter(reversed(self.data))

    def __len__(self) -> int:
        """Return how many are in it."""
        return len(self.data)

    def __contains__(self, item: object) -> bool:
        """Tell whether one is in it."""
        return item in self.data

    def __repr__(self) -> str:
        """Show how full it is."""
        return f"<{type(self).__name__}: {len(self)}/{self.maxsize}>"


Sequence.register(Messagebuffer)  # pyright: ignore[reportAttributeAccessIssue]


class BufferMap(OrderedDict[Any, Any], Evictable):
    """Queues by key, bounded in all together and each.

    When there is too much, each queue in turn loses its oldest, the one used longest ago first.
    """

    Buffer = Messagebuffer
    #: How many are in all queues together.
    total = 0
    #: How many one queue may hold.
    bufmaxsize: int | None = None

    def __init__(
        self, maxsize: int | None, iterable: Any = None, bufmaxsize: int | None = 1000
    ) -> None:
        """Hold up to `maxsize`, and `bufmaxsize` of one key; `iterable` has items by key."""
        super().__init__()
        self.maxsize, self.bufmaxsize = maxsize, bufmaxsize
        for key, items in dict(iterable or {}).items():
            self.extend(key, items)

    def put(self, key: Any, item: Any) -> None:
        """Put one in, behind the others of its key."""
        self.extend(key, (item,))

    def extend(self, key: Any, it: Iterable[Any]) -> None:
        """Put some in."""
        if key not in self:
            self[key] = self.Buffer(self.bufmaxsize)
        buffer = self[key]
        before = len(buffer)
        buffer.extend(it)
        self.total += len(buffer) - before
        self.move_to_end(key)
        self.evict()

    def take(self, key: Any, *default: Any) -> Any:
        """Take the oldest of a key out; without one the default, or Empty is raised."""
        buffer = self.get(key)
        if not buffer:
            if default:
                return default[0]
            raise self.Empty
        self.move_to_end(key)
        self.total -= 1
        return buffer.take()

    def _held(self) -> int:
        return self.total

    def _lose(self) -> None:
        key, buffer = next(iter(self.items()))
        if buffer:
            buffer.take()
            self.total -= 1
        if buffer:
            self.move_to_end(key)
        else:
            del self[key]

    def __repr__(self) -> str:
        """Show how full it is."""
        return f"<{type(self).__name__}: {self.total}/{self.maxsize}>"
