"""Drivers' errors in our own words. Translated once, at the edge of the store."""

from __future__ import annotations

from enum import Enum, auto

from ...domain.errors import (
    BackendUnavailable,
    BrokerUnavailable,
    CeleriacError,
    StoreFull,
    StoreReadOnly,
)

Unavailable = type[BrokerUnavailable] | type[BackendUnavailable]


class ValueRefused(CeleriacError, ValueError):
    """The database does not take a value, now or later: it is too large, or no text it can hold."""


class Trouble(Enum):
    """What went wrong, as far as it decides what to do."""

    #: Another transaction was in the way; the same one may work now.
    CONFLICT = auto()
    #: The connection is gone.
    LOST = auto()
    #: The store did not answer in time, or others kept it locked.
    LATE = auto()
    FULL = auto()
    READ_ONLY = auto()
    #: A value is not of the kind or size the store takes: trying again is in vain.
    REFUSED = auto()
    #: The schema is not there (any more).
    NO_TABLE = auto()
    OTHER = auto()


def translated(
    trouble: Trouble, error: BaseException, where: str, unavailable: Unavailable, hint: str = ""
) -> Exception:
    """Return the exception to raise from a driver's error."""
    said = " ".join(str(error).split()) or type(error).__name__
    match trouble:
        case Trouble.FULL:
            return StoreFull(f"{where} is full ({said}); {hint or 'free some space'}")
        case Trouble.READ_ONLY:
            remedy = hint or "let this user write there, or use another place"
            return StoreReadOnly(f"{where} cannot be written ({said}); {remedy}")
        case Trouble.LATE:
            return unavailable(f"{where} did not answer in time ({said})")
        case Trouble.REFUSED:
            return ValueRefused(f"{where} does not take a value ({said})" + _also(hint))
        case Trouble.CONFLICT:
            return unavailable(
                f"{where}: other transactions were in the way again and again ({said})"
            )
        case _:
            return unavailable(f"{where}: {said}{_also(hint)}")


def _also(hint: str) -> str:
    return f"; {hint}" if hint else ""
