"""`celery.app.base`."""

import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, Final

from ...domain.settings import Settings
from ...domain.settings.options import DEFAULTS
from ..library.app import Celeriac
from .objects import mro_lookup

__all__ = [
    "BUILTIN_FIXUPS",
    "DEFAULT_SECURITY_DIGEST",
    "App",
    "Celery",
    "PendingConfiguration",
    "app_has_custom",
    "caller_stacklevel",
    "frame_is_celery",
    "pydantic_wrapper",
    "task_callable_qualname",
]

App = Celery = Celeriac
#: Settings wait for their source by themselves: before and after it was read they are of one class.
PendingConfiguration = Settings
BUILTIN_FIXUPS: Final = Celeriac.builtin_fixups
DEFAULT_SECURITY_DIGEST: Final = DEFAULTS["security_digest"]

#: Under these names our own code is imported.
_OURS: Final = (__name__.partition(".")[0], "celery")


def pydantic_wrapper(
    app: Any,
    task_fun: Callable[..., Any],
    task_name: str,
    strict: bool = True,
    context: Mapping[str, Any] | None = None,
    dump_kwargs: Mapping[str, Any] | None = None,
) -> Callable[..., Any]:
    """Return a function with models among its parameters as one that takes plain data."""
    from ..library.models import Models

    made = Models(app, task_fun, task_name, strict=strict, context=context, dump_kwargs=dump_kwargs)
    return made.wrapped()


def app_has_custom(app: Any, attr: str) -> type | None:
    """Return the class in which an app's own version of an attribute is, or None."""
    ours = {cls for cls in Celeriac.mro() if cls.__module__.partition(".")[0] == _OURS[0]}
    return mro_lookup(type(app), attr, stop=ours, monkey_patched=[cls.__module__ for cls in ours])


def frame_is_celery(frame: FrameType) -> bool:
    """Tell whether a frame runs code of ours."""
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] in _OURS


def caller_stacklevel() -> int:
    """Return how far above its caller code begins that is not ours, as `warnings.warn` counts."""
    frame, level = sys._getframe(1), 1
    while frame_is_celery(frame) and frame.f_back is not None:
        frame, level = frame.f_back, level + 1
    return level


def task_callable_qualname(task: Any) -> str:
    """Return the path of the function, or of the class, that a task was made of."""
    made_of = getattr(task, "__wrapped__", None) or type(task)
    return f"{made_of.__module__}.{made_of.__qualname__}"
