"""`celery.app`."""

from ..library.app import Celeriac as Celery
from ..library.app import shared_task
from ..library.current import current_app as default_app
from .app_utils import AppPickler
from .root import bugreport
from .state import _task_stack, app_or_default, disable_trace, enable_trace

__all__ = [
    "AppPickler",
    "Celery",
    "app_or_default",
    "bugreport",
    "default_app",
    "disable_trace",
    "enable_trace",
    "shared_task",
]

push_current_task = _task_stack.push
pop_current_task = _task_stack.pop

# What is below it is imported by this name.
__name__ = "celery.app"
