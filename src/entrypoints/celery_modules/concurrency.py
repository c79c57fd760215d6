"""`celery.concurrency`: which pools there are."""

import os
from typing import Any

from ...domain.errors import ImproperlyConfigured
from ..adapter_table import POOLS, load, names, third_party

#: Name → class, as `module:class`.
ALIASES = dict(POOLS)


def get_implementation(cls: Any) -> Any:
    """Return the class of a pool's name. Raises ImproperlyConfigured."""
    if not isinstance(cls, str):
        return cls
    if cls == "custom":
        cls = os.environ.get("CELERY_CUSTOM_WORKER_POOL", cls)
    if ":" in cls:
        return load(cls)
    found = load(POOLS[cls]) if cls in POOLS else third_party("celeriac.pools", cls)
    if found is None:
        known = ", ".join(get_available_pool_names())
        raise ImproperlyConfigured(f"no pool is called {cls!r}; known: {known}")
    return found


def get_available_pool_names() -> tuple[str, ...]:
    """Return the names of all pools, those of installed packages included.

    `custom` is the one that the variable CELERY_CUSTOM_WORKER_POOL names.
    """
    return (*names(POOLS, "celeriac.pools"), "custom")


# What is below it is imported by this name.
__name__ = "celery.concurrency"
