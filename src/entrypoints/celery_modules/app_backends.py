"""`celery.app.backends`: which class keeps the results of a URL."""

from collections.abc import Mapping
from typing import Any

from ...domain.errors import ImproperlyConfigured
from ..adapter_table import BACKENDS, DISABLED_RESULTS, load, names, technology
from ..choices import scheme_of

#: Scheme → class, as `module:class`.
BACKEND_ALIASES: Mapping[str, str] = {
    **{scheme: kind.results for scheme, kind in BACKENDS.items()},
    "disabled": DISABLED_RESULTS,
}


def by_name(backend: Any = None, loader: Any = None, extension_namespace: str = "") -> Any:
    """Return the class of a scheme. Raises ImproperlyConfigured."""
    backend = backend or "disabled"
    if not isinstance(backend, str):
        return backend
    if backend in BACKEND_ALIASES:
        return load(BACKEND_ALIASES[backend])
    kind = technology(backend, BACKENDS, "celeriac.backends")
    if kind is None:
        known = ", ".join(names(BACKENDS, "celeriac.backends"))
        raise ImproperlyConfigured(f"no result backend is called {backend!r}; known: {known}")
    return load(kind.results)


def by_url(backend: Any = None, loader: Any = None) -> tuple[Any, str | None]:
    """Return the class of a URL, and the URL if it was one."""
    url = backend if isinstance(backend, str) and "://" in backend else None
    return by_name(scheme_of(url) if url else backend, loader), url
