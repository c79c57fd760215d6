"""How the container opens a transport."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....ports.clock import Clock
from .store import VirtualStore


def open_store(url: str, *, clock: Clock, settings: Mapping[str, Any]) -> VirtualStore:
    """Return a store for a URL.

    Raises ImproperlyConfigured for a URL that cannot be or a library that is not there,
    MissingExtra without kombu.
    """
    return VirtualStore.from_url(url, clock=clock, settings=settings)
