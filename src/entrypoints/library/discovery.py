"""Finding modules of tasks: `app.autodiscover_tasks()`, and what a worker imports at its start."""

import importlib
import sys
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ...application.signals import import_modules

if TYPE_CHECKING:
    from .app import Celeriac

Packages = Iterable[str] | Callable[[], Iterable[str]] | None


def autodiscover(
    app: "Celeriac", packages: Packages, related_name: str | None, *, force: bool
) -> list[ModuleType] | None:
    """Import `<package>.<related_name>` of each package, now or when a worker imports its tasks."""
    if force:
        return discover(packages, related_name)

    def discover_later(**_: Any) -> list[ModuleType]:
        return discover(packages, related_name)

    # The names are only known, and the packages only importable, when everything is set up.
    uid = ("autodiscover", id(packages) if callable(packages) else _text(packages), related_name)
    import_modules.connect(discover_later, sender=app, weak=False, dispatch_uid=uid)
    return None


def discover(packages: Packages, related_name: str | None = "tasks") -> list[ModuleType]:
    """Import what there is; a package without such a module is no error, a broken one is."""
    names = packages() if callable(packages) else packages
    if names is None:
        names = _django_apps()
    found = (find_related_module(name, related_name) for name in names)
    return [module for module in found if module is not None]


def find_related_module(package: str, related_name: str | None) -> ModuleType | None:
    """Return the module of that name in a package, or beside the class that `package` may name."""
    try:
        module = importlib.import_module(package)
    except ModuleNotFoundError:
        # Django lists classes too: `shop.apps.ShopConfig` stands for `shop.apps`.
        package = package.rpartition(".")[0]
        if not package:
            raise
    else:
        if not related_name:
            return module
    wanted = f"{package}.{related_name}"
    try:
        return importlib.import_module(wanted)
    except ModuleNotFoundError as missing:
        if missing.name == wanted:
            return None
        raise  # it is there, and imports something that is not


def _django_apps() -> Sequence[str]:
    django = sys.modules.get("django.apps")
    return [config.name for config in django.apps.get_app_configs()] if django else []


def _text(packages: Any) -> Any:
    return packages if packages is None or isinstance(packages, str) else tuple(packages)
