"""How the container opens a virtual host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...ports.clock import Clock
from .store import AmqpStore


def open_store(url: str, *, clock: Clock, settings: Mapping[str, Any]) -> AmqpStore:
    """Return a store for a URL, or several joined by `;`.

    Raises ImproperlyConfigured for a URL that cannot be, MissingExtra without kombu.
    """
    return AmqpStore.from_url(url, clock=clock, settings=settings)
