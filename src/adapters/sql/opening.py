"""How the container opens a database, and what the settings say about it."""

from collections.abc import Mapping
from typing import Any

from ...domain.messaging.payload import Codec
from ...ports.clock import Clock
from ...ports.codec import Serializer
from .engine import SqlStore
from .results import SqlResults


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


def open_results(
    store: SqlStore, *, settings: Mapping[str, Any], codec: Codec, serializer: Serializer | None
) -> SqlResults:
    """Return the results in a store, written as `result_serializer` says."""
    if serializer is None:
        return SqlResults(store, codec=codec)
    return SqlResults(
        store,
        content_type=serializer.content_type,
        content_encoding=serializer.content_encoding,
        codec=codec,
    )
