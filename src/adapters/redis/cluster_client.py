"""A Redis Cluster as the adapters use it: what names keys of several slots is split by slot.

What must stay true: what was one step on one server is several here, each of which is carried out
or not; who needs one step keeps to the keys of one slot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

#: The node that serves this key is the one by which all messages go.
_SPEAKER: Final = "celeriac"


class ClusterClient:
    """redis-py's client of a Cluster. What is not here is redis-py's own."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    def primaries(self) -> list[Any]:
        """Return a client of each primary."""
        return [self._cluster.get_redis_connection(one) for one in self._cluster.get_primaries()]

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
        return Steps(self._cluster.pipeline(transaction=False), self._speaker)

    # What is said reaches all nodes whichever is told, but only one keeps what many say in order.

    def publish(self, channel: Any, message: Any) -> Any:
        """Say a message."""
        return self._speaker().publish(channel, message)

    def pubsub(self) -> Any:
        """Return a subscription that hears what is said in the order in which it was."""
        return self._cluster.pubsub(node=self._cluster.get_node_from_key(_SPEAKER))

    def _speaker(self) -> Any:
        node = self._cluster.get_node_from_key(_SPEAKER)
        return self._cluster.get_redis_connection(node)


class Steps:
    """A pipeline of redis-py's for a Cluster, which may publish too."""

    def __init__(self, pipeline: Any, speaker: Callable[[], Any]) -> None:
        self._pipeline, self._speaker = pipeline, speaker
        self._said: list[tuple[Any, Any]] = []

    def __enter__(self) -> Steps:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipeline.reset()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pipeline, name)

    def publish(self, channel: Any, message: Any) -> None:
        """Say a message, after all else is done."""
        self._said.append((channel, message))

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Send what was collected; return the answers, those of what was said last."""
        answers = list(self._pipeline.execute(raise_on_error=raise_on_error))
        if self._said:
            with self._speaker().pipeline(transaction=False) as steps:
                for channel, message in self._said:
                    steps.publish(channel, message)
                answers += steps.execute(raise_on_error=raise_on_error)
        return answers
