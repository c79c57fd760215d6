"""`celery` itself: celeriac's own names, and the version of Celery whose names they are.

It is a module of its own, since integrations look at its version before they look at anything
else. All other names, and every class, are celeriac's.
"""

from importlib import import_module
from typing import Any, NamedTuple

from ..celery_names import MODULES

_celeriac = import_module(__name__.partition(".")[0])


class version_info_t(NamedTuple):
    """A version in its parts."""

    major: int
    minor: int
    micro: int
    releaselevel: str
    serial: str


SERIES = "tuber"
VERSION = version_info = version_info_t(5, 7, 0, "", "")
__version__ = "5.7.0"
VERSION_BANNER = f"{__version__} (celeriac {_celeriac.__version__})"
__author__ = __contact__ = "celeriac contributors"
__homepage__ = "https://pypi.org/project/celeriac/"
__docformat__ = "markdown"

#: Modules that may be reached without being imported first.
_MODULES = [name[1:] for name in MODULES if name.count(".") == 1 and name != ".__main__"]


def bugreport(app: Any = None) -> str:
    """Return versions and settings, as bug reports need them."""
    from ..library.current import get_current

    return (app or get_current()).bugreport()


def maybe_patch_concurrency(*args: Any, **kwargs: Any) -> None:
    """Do nothing: pools patch what they need before anything else is imported."""


def uuid(_uuid: Any = None) -> str:
    """Return a new id, made by `uuid4` or another function."""
    from .words import uuid as new

    return new() if _uuid is None else new(_uuid)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"celery.{name}")
    return getattr(_celeriac, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(_celeriac), *_MODULES})
