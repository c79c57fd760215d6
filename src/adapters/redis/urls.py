"""Redis URLs: what they say for redis-py, what they say for us, and how they look in a log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from ...domain.errors import ImproperlyConfigured

SCHEMES: Final = ("redis", "rediss", "unix", "redis+socket")
_PORT: Final = 6379


@dataclass(frozen=True, slots=True)
class Place:
    """Which keys a URL leads to: equal places hold the same messages and results."""

    server: str
    database: int
    prefix: str


@dataclass(frozen=True, slots=True)
class Address:
    """A URL taken apart: `url` is for redis-py, `shown` for logs."""

    url: str
    shown: str
    place: Place
    evictions_allowed: bool

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.url.startswith("rediss://")


def parse(url: str, options: Mapping[str, Any]) -> Address:
    """Take a URL apart. Raises ImproperlyConfigured for one that cannot be."""
    scheme, colons, rest = url.partition("://")
    if scheme not in SCHEMES:
        raise ImproperlyConfigured(
            f"{scheme}://… is no Redis URL: expected redis://host:6379/0, rediss://… or unix:///path"
        )
    parts = _split(scheme, f"redis://{rest}" if colons else "redis://")
    said = dict(parse_qsl(parts.query))
    evictions = said.pop("evictions", "refused")
    if evictions not in ("allowed", "refused"):
        raise ImproperlyConfigured(f"evictions={evictions!r} in a Redis URL: expected allowed")
    if "ssl_cert_reqs" in said:
        said["ssl_cert_reqs"] = said["ssl_cert_reqs"].removeprefix("CERT_").lower()
    prefix = said.pop("global_keyprefix", "") or str(options.get("global_keyprefix") or "")
    named = [said.pop(name, "") for name in ("virtual_host", "db")]
    if scheme in ("unix", "redis+socket"):
        scheme, host, path, number = "unix", "", parts.path, _number(named)
        said["db"] = str(number)
    else:
        number = _number([parts.path.strip("/"), *named])
        host, path = f"{_host(parts)}:{parts.port or _PORT}", f"/{number}"
    login = parts.netloc.rpartition("@")[0]
    query = f"?{urlencode(said)}" if said else ""
    return Address(
        f"{scheme}://{login}@{host}{path}{query}" if login else f"{scheme}://{host}{path}{query}",
        f"{scheme}://{_masked(login)}{host}{path}",
        Place(host or path, number, prefix),
        evictions == "allowed",
    )


def _split(scheme: str, url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ImproperlyConfigured(f"{scheme}://… is no Redis URL: {error}") from error
    return parts


def _host(parts: SplitResult) -> str:
    host = parts.hostname or "localhost"
    return f"[{host}]" if ":" in host else host


def _number(named: list[str]) -> int:
    text = next(filter(None, named), "0")
    if not (text.isascii() and text.isdigit()):
        raise ImproperlyConfigured(
            f"database {text!r} in a Redis URL: expected a number, as in redis://host:6379/0"
        )
    return int(text)


def _masked(login: str) -> str:
    user, colon, _ = login.partition(":")
    return f"{user}:********@" if colon else f"{user}@" if user else ""
