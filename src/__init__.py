"""celeriac: a distributed task queue for Python.

    from celeriac import Celeriac

    app = Celeriac("shop")

    @app.task
    def add(x: int, y: int) -> int:
        return x + y

    add.delay(2, 3).get(timeout=10)

Names are resolved on first use, so that importing the package costs next to nothing.
"""

import os

#: Type checkers take it for true. Not typing's own, which takes a third of what a probe may take.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .entrypoints.celery_names import install_as_celery
    from .entrypoints.library.app import Celeriac, Celery, shared_task
    from .entrypoints.library.canvas import Signature, maybe_signature, signature, subtask
    from .entrypoints.library.current import current_app, current_task
    from .entrypoints.library.graphs import graph
    from .entrypoints.library.maps import chunks, xmap, xstarmap
    from .entrypoints.library.task import Task
    from .entrypoints.library.workflows import chain, chord, group

__version__ = "0.1.0"

_WHERE = {
    "install_as_celery": "celery_names",
    "Celeriac": "library.app",
    "Celery": "library.app",
    "shared_task": "library.app",
    "Signature": "library.canvas",
    "signature": "library.canvas",
    "subtask": "library.canvas",
    "maybe_signature": "library.canvas",
    "current_app": "library.current",
    "current_task": "library.current",
    "Task": "library.task",
    "chain": "library.workflows",
    "chord": "library.workflows",
    "chunks": "library.maps",
    "graph": "library.graphs",
    "group": "library.workflows",
    "xmap": "library.maps",
    "xstarmap": "library.maps",
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
    "graph",
    "group",
    "install_as_celery",
    "maybe_signature",
    "shared_task",
    "signature",
    "subtask",
    "xmap",
    "xstarmap",
]


def __getattr__(name: str) -> "Any":
    where = _WHERE.get(name)
    if where is None:
        raise AttributeError(f"module 'celeriac' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".entrypoints.{where}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if os.environ.get("CELERIAC_AS_CELERY", "0") not in ("", "0"):
    __getattr__("install_as_celery")()
