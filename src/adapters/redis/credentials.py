"""Who is asked for user and password at each connection, in place of what a URL says.

It is redis-py's `CredentialProvider`: an object, or its class by a dotted path, since a URL and
a configuration file hold texts only.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from ...domain.errors import ImproperlyConfigured
from .urls import Address

#: The option's name, and redis-py's.
NAME: Final = "credential_provider"


def with_provider(address: Address, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with the provider itself, if one is named. Raises ImproperlyConfigured.

    What the URL names wins.
    """
    asked = address.credentials or options.get(NAME)
    if not asked:
        return dict(options)
    if any("@" in url for url in address.urls) or options.get("password"):
        raise ImproperlyConfigured(
            f"{address.shown} lets in by a login, and {NAME}={asked!r} is to say one: leave either "
            "out"
        )
    return {**options, NAME: _provider(asked)}


def _provider(asked: Any) -> Any:
    import redis  # not before somebody wants one

    found = _made(asked) if isinstance(asked, str) else asked
    if not isinstance(found, redis.CredentialProvider):
        raise ImproperlyConfigured(
            f"{NAME}={asked!r}: expected an instance of redis.CredentialProvider, or the path of "
            "its class, such as 'shop.logins.Provider'"
        )
    return found


def _made(path: str) -> Any:
    module, _, name = path.replace(":", ".").rpartition(".")
    try:
        return getattr(import_module(module), name)()
    except (ImportError, AttributeError, ValueError, TypeError) as broken:
        raise ImproperlyConfigured(f"{NAME}={path!r}: it cannot be made: {broken}") from broken
