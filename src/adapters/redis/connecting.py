"""redis-py's clients for each topology: one server, one of several, Sentinel's primary, a Cluster.

What must stay true: a client repeats nothing by itself, since a command whose answer was lost may
have been carried out; and it connects to who is the primary now, not to who was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...domain.errors import ImproperlyConfigured, MissingExtra
from .cluster_client import ClusterClient
from .packing import Packer
from .urls import Address

#: Transport options that redis-py takes as they are.
_TAKEN_OVER: Final = (
    "client_name",
    "credential_provider",
    "password",
    "socket_keepalive",
    "socket_keepalive_options",
    "username",
)
#: Options that say how long a connection may take, and how many there may be.
PATIENCE: Final = (
    "health_check_interval",
    "max_connections",
    "socket_connect_timeout",
    "socket_timeout",
)
#: Options of Sentinel's, as kombu and Celery spell them.
_OF_SENTINEL: Final = ("min_other_sentinels", "sentinel_kwargs")
#: Seconds to connect in: short, so that a server that comes back is met soon.
_CONNECTING: Final = 3.0
#: Idle connections older than this (s) are tried before they are used.
_IDLE: Final = 15


def driver() -> Any:
    """Return redis-py, imported at first use. Raises MissingExtra."""
    try:
        import redis
    except ImportError as error:
        raise MissingExtra("redis://…", "redis", "redis-py") from error
    return redis


def failures() -> tuple[type[Exception], ...]:
    """Return what redis-py raises of servers and connections."""
    exceptions = driver().exceptions
    return (exceptions.RedisError, exceptions.RedisClusterException, OSError)


def connected(address: Address, which: int, options: Mapping[str, Any], timeout: float) -> Any:
    """Return a client whose sockets wait no longer than `timeout` seconds.

    `which` is the one of several servers to use. Of `max_connections` in the options, whoever
    needs one more waits as long for one to come free. Raises ImproperlyConfigured.
    """
    try:
        match address.topology:
            case "server":
                return _server(address, which, options, timeout)
            case "sentinel":
                return _primary(address, options, timeout)
            case "cluster":
                return _cluster(address, options, timeout)
    except (ValueError, TypeError) as error:
        raise ImproperlyConfigured(f"{address.shown} is no Redis URL: {error}") from error


def disconnect(client: Any) -> None:
    """Let go of a client's connections, those in use too."""
    client.close()
    if not isinstance(client, ClusterClient):
        client.connection_pool.disconnect()


def _server(address: Address, which: int, options: Mapping[str, Any], timeout: float) -> Any:
    url = address.urls[which % len(address.urls)]
    how = _how(address, options, timeout) | {"command_packer": Packer()}
    most = options.get("max_connections")
    if not most:
        return driver().Redis.from_url(url, **how)
    pool = driver().BlockingConnectionPool
    of_url = {"max_connections": most, "timeout": timeout, **how}
    return driver().Redis.from_pool(pool.from_url(url, **of_url))


def _how(address: Address, options: Mapping[str, Any], timeout: float) -> dict[str, Any]:
    driver()
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    said = {
        name: value
        for name, value in options.items()
        if name in _TAKEN_OVER or (name.startswith("ssl_") and address.tls)
    }
    return {
        "protocol": 2,
        "socket_timeout": timeout,
        "socket_connect_timeout": min(timeout, options.get("socket_connect_timeout", _CONNECTING)),
        "health_check_interval": options.get("health_check_interval", _IDLE),
        "retry": Retry(NoBackoff(), 0),
        **said,
    }


def _primary(address: Address, options: Mapping[str, Any], timeout: float) -> Any:
    """Return a client of whoever the Sentinels say is the primary, asked for each connection."""
    make: Any = driver().sentinel.Sentinel
    how = _of_url(address) | _how(address, options, timeout)
    of_sentinel = {name: options[name] for name in _OF_SENTINEL if options.get(name) is not None}
    # Each Sentinel that is away may cost its time, and others must still be asked.
    patience = timeout / max(2, len(address.urls))
    asking = {"socket_timeout": patience, "socket_connect_timeout": patience, "protocol": 2}
    of_sentinel["sentinel_kwargs"] = (
        asking | {"retry": how["retry"]} | dict(of_sentinel.get("sentinel_kwargs") or {})
    )
    sentinel = make(_hosts(address), **of_sentinel)
    name = options["master_name"]
    how |= _limited(options)
    return sentinel.master_for(name, driver().Redis, command_packer=Packer(), **how)


def _cluster(address: Address, options: Mapping[str, Any], timeout: float) -> Any:
    make, node = driver().RedisCluster, driver().cluster.ClusterNode
    how = _of_url(address) | _how(address, options, timeout)
    how.pop("db", None)
    how |= _limited(options)
    nodes = [node(host, port) for host, port in _hosts(address)]
    return ClusterClient(make(startup_nodes=nodes, **how))


def _limited(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in ("max_connections",) if options.get(name)}


def _of_url(address: Address) -> dict[str, Any]:
    """Return what the first address says beside its host, as keywords."""
    said = _taken_apart(address.url)
    beside = {"host", "port", "connection_class"}
    how = {name: value for name, value in said.items() if name not in beside}
    return how | ({"ssl": True} if address.tls else {})


def _hosts(address: Address) -> list[tuple[str, int]]:
    told = [_taken_apart(url) for url in address.urls]
    return [(one["host"], one["port"]) for one in told]


def _taken_apart(url: str) -> dict[str, Any]:
    driver()
    from redis.connection import parse_url

    take_apart: Any = parse_url  # untyped
    return dict(take_apart(url))
