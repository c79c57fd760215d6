"""`celery.backends.base`, as far as it is asked what a backend is."""

from ..library.backend import Backend, DisabledBackend
from ..library.current import get_current_task

__all__ = ["Backend", "DisabledBackend", "get_current_task"]
