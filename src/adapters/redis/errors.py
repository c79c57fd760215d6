"""Errors of the driver and the server in our own words. Translated once, at the store's edge."""

from __future__ import annotations

from typing import Final

from ...domain.errors import (
    BackendUnavailable,
    BrokerUnavailable,
    CeleriacError,
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
}


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
        case "NOAUTH" | "WRONGPASS" | "NOPERM":
            return unavailable(
                f"{where} does not let this client in ({said}); put user and password with enough "
                "permissions into the URL"
            )
        case "WRONGTYPE":
            return unavailable(
                f"{where}: a key has a name of ours, but not our type ({said}); use another "
                "database number, or the option global_keyprefix"
            )
        case _:
            return unavailable(f"{where}: {said}")


def _code(error: BaseException, said: str) -> str:
    known = (_CODES[cls.__name__] for cls in type(error).__mro__ if cls.__name__ in _CODES)
    return next(known, said.split(" ", 1)[0])
