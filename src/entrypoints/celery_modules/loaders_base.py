"""`celery.loaders.base`, `.app` and `.default`: there is one loader."""

from ..library.discovery import discover as autodiscover_tasks
from ..library.discovery import find_related_module
from ..library.loader import Loader

__all__ = ["AppLoader", "BaseLoader", "Loader", "autodiscover_tasks", "find_related_module"]

BaseLoader = AppLoader = Loader
DEFAULT_CONFIG_MODULE = "celeryconfig"
