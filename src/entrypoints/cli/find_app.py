"""Find the app that `-A` names, in the way Celery does.

`-A shop` imports the module `shop` and takes its attribute `app`, else `celery`, else the app in
the submodule `shop.celery`, else the one app there is among its attributes. `-A shop:main` takes
that attribute; `-A shop.main` means it too when there is no such module.
"""

import importlib
import sys
import traceback
from types import ModuleType
from typing import Any, NoReturn

import click

from ..library.app import Celeriac
from ..library.current import Proxy, get_current

#: Where an app is looked for in a module, in this order.
ATTRIBUTES = ("app", "celery")
SUBMODULE = "celery"


class AppNotFound(click.ClickException):
    """`-A` leads to no app."""


def default_app() -> Celeriac:
    """Return the app of a command without `-A`: the current one, else one of defaults only."""
    return get_current()


def find_app(name: str) -> Celeriac:
    """Return the app of a name, exiting with a traceback if its module does not import."""
    module_name, _, attribute = name.partition(":")
    _refuse_paths(name, module_name)
    module = _import(module_name)
    if module is None and not attribute:
        module_name, _, attribute = module_name.rpartition(".")
        module = _import(module_name) if module_name else None
        if module is not None and not hasattr(module, attribute):
            module = None
    if module is None:
        raise AppNotFound(
            f"-A {name}: there is no module {name.partition(':')[0]!r}; looked in {_places()}. "
            "Start in the folder that holds it, or name that folder with --workdir"
        )
    return _app_at(module, attribute, name) if attribute else _app_in(module, name)


def _app_at(module: ModuleType, attribute: str, name: str) -> Celeriac:
    found: Any = module
    for part in attribute.split("."):
        found = getattr(found, part, None)
    app = _as_app(found)
    if app is not None:
        return app
    if isinstance(found, ModuleType):
        return _app_in(found, name)
    there = ", ".join(f"{module.__name__}:{one}" for one in _apps_of(module)) or "none"
    what = "is not there" if found is None else f"is {type(found).__name__}, not an app"
    raise AppNotFound(f"-A {name}: {module.__name__}:{attribute} {what}; apps there: {there}")


def _app_in(module: ModuleType, name: str) -> Celeriac:
    for attribute in ATTRIBUTES:
        app = _as_app(getattr(module, attribute, None))
        if app is not None:
            return app
    if hasattr(module, "__path__"):
        below = _import(f"{module.__name__}.{SUBMODULE}")
        if below is not None:
            return _app_in(below, name)
    apps = _apps_of(module)
    if len({id(app) for app in apps.values()}) != 1:
        raise _no_single_app(module, name, apps)
    return next(iter(apps.values()))


def _no_single_app(module: ModuleType, name: str, apps: dict[str, Celeriac]) -> AppNotFound:
    title = module.__name__
    if apps:
        choice = " or ".join(f"-A {title}:{attribute}" for attribute in sorted(apps))
        return AppNotFound(f"-A {name}: {title} has more than one app; say which: {choice}")
    return AppNotFound(
        f"-A {name}: module {title} has no app; looked for {title}:app, {title}:celery, a module "
        f"{title}.{SUBMODULE} and any other Celeriac instance in {title}"
    )


def _apps_of(module: ModuleType) -> dict[str, Celeriac]:
    found = {name: _as_app(value) for name, value in vars(module).items()}
    return {name: app for name, app in found.items() if app is not None}


def _as_app(value: object) -> Celeriac | None:
    if isinstance(value, Celeriac):
        return value
    if type(value) is Proxy:
        behind = value._get_current_object()
        return behind if isinstance(behind, Celeriac) else None
    return None


def _import(name: str) -> ModuleType | None:
    """Return the module; None if it is not there. One that breaks ends the program."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        # Only if it is the module itself that is missing, not one that it imports.
        if missing.name and (name == missing.name or name.startswith(f"{missing.name}.")):
            return None
        _exit_with_traceback(name)
    except Exception:
        _exit_with_traceback(name)


def _exit_with_traceback(name: str) -> NoReturn:
    click.echo(traceback.format_exc(), err=True, nl=False)
    raise AppNotFound(f"module {name!r} could not be imported; its traceback is above")


def _refuse_paths(name: str, module_name: str) -> None:
    if "/" in module_name or module_name.endswith(".py"):
        meant = module_name.removesuffix(".py").strip("./").replace("/", ".")
        raise AppNotFound(f"-A {name}: give a module's name, not a path; did you mean -A {meant}?")
    if not module_name or not all(part.isidentifier() for part in module_name.split(".")):
        raise AppNotFound(f"-A {name}: expected a module's name, or module:attribute")


def _places() -> str:
    return ", ".join(repr(place) for place in sys.path[:3])
