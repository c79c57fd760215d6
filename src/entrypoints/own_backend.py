"""Result backends of a site's own: which class is meant, and how an app comes to use it."""

from typing import TYPE_CHECKING, Any, Final

from ..domain.errors import ImproperlyConfigured
from ..ports.results import ResultBackend
from .adapter_table import BACKENDS, BROKERS, RPC, load, technology
from .choices import broker_url, scheme_of
from .library.celery_shape import loaded

if TYPE_CHECKING:
    from .container import Container
    from .library.app import Celeriac

ADAPTER: Final = "celeriac.adapters.celery_backend.results:CeleryBackendResults"
#: Where packages say what their backends are called, as in Celery.
GROUP: Final = "celery.result_backends"


def own_backend(app: "Celeriac") -> tuple[Any, str | None] | None:
    """Return the class that is asked for and the URL behind it; None: none of somebody's own.

    It may be named by its place (`shop.results:Backend`, `shop.results.Backend://host`), or as its
    package has it. Raises ImproperlyConfigured.
    """
    asked = app.given.get("results") or app.conf.result_backend
    if isinstance(asked, type):
        return asked, None
    if not isinstance(asked, str) or not asked:
        return None
    scheme = scheme_of(asked)
    if scheme in ("disabled", RPC) or technology(scheme, BACKENDS, "celeriac.backends"):
        return None
    name, _, rest = scheme.partition("+") if "://" in asked else (asked, "", "")
    url = None if "://" not in asked else asked[len(name) + 1 :] if rest else asked
    found = app.loader.override_backends.get(name) or _of_package(name)
    if found is None and not {".", ":"} & set(name):
        return None  # to be refused with the names that are known
    try:
        return loaded(found or name), url
    except (ImportError, AttributeError, ValueError) as why:
        raise ImproperlyConfigured(f"result_backend={asked!r} cannot be imported: {why}") from why


def _of_package(name: str) -> Any:
    from importlib.metadata import entry_points

    return next((point.load() for point in entry_points(group=GROUP, name=name)), None)


def make_own_results(app: "Celeriac", container: "Container", cls: Any, url: str | None) -> Any:
    """Return the adapter over a class of somebody's own. Raises ImproperlyConfigured."""
    from .library.custom_backends import BaseBackend, checked
    from .library.group_results import result_from_tuple

    kind: type[BaseBackend] = checked(cls, app.given.get("results") or app.conf.result_backend)
    return load(ADAPTER)(
        lambda: kind(app=app, url=url),
        container.result_codec(),
        app.conf.result_serializer,
        container.clock(),
        _counter(app, container),
        lambda error: BaseBackend.exception_to_python(None, error),  # type: ignore[arg-type]
        lambda told: result_from_tuple(told, app),
        shared=bool(app.conf.result_backend_thread_safe),
    )


def _counter(app: "Celeriac", container: "Container") -> ResultBackend | None:
    """Return what counts the parts of chords: the broker's own store, if it can."""
    memory = getattr(app.given.get("broker"), "memory", None)
    if memory is not None:
        return load(BACKENDS["memory"].results)(memory)  # type: ignore[no-any-return]
    url = broker_url(app.conf)
    kind = technology(scheme_of(url), BROKERS, "celeriac.brokers")
    if app.given.get("broker") is not None or kind is None or not kind.results:
        return None
    return load(kind.results)(container.stores().open(kind, url))  # type: ignore[no-any-return]
