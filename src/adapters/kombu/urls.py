"""AMQP URLs: what they say for kombu, and how they look in a log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from ...domain.errors import ImproperlyConfigured

#: Scheme → what kombu calls it. `amqp` could mean another client library to kombu, were it there.
SCHEMES: Final = {"amqp": "pyamqp", "pyamqp": "pyamqp", "amqps": "amqps"}


def split(urls: str | Sequence[str]) -> list[str]:
    """Return the servers of a failover list. Raises ImproperlyConfigured for one that cannot be."""
    told = urls.split(";") if isinstance(urls, str) else [str(url) for url in urls]
    found = [_checked(url.strip()) for url in told if url.strip()]
    if not found:
        raise ImproperlyConfigured("broker_url is empty: expected amqp://user:password@host:5672//")
    return found


def for_kombu(url: str) -> str:
    """Return a URL under the scheme that makes kombu use py-amqp."""
    scheme, _, rest = url.partition("://")
    return f"{SCHEMES[scheme]}://{rest}"


def shown(url: str) -> str:
    """Return a URL as it may stand in a log."""
    scheme, _, rest = url.partition("://")
    login, at, place = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    return f"{scheme}://{user}{':********' if colon else ''}{at}{place.partition('?')[0]}"


def _checked(url: str) -> str:
    scheme, _, rest = url.partition("://")
    if scheme not in SCHEMES:
        raise ImproperlyConfigured(
            f"{scheme}://… is no AMQP URL: expected amqp://user:password@host:5672/vhost or amqps://…"
        )
    try:
        _ = urlsplit(f"amqp://{rest}").port
    except ValueError as error:
        raise ImproperlyConfigured(f"{shown(url)} is no AMQP URL: {error}") from error
    return url if rest else f"{scheme}://localhost"
