"""How the container opens a store in memory."""

from collections.abc import Mapping
from typing import Any

from ...ports.clock import Clock
from .store import MemoryStore


def open_store(url: str, *, clock: Clock, settings: Mapping[str, Any]) -> MemoryStore:
    """Return a store of its own for each app: nothing is shared but by handing it over."""
    return MemoryStore(clock)
