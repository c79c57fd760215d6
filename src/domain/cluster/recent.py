"""A dictionary that forgets what was touched longest ago."""

from collections import OrderedDict
from typing import Any, TypeVar

V = TypeVar("V")


class Recent(OrderedDict[str, V]):
    """Holds up to `limit` entries; writing an entry makes it the latest."""

    def __init__(self, limit: int) -> None:
        """Forget the oldest beyond this many."""
        super().__init__()
        self.limit = limit

    def __setitem__(self, key: str, value: V) -> None:
        """Put an entry in, as the latest."""
        super().__setitem__(key, value)
        self.move_to_end(key)
        while len(self) > self.limit:
            self.popitem(last=False)

    def __reduce__(self) -> Any:
        """Pickle with the limit."""
        return type(self), (self.limit,), None, None, iter(self.items())
