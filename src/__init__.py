"""celeriac: a distributed task queue for Python.

    from celeriac import Celeriac

    app = Celeriac("shop")

    @app.task
    def add(x: int, y: int) -> int:
        return x + y

    add.delay(2, 3).get(timeout=10)

Names are resolved on first use, so that importing the package costs next to nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .entrypoints.library.app import Celeriac, Celery, shared_task
    from .entrypoints.library.canvas import Signature, maybe_signature, signature, subtask
    from .entrypoints.library.current import current_app, current_task
    from .entrypoints.library.maps import chunks, xmap, xstarmap
    from .entrypoints.library.task import Task
    from .entrypoints.library.workflows import chain, chord, group

__version__ = "0.1.0"

_WHERE = {
    "Celeriac": "app",
    "Celery": "app",
    "shared_task": "app",
    "Signature": "canvas",
    "signature": "canvas",
    "subtask": "canvas",
    "maybe_signature": "canvas",
    "current_app": "current",
    "current_task": "current",
    "Task": "task",
    "chain": "workflows",
    "chord": "workflows",
    "chunks": "maps",
    "group": "workflows",
    "xmap": "maps",
    "xstarmap": "maps",
}

__all__ = [
    "Celeriac",
    "Celery",
    "Signature",
    "Task",
    "__version__",
    "chain",
    "chord",
    "chunks",
    "current_app",
    "current_task",
    "group",
    "maybe_signature",
    "shared_task",
    "signature",
    "subtask",
    "xmap",
    "xstarmap",
]


def __getattr__(name: str) -> Any:
    where = _WHERE.get(name)
    if where is None:
        raise AttributeError(f"module 'celeriac' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"celeriac.entrypoints.library.{where}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
