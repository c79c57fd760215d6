"""`celery.loaders`."""

from typing import Any

from ..library.loader import Loader
from .imports import symbol_by_name

LOADER_ALIASES = {"app": Loader, "default": Loader}


def get_loader_cls(loader: Any) -> Any:
    """Return the class of a loader's name."""
    return symbol_by_name(loader, LOADER_ALIASES)


# What is below it is imported by this name.
__name__ = "celery.loaders"
