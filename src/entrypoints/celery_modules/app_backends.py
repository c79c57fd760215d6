"""`celery.app.backends`: which class keeps the results of a URL."""

from collections.abc import Mapping
from typing import Any

from ...domain.errors import ImproperlyConfigured
from ..adapter_table import BACKENDS, DISABLED_RESULTS, load, names, technology
from ..choices import scheme_of
from ..library.celery_shape import loaded

#: What is said of a name that no backend has.
UNKNOWN_BACKEND = "no result backend is called {0!r}; known: {1}"

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
    if (own := _own(backend, loader)) is not None:
        return own
    kind = technology(backend, BACKENDS, "celeriac.backends")
    if kind is None:
        known = ", ".join(names(BACKENDS, "celeriac.backends"))
        raise ImproperlyConfigured(UNKNOWN_BACKEND.format(backend, known))
    return load(kind.results)


def _own(backend: str, loader: Any) -> Any:
    """Return the class of somebody's own that is meant, or None. Raises ImproperlyConfigured."""
    found = (getattr(loader, "override_backends", None) or {}).get(backend)
    if found is None and {".", ":"} & set(backend):
        found = backend
    try:
        return None if found is None else loaded(found)
    except (ImportError, AttributeError, ValueError) as why:
        raise ImproperlyConfigured(f"result backend {backend!r}: {why}") from why


def by_url(backend: Any = None, loader: Any = None) -> tuple[Any, str | None]:
    """Return the class of a URL, and the URL if it was one."""
    url = backend if isinstance(backend, str) and "://" in backend else None
    return by_name(scheme_of(url) if url else backend, loader), url
