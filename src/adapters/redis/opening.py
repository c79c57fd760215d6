"""How the container opens a Redis database, and what the settings say about it."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any, Final

from ...domain.errors import ImproperlyConfigured
from ...domain.messaging.payload import Codec
from ...ports.clock import Clock
from ...ports.codec import Serializer
from .connecting import PATIENCE
from .results import RedisResults
from .store import RedisStore

#: `ssl_cert_reqs` as Celery's users write it, and as redis-py takes it.
_CERT_REQS: Final[Mapping[Any, str]] = {
    ssl.CERT_NONE: "none",
    ssl.CERT_OPTIONAL: "optional",
    ssl.CERT_REQUIRED: "required",
    **{
        written: name
        for name in ("none", "optional", "required")
        for written in (name, f"CERT_{name.upper()}")
    },
}

#: Options of redis-py's that settings say of the result backend.
_OF_BACKEND: Final[Mapping[str, str]] = {
    "redis_username": "username",
    "redis_password": "password",
    "redis_socket_keepalive": "socket_keepalive",
    "redis_client_name": "client_name",
    "redis_socket_timeout": "socket_timeout",
    "redis_socket_connect_timeout": "socket_connect_timeout",
    "redis_max_connections": "max_connections",
    "redis_backend_health_check_interval": "health_check_interval",
    "redis_backend_credential_provider": "credential_provider",
}
_LOGIN: Final = ("redis_username", "redis_password")
#: Celery's default of `redis_socket_timeout` (s), which says nothing: our own patience is less.
_SAYS_NOTHING: Final = 120.0

#: How one of several servers is chosen first.
_STRATEGIES: Final = (None, "round-robin", "shuffle")


def open_store(url: str, *, clock: Clock, settings: Mapping[str, Any]) -> RedisStore:
    """Return this process's store for the URL.

    What the settings say of the broker counts where the URL is the broker's, else what they say of
    the result backend. Raises ImproperlyConfigured for a URL or TLS options that cannot be,
    MissingExtra without redis-py.
    """
    if _is_of_broker(url, settings):
        options = _without_patience(settings.get("broker_transport_options"))
        options.setdefault("failover_strategy", _strategy(settings))
        tls = settings.get("broker_use_ssl")
    else:
        options = _without_patience(settings.get("result_backend_transport_options"))
        options |= _of_backend(settings)
        tls = settings.get("redis_backend_use_ssl")
    if tls:
        url = _with_tls(url)
        options |= tls_options(tls if isinstance(tls, Mapping) else {})
    return RedisStore.from_url(url, clock=clock, options=options)


def open_results(
    store: RedisStore, *, settings: Mapping[str, Any], codec: Codec, serializer: Serializer | None
) -> RedisResults:
    """Return the results in a store, kept and written as the settings say."""
    options = settings.get("result_backend_transport_options") or {}
    return RedisResults(
        store,
        expires=settings.get("result_expires"),
        failure_expires=settings.get("result_failure_expires"),
        key_prefix=options.get("global_keyprefix", ""),
        content_type=serializer.content_type if serializer else "application/json",
        content_encoding=serializer.content_encoding if serializer else "utf-8",
        codec=codec,
        chord_expires=settings.get("result_chord_expires"),
        chords_ordered=options.get("result_chord_ordered", True),
        compression=settings.get("result_compression"),
    )


def tls_options(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return TLS options as redis-py takes them. Raises ImproperlyConfigured."""
    options = dict(said)
    if "ssl_cert_reqs" in options:
        asked = options["ssl_cert_reqs"]
        if asked not in _CERT_REQS:
            raise ImproperlyConfigured(
                f"ssl_cert_reqs={asked!r}: expected CERT_REQUIRED, CERT_OPTIONAL or CERT_NONE"
            )
        options["ssl_cert_reqs"] = _CERT_REQS[asked]
    return options


def _strategy(settings: Mapping[str, Any]) -> str | None:
    asked = settings.get("broker_failover_strategy")
    if asked not in _STRATEGIES:
        raise ImproperlyConfigured(
            f"broker_failover_strategy={asked!r}: expected 'round-robin' or 'shuffle'; a function "
            "cannot choose among servers of Redis"
        )
    return asked


def _is_of_broker(url: str, settings: Mapping[str, Any]) -> bool:
    urls = settings.get("broker_url")
    told = list(urls) if isinstance(urls, list | tuple) else str(urls or "").split(";")
    return url in told or url == ";".join(map(str, told))


def _without_patience(options: Mapping[str, Any] | None) -> dict[str, Any]:
    # kombu's are for a connection that blocks; what ours may take, deadlines say.
    return {name: value for name, value in (options or {}).items() if name not in PATIENCE}


def _of_backend(settings: Mapping[str, Any]) -> dict[str, Any]:
    said = {name: settings.get(name) for name in _OF_BACKEND}
    if said["redis_socket_timeout"] == _SAYS_NOTHING:
        del said["redis_socket_timeout"]
    if said["redis_backend_credential_provider"]:  # it is asked in their place
        said |= dict.fromkeys(_LOGIN)
    return {_OF_BACKEND[name]: value for name, value in said.items() if value}


def _with_tls(url: str) -> str:
    plain = ("redis://", "redis+cluster://")
    urls = url.split(";")
    return ";".join(
        f"rediss{one.removeprefix('redis')}" if one.startswith(plain) else one for one in urls
    )
