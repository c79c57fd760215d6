"""How the container opens a bucket, and what the settings say about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....domain.documents.meta import Encoding
from ....domain.messaging.payload import Codec
from ....ports.clock import Clock
from ....ports.codec import Serializer
from .bucket import S3Bucket
from .results import S3Results


def open_store(url: str, *, clock: Clock, settings: Mapping[str, Any]) -> S3Bucket:
    """Return this process's store. Raises ImproperlyConfigured, MissingExtra without boto3."""
    return S3Bucket.from_settings(url, clock=clock, settings=settings)


def open_results(
    store: S3Bucket, *, settings: Mapping[str, Any], codec: Codec, serializer: Serializer | None
) -> S3Results:
    """Return the results in a bucket, written as `result_serializer` says."""
    options = settings.get("result_backend_transport_options") or {}
    content_type = serializer.content_type if serializer else "application/json"
    content_encoding = serializer.content_encoding if serializer else "utf-8"
    return S3Results(
        store,
        key_prefix=options.get("global_keyprefix") or "",
        encoding=Encoding(content_type, content_encoding, codec),
    )
