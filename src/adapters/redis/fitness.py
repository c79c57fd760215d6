"""Whether a server is fit to keep messages and results, and how its clock stands.

What must stay true: each refusal names what the server says of itself, and what to change there or
here.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic, sleep
from typing import Any, Final

from ...domain.errors import ImproperlyConfigured
from ...ports.clock import Clock
from .connecting import driver
from .urls import Address

_OLDEST: Final = [6, 2]
#: The one policy under which no key is ever deleted for want of memory.
_KEEPS_ALL: Final = "noeviction"
#: Seconds from one look at a server that loads its data to the next.
_LOOK_AGAIN: Final = 0.1


def when_fit(client: Any, address: Address, patience: float) -> Any:
    """Return a client of a server that is fit; wait while it is loading.

    Of a Cluster each primary is looked at that is there, since the others serve their slots
    without it. Raises ImproperlyConfigured for one that is too old or evicts keys, and redis-py's
    errors for a replica and for one that still loads after `patience` seconds.
    """
    end = monotonic() + patience
    nodes = [client] if address.topology != "cluster" else client.primaries()
    fit, away = [], None
    for node in nodes:
        try:
            while not _has_loaded(node, address):
                if monotonic() + _LOOK_AGAIN >= end:
                    raise driver().exceptions.BusyLoadingError("it loads its data set")
                sleep(_LOOK_AGAIN)
            fit.append(node)
        except (driver().exceptions.ConnectionError, driver().exceptions.TimeoutError) as error:
            away = error
    if away is not None and not fit:
        raise away
    return fit[0]


def measured_offset(client: Any, clock: Clock) -> float:
    """Return by how many seconds the server's clock is ahead of ours."""
    before = clock.now().timestamp()
    seconds, microseconds = client.time()
    middle = (before + clock.now().timestamp()) / 2
    return float(seconds + microseconds / 1e6 - middle)


def _has_loaded(client: Any, address: Address) -> bool:
    """Tell whether all data is there, after a look at all else that matters."""
    try:
        said = client.info()
    except driver().exceptions.NoPermissionError:
        return True  # whoever may not look is believed to know
    except driver().exceptions.BusyLoadingError:
        return False
    _check(said, address)
    return not said.get("loading")


def _check(said: Mapping[str, Any], address: Address) -> None:
    version = str(said.get("redis_version", "7.0"))
    if [int(part) for part in version.split(".")[:2] if part.isdigit()] < _OLDEST:
        raise ImproperlyConfigured(
            f"{address.shown} is Redis {version}: expected 6.2 or newer (or Valkey), for its "
            "scripts and lists"
        )
    if said.get("cluster_enabled") and address.topology != "cluster":
        raise ImproperlyConfigured(
            f"{address.shown} is a node of a Redis Cluster: use redis+cluster://… (or "
            "rediss+cluster://…)"
        )
    if said.get("role", "master") not in ("master", "primary"):
        raise driver().exceptions.ReadOnlyError("it is a replica")
    policy = said.get("maxmemory_policy", _KEEPS_ALL)
    if policy != _KEEPS_ALL and said.get("maxmemory") and not address.evictions_allowed:
        raise ImproperlyConfigured(
            f"{address.shown} deletes keys when its memory is full (maxmemory-policy {policy}), "
            "and with them tasks and results: set maxmemory-policy noeviction, or add "
            "?evictions=allowed to the URL (or the transport option evictions) if they may be lost"
        )
