"""How the container opens a database, and what the settings say about it."""

from collections.abc import Mapping
from typing import Any

from ...ports.clock import Clock
from .engine import SqlStore


def open_store(url: str, *, clock: Clock, settings: Mapping[str, Any]) -> SqlStore:
    """Return this process's store for the URL.

    Raises ImproperlyConfigured for a URL that cannot be, MissingExtra without its driver.
    """
    if url in ("database", "database://"):
        url = settings.get("database_url") or url
    return SqlStore.from_url(
        url,
        clock=clock,
        engine_options=settings.get("database_engine_options") or {},
        table_names=settings.get("database_table_names"),
        table_schemas=settings.get("database_table_schemas"),
    )
