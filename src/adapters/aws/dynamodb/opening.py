"""How the container opens a table, and what the settings say about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from math import ceil
from typing import Any

from ....domain.documents.meta import Encoding
from ....domain.messaging.payload import Codec
from ....ports.clock import Clock
from ....ports.codec import Serializer
from .results import DynamoResults
from .store import DynamoStore


def open_store(url: str, *, clock: Clock, settings: Mapping[str, Any]) -> DynamoStore:
    """Return this process's store for the URL.

    Raises ImproperlyConfigured for a URL that cannot be, MissingExtra without boto3.
    """
    return DynamoStore.from_url(url, clock=clock, settings=settings)


def open_results(
    store: DynamoStore, *, settings: Mapping[str, Any], codec: Codec, serializer: Serializer | None
) -> DynamoResults:
    """Return the results in a table, written as the settings say."""
    options = settings.get("result_backend_transport_options") or {}
    return DynamoResults(
        store,
        key_prefix=options.get("global_keyprefix") or "",
        encoding=Encoding(
            serializer.content_type if serializer else "application/json",
            serializer.content_encoding if serializer else "utf-8",
            codec,
            settings.get("result_compression"),
        ),
        chord_expires=_seconds(settings.get("result_chord_expires")),
    )


def _seconds(told: float | timedelta | None) -> int | None:
    if told is None:
        return None
    return ceil(told.total_seconds() if isinstance(told, timedelta) else told)
