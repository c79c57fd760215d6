"""What a `dynamodb://` URL says: `dynamodb://[key:secret@]region[:port]/table?read=1&write=1`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from ....domain.errors import ImproperlyConfigured
from ..connecting import Access

_TABLE: Final = "celery"
_OPTIONS: Final = ("read", "write", "ttl_seconds")
#: What DynamoDB on one's own machine is asked for; it serves any.
_LOCAL_REGION: Final = "us-east-1"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the table is, and how it is made where it is not there.

    `capacity` is reads and writes a second; None: pay for each request. `ttl` is for how many
    seconds items are kept; below 0: TimeToLive is switched off; None: it is left as it is.
    """

    access: Access
    table: str = _TABLE
    capacity: tuple[int, int] | None = None
    ttl: int | None = None

    @property
    def expires(self) -> bool:
        """Whether DynamoDB deletes what is old."""
        return self.ttl is not None and self.ttl >= 0

    @property
    def shown(self) -> str:
        """The URL without credentials."""
        masked = "" if self.access.key_id is None else "**:**@"
        place = (self.access.endpoint or "").partition("://")[2] or self.access.region or ""
        return f"dynamodb://{masked}{place}/{self.table}"


def parse(url: str, settings: Mapping[str, Any]) -> Address:
    """Return what a URL says, and `dynamodb_endpoint_url`. Raises ImproperlyConfigured."""
    url = url if "://" in url else f"{url}://"
    parts = urlsplit(url)
    said = dict(parse_qsl(parts.query))
    unknown = sorted(said.keys() - set(_OPTIONS))
    if unknown:
        raise ImproperlyConfigured(
            f"the URL of DynamoDB has an option {unknown[0]!r}; known are {', '.join(_OPTIONS)}"
        )
    region, endpoint = _place(url, parts.hostname or None)
    capacity = None
    if "read" in said or "write" in said:
        capacity = _whole(said, "read", 1, least=1), _whole(said, "write", 1, least=1)
    return Address(
        Access(
            region,
            settings.get("dynamodb_endpoint_url") or endpoint,
            unquote(parts.username) if parts.username else None,
            unquote(parts.password) if parts.password else None,
        ),
        unquote(parts.path.strip("/")) or _TABLE,
        capacity,
        _whole(said, "ttl_seconds", 0) if "ttl_seconds" in said else None,
    )


def _place(url: str, host: str | None) -> tuple[str | None, str | None]:
    """Return region and endpoint of what stands where others have a host."""
    try:
        port = urlsplit(url).port
    except ValueError as error:
        raise ImproperlyConfigured(f"the URL of DynamoDB: {error}") from error
    if host is None or not (host == "localhost" or _is_number(host)):
        return host, None
    named = f"[{host}]" if ":" in host else host
    return _LOCAL_REGION, f"http://{named}:{port}" if port else f"http://{named}"


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _whole(said: Mapping[str, str], name: str, default: int, least: int | None = None) -> int:
    try:
        number = int(said.get(name, default))
    except ValueError:
        number = None
    if number is None or (least is not None and number < least):
        wanted = "a whole number" if least is None else f"a whole number of {least} or more"
        raise ImproperlyConfigured(
            f"{name}={said[name]!r} in the URL of DynamoDB: expected {wanted}"
        )
    return number
