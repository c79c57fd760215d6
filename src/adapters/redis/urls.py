"""Redis URLs: what they say for redis-py, what they say for us, and how they look in a log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from ...domain.errors import ImproperlyConfigured

SCHEMES: Final = ("redis", "rediss", "unix", "redis+socket")


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
    parts = urlsplit(f"redis://{rest}" if colons else "redis://")
    if scheme not in SCHEMES:
        raise ImproperlyConfigured(
            f"{scheme}://… is no Redis URL: expected redis://host:6379/0, rediss://… or unix:///path"
        )
    said = dict(parse_qsl(parts.query))
    evictions = said.pop("evictions", "refused")
    if evictions not in ("allowed", "refused"):
        raise ImproperlyConfigured(f"evictions={evictions!r} in a Redis URL: expected allowed")
    if "ssl_cert_reqs" in said:
        said["ssl_cert_reqs"] = said["ssl_cert_reqs"].removeprefix("CERT_").lower()
    prefix = str(said.pop("global_keyprefix", "") or options.get("global_keyprefix") or "")
    if scheme in ("unix", "redis+socket"):
        number = _number(said.pop("virtual_host", None) or said.get("db") or "0")
        said["db"] = str(number)
        scheme, server, path = "unix", parts.path, parts.path
    else:
        number = _number(parts.path.strip("/") or said.pop("db", None) or "0")
        server, path = f"{parts.hostname or 'localhost'}:{_port(parts.port)}", f"/{number}"
    login = parts.netloc.rpartition("@")[0]
    user = login.partition(":")[0]
    shown_login = f"{user}:********@" if ":" in login else f"{user}@" if user else ""
    host = "" if scheme == "unix" else server
    clean = urlunsplit((scheme, f"{login}@{host}" if login else host, path, urlencode(said), ""))
    if scheme == "unix" and not clean.startswith("unix://"):
        clean = clean.replace("unix:", "unix://", 1)
    return Address(
        clean,
        f"{scheme}://{shown_login}{host}{path}",
        Place(server, number, prefix),
        evictions == "allowed",
    )


def _number(text: str) -> int:
    if not text.isdigit():
        raise ImproperlyConfigured(
            f"database {text!r} in a Redis URL: expected a number, as in redis://host:6379/0"
        )
    return int(text)


def _port(port: int | None) -> int:
    return port or 6379
