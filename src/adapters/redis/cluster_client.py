"""A Redis Cluster as the adapters use it: what names keys of several slots is split by slot.

What must stay true: what was one step on one server is several here, each of which is carried out
or not; who needs one step keeps to the keys of one slot.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class ClusterClient:
    """redis-py's client of a Cluster. What is not here is redis-py's own."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    def mget(self, keys: Sequence[Any]) -> Any:
        """Return the values at these keys."""
        return self._cluster.mget_nonatomic(keys)

    def scan(self, cursor: int, *, match: str, count: int) -> tuple[int, list[Any]]:
        """Return all keys that match, of all nodes, at the first call."""
        del cursor
        return 0, list(self._cluster.scan_iter(match=match, count=count))

    def pipeline(self, transaction: bool = False) -> Steps:
        """Collect commands, which are sent together; there is no transaction of several slots."""
        del transaction
        return Steps(self._cluster.pipeline(transaction=False))


class Steps:
    """A pipeline of redis-py's for a Cluster, which may publish too."""

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline

    def __enter__(self) -> Steps:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipeline.reset()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pipeline, name)

    def publish(self, channel: Any, message: Any) -> None:
        """Say a message to all nodes."""
        self._pipeline.execute_command("PUBLISH", channel, message)
