"""The bus port: what is said to everybody who listens (remote control, replies, events).

Delivery is at most once, to those subscribed at the time; nothing is kept for absent ones.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Subscription(Protocol):
    """An ear on some channels; made by Bus.subscribe, to be closed."""

    @abstractmethod
    def receive(self, wait: float) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """Return (channel, message) pairs in the order they were said.

        Blocks up to `wait` seconds for the first; empty when nothing came. Raises
        BrokerUnavailable while the store is away; calling again resumes.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop listening and make a blocked `receive` return; idempotent."""


class Bus(Protocol):
    """Says things to all who listen."""

    @abstractmethod
    def broadcast(self, channel: str, messages: Sequence[Mapping[str, Any]]) -> None:
        """Say messages (JSON-able mappings) on a channel. Raises BrokerUnavailable."""

    @abstractmethod
    def subscribe(self, channels: Sequence[str]) -> Subscription:
        """Listen: everything said on these channels after this returned is received."""

    @abstractmethod
    def close(self) -> None:
        """Let go of connections; idempotent."""
