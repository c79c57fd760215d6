"""The URL of a result backend on Redis, with what it leaves open as settings say it.

Celery's users may say host, port, database and login beside a URL, or in place of one: what stands
in the URL wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

_SOCKETS: Final = ("unix", "redis+socket")
_SERVERS: Final = ("redis", "rediss")
#: How a URL says a database beside its path.
_DATABASE: Final = ("virtual_host=", "db=")


def completed(url: str, settings: Mapping[str, Any]) -> str:
    """Return the URL, or several joined by `;`, with what it leaves open filled in."""
    texts = url.split(";")
    scheme = texts[0].partition("://")[0]
    return ";".join(
        _completed(text if "://" in text or text == scheme else f"{scheme}://{text}", settings)
        for text in texts
    )


def _completed(url: str, settings: Mapping[str, Any]) -> str:
    scheme, said, rest = url.partition("://")
    parts = urlsplit(f"redis://{rest}")
    place = parts.netloc.rpartition("@")[2]
    login = _login(parts.username, parts.password, settings)
    path, query = parts.path, parts.query
    if scheme in _SERVERS:
        place = _place(place, settings)
        # Whoever writes a URL means its database, and be it the first.
        if not said and settings.get("redis_db"):
            path = f"/{settings['redis_db']}"
    elif scheme in _SOCKETS and settings.get("redis_db") and not _names_database(query):
        query = "&".join(filter(None, [query, f"virtual_host={settings['redis_db']}"]))
    filled = f"{login}{place}{path}{query and f'?{query}'}"
    filled += parts.fragment and f"#{parts.fragment}"
    return url if filled == rest else f"{scheme}://{filled}"


def _place(place: str, settings: Mapping[str, Any]) -> str:
    """Return host and port; both empty where nobody says anything."""
    closed = place.rpartition("]")
    host, _, port = closed[2].partition(":")
    host = f"{closed[0]}{closed[1]}{host}"
    if not host and (named := settings.get("redis_host")):
        host = f"[{named}]" if ":" in named else str(named)
    if not port and settings.get("redis_port"):
        port = str(settings["redis_port"])
    return f"{host}:{port}" if port else host


def _login(user: str | None, password: str | None, settings: Mapping[str, Any]) -> str:
    """Return what lets one in; a provider of credentials is asked in place of the settings."""
    asked = settings.get("redis_backend_credential_provider") is None
    if not user and asked:
        user = _quoted(settings.get("redis_username"))
    if not password and asked:
        password = _quoted(settings.get("redis_password"))
    return f"{user or ''}:{password}@" if password else f"{user}@" if user else ""


def _quoted(text: Any) -> str | None:
    return quote(str(text), safe="") if text else None


def _names_database(query: str) -> bool:
    return any(said.startswith(_DATABASE) for said in query.split("&"))
