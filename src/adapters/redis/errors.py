"""Errors of the driver and the server in our own words. Translated once, at the store's edge."""

from __future__ import annotations

import re
from typing import Final

from ...domain.errors import (
    BackendUnavailable,
    BrokerUnavailable,
    CeleriacError,
    ImproperlyConfigured,
    StoreFull,
    StoreReadOnly,
)

Unavailable = type[BrokerUnavailable] | type[BackendUnavailable]


#: redis-py makes classes of some codes, and leaves these out of the text.
_CODES: Final = {
    "OutOfMemoryError": "OOM",
    "ReadOnlyError": "READONLY",
    "BusyLoadingError": "LOADING",
    "MasterDownError": "MASTERDOWN",
    "TryAgainError": "TRYAGAIN",
    "AuthenticationError": "NOAUTH",
    "NoPermissionError": "NOPERM",
    "MasterNotFoundError": "NO PRIMARY",
    "ClusterDownError": "CLUSTERDOWN",
    "ClusterCrossSlotError": "CROSSSLOT",
}
#: What has no code at all, by a part of its text.
_TEXTS: Final = {
    "DB index is out of range": "NO DATABASE",
    "user executing the script can't": "NOPERM",
    "not allowed from script": "NOPERM",
}
#: What a user needs who may not do everything.
_ACL: Final = (
    "celeriac needs what `ACL SETUSER <user> +@all -@dangerous +info ~* &*` allows; with "
    "global_keyprefix, ~<prefix>* is enough"
)


def translated(error: BaseException, where: str, unavailable: Unavailable) -> CeleriacError:
    """Return the exception to raise from a driver's error."""
    said = " ".join(str(error).split()) or type(error).__name__
    match _code(error, said):
        case "OOM" | "MISCONF":
            return StoreFull(f"{where} takes no more ({said}); give it memory or disk space")
        case "READONLY" | "NOREPLICAS":
            return StoreReadOnly(f"{where} cannot be written ({said}); use the primary's address")
        case "LOADING" | "MASTERDOWN" | "BUSY" | "TRYAGAIN":
            return unavailable(f"{where} is not ready yet ({said}); it will be in a moment")
        case "NOAUTH" | "WRONGPASS":
            return unavailable(
                f"{where} does not let this client in ({said}); put the right user and password "
                "into the URL"
            )
        case "NOPERM":
            return unavailable(f"{where} does not let this user do that ({said}); {_ACL}")
        case "CLUSTERDOWN" | "CROSSSLOT":
            return unavailable(f"{where}: the Cluster does not serve these keys now ({said})")
        case "WRONGTYPE":
            return unavailable(
                f"{where}: a key has a name of ours, but not our type ({said}); use another "
                "database number, or the option global_keyprefix"
            )
        case "NO DATABASE":
            return ImproperlyConfigured(
                f"{where}: the server has no database of this number ({said}); use a smaller one "
                "in the URL, or raise `databases` in the server's configuration"
            )
        case "NO PRIMARY":
            return unavailable(
                f"{where}: no Sentinel names a primary ({_without_clients(said)}); look whether "
                "they run, whether master_name is the name they know it by, and whether they want "
                'a password: sentinel_kwargs={"password": …}'
            )
        case _:
            return unavailable(f"{where}: {said}")


def _without_clients(said: str) -> str:
    """Return what redis-py says of Sentinels without all it knows of its connections."""
    begins, _, told = said.partition(" : ")
    reasons = re.findall(r">\)> - (\w+:)?([^,]+)", told)
    return ", ".join([begins, *dict.fromkeys(reason for _, reason in reasons)])


def _code(error: BaseException, said: str) -> str:
    for part, code in _TEXTS.items():
        if part in said:
            return code
    known = (_CODES[cls.__name__] for cls in type(error).__mro__ if cls.__name__ in _CODES)
    return next(known, said.split(" ", 1)[0])
