"""Which tasks were revoked: ids with a time, bounded in number and age."""

from collections.abc import Iterable, Iterator
from typing import Final

#: Celery's limits on what a worker remembers: ids, and seconds.
MAX_REVOKED: Final = 50_000
REVOKED_SECONDS: Final = 10_800.0


class Revoked:
    """The revoked ids a worker knows, the oldest forgotten first. Times are monotonic seconds."""

    def __init__(self, limit: int = MAX_REVOKED, keep: float = REVOKED_SECONDS) -> None:
        """Remember up to `limit` ids for `keep` seconds each."""
        self._limit, self._keep = limit, keep
        self._since: dict[str, float] = {}

    def add(self, ids: Iterable[str], now: float) -> None:
        """Remember ids; one known already is as good as new."""
        for id_ in ids:
            self._since.pop(id_, None)
            self._since[id_] = now
        self._forget_old(now)

    def times(self) -> dict[str, float]:
        """Return the ids, oldest first, and since when they are remembered."""
        return self._since.copy()

    def __contains__(self, id_: object) -> bool:
        """Tell whether an id was revoked."""
        return id_ in self._since

    def __len__(self) -> int:
        """Return how many ids are remembered."""
        return len(self._since)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the ids, oldest first."""
        return iter(self._since)

    def _forget_old(self, now: float) -> None:
        surplus = len(self._since) - self._limit
        old: list[str] = []
        for id_, since in self._since.items():  # insertion order is age
            if surplus <= len(old) and since > now - self._keep:
                break
            old.append(id_)
        for id_ in old:
            del self._since[id_]
