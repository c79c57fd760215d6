"""`celery.app.utils`."""

from collections.abc import Mapping
from typing import Any

from ...domain.settings import Settings
from ...domain.settings.options import DEFAULTS
from ...domain.settings.presentation import masked
from .root import bugreport

__all__ = [
    "DEFAULTS",
    "SETTING_KEYS",
    "Settings",
    "appstr",
    "bugreport",
    "filter_hidden_settings",
    "find_app",
]

SETTING_KEYS = frozenset(DEFAULTS)


def appstr(app: Any) -> str:
    """Return an app's name for people."""
    return f"{app.main or '__main__'} at {id(app):#x}"


def filter_hidden_settings(conf: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with what is secret hidden."""
    return {name: masked(name, value) for name, value in conf.items()}


def find_app(app: str, *args: Any, **kwargs: Any) -> Any:
    """Return the app that `-A` would find under this name."""
    from ..cli.find_app import find_app

    return find_app(app)
