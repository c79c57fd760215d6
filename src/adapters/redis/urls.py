"""Redis URLs: what they say for redis-py, what they say for us, and how they look in a log.

Several addresses, separated by `;`, are servers to fail over to, the Sentinels of one primary, or
nodes of one Cluster. As kombu does, the first one's database counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from ...domain.errors import ImproperlyConfigured

Topology = Literal["server", "sentinel", "cluster"]
#: Which topology a scheme names, and the scheme of each of its servers for redis-py.
_SCHEMES: Final[Mapping[str, tuple[Topology, str]]] = {
    "redis": ("server", "redis"),
    "rediss": ("server", "rediss"),
    "unix": ("server", "unix"),
    "redis+socket": ("server", "unix"),
    "sentinel": ("sentinel", "redis"),
    "redis+cluster": ("cluster", "redis"),
    "rediss+cluster": ("cluster", "rediss"),
}
_PORTS: Final[Mapping[Topology, int]] = {"server": 6379, "cluster": 6379, "sentinel": 26379}


@dataclass(frozen=True, slots=True)
class Place:
    """Which keys a URL leads to: equal places hold the same messages and results."""

    server: str
    database: int
    prefix: str


@dataclass(frozen=True, slots=True)
class Address:
    """A URL taken apart: `url` is for redis-py, `shown` for logs, `others` the further ones."""

    url: str
    shown: str
    place: Place
    evictions_allowed: bool
    topology: Topology = "server"
    others: tuple[str, ...] = ()
    #: Path of the class that is asked for user and password, if the URL names one.
    credentials: str = ""

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.url.startswith("rediss://")

    @property
    def urls(self) -> tuple[str, ...]:
        """All addresses as redis-py takes them, in the order given."""
        return (self.url, *self.others)


@dataclass(frozen=True, slots=True)
class _One:
    """One address of a list."""

    topology: Topology
    url: str
    shown: str
    server: str
    #: None where the address says nothing of a database.
    database: int | None
    prefix: str
    evictions: str
    credentials: str


def parse(url: str, options: Mapping[str, Any]) -> Address:
    """Take a URL apart. Raises ImproperlyConfigured for one that cannot be."""
    texts = [text for text in url.split(";") if text] or [url]
    first = _parsed(texts[0])
    begins = f"{texts[0].partition('://')[0]}://"
    full = (text if "://" in text else begins + text for text in texts[1:])
    ones = [first, *(_parsed(text, first.database) for text in full)]
    _check_alike(ones)
    evictions = first.evictions or str(options.get("evictions") or "refused")
    if evictions not in ("allowed", "refused"):
        raise ImproperlyConfigured(f"evictions={evictions!r} for Redis: expected allowed")
    server = ",".join(sorted({one.server for one in ones}))
    if first.topology == "sentinel":
        server = f"{_master_name(options)}@{server}"
    return Address(
        first.url,
        ";".join(one.shown for one in ones),
        Place(server, first.database or 0, first.prefix or _text(options, "global_keyprefix")),
        evictions == "allowed",
        first.topology,
        tuple(one.url for one in ones[1:]),
        first.credentials,
    )


def _check_alike(ones: list[_One]) -> None:
    first = ones[0]
    for one in ones:
        if one.topology != first.topology:
            raise ImproperlyConfigured(
                f"{first.shown} and {one.shown}: the addresses of one URL are all servers "
                "(redis://), all Sentinels (sentinel://) or all nodes of a Cluster "
                "(redis+cluster://)"
            )
        if one.database not in (None, first.database or 0):
            raise ImproperlyConfigured(
                f"{first.shown} and {one.shown}: two databases. The first address's counts, as "
                "with Celery: name the database there"
            )
    if first.topology == "cluster" and first.database:
        raise ImproperlyConfigured(
            f"{first.shown}: a Redis Cluster has no database but 0; use the option "
            "global_keyprefix to keep several apps apart"
        )


def _parsed(url: str, default: int | None = None) -> _One:
    scheme, colons, rest = url.partition("://")
    if scheme not in _SCHEMES:
        raise ImproperlyConfigured(
            f"{scheme}://… is no Redis URL: expected redis://host:6379/0, rediss://…, "
            "unix:///path, sentinel://host:26379/0 or redis+cluster://host:6379"
        )
    topology, spoken = _SCHEMES[scheme]
    parts = _split(scheme, f"redis://{rest}" if colons else "redis://")
    said = dict(parse_qsl(parts.query))
    evictions, prefix = said.pop("evictions", ""), said.pop("global_keyprefix", "")
    credentials = said.pop("credential_provider", "")
    if "ssl_cert_reqs" in said:
        said["ssl_cert_reqs"] = said["ssl_cert_reqs"].removeprefix("CERT_").lower()
    named = [said.pop(name, "") for name in ("virtual_host", "db")]
    if spoken == "unix":
        host, path, number = "", parts.path, _number(named, default)
        said["db"] = str(number or 0)
    else:
        number = _number([parts.path.strip("/"), *named], default)
        host, path = f"{_host(parts)}:{parts.port or _PORTS[topology]}", f"/{number or 0}"
    login = parts.netloc.rpartition("@")[0]
    query = f"?{urlencode(said)}" if said else ""
    shown = scheme if topology != "server" else spoken
    return _One(
        topology,
        f"{spoken}://{login}@{host}{path}{query}" if login else f"{spoken}://{host}{path}{query}",
        f"{shown}://{_masked(login)}{host}{path}",
        host or path,
        number,
        prefix,
        evictions,
        credentials,
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


def _number(named: list[str], default: int | None) -> int | None:
    text = next(filter(None, named), "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit()):
        raise ImproperlyConfigured(
            f"database {text!r} in a Redis URL: expected a number, as in redis://host:6379/0"
        )
    return int(text)


def _master_name(options: Mapping[str, Any]) -> str:
    name = _text(options, "master_name")
    if not name:
        raise ImproperlyConfigured(
            "sentinel://… needs the name under which the Sentinels know the primary: "
            'broker_transport_options = {"master_name": "mymaster"}, and the same in '
            "result_backend_transport_options for a result backend"
        )
    return name


def _text(options: Mapping[str, Any], name: str) -> str:
    return str(options.get(name) or "")


def _masked(login: str) -> str:
    user, colon, _ = login.partition(":")
    return f"{user}:********@" if colon else f"{user}@" if user else ""
