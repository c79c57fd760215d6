"""`celery.app.builtins`: puts the tasks that every app has into one that lost them."""

from collections.abc import Callable
from typing import Any, Final

from ..library import builtins
from ..library.app import Celeriac

__all__ = [
    "add_accumulate_task",
    "add_backend_cleanup_task",
    "add_chain_task",
    "add_chord_task",
    "add_chunk_task",
    "add_group_task",
    "add_map_task",
    "add_starmap_task",
    "add_unlock_chord_task",
]

Add = Callable[[Celeriac], Any]


def _adding(cls: Any) -> Add:
    def add(app: Celeriac) -> Any:
        """Return the task of an app; it is registered if it is not."""
        if cls.name not in app.tasks:
            app.register_task(cls())
        return app.tasks[cls.name]

    return add


add_accumulate_task: Final[Add] = _adding(builtins.Accumulate)
add_backend_cleanup_task: Final[Add] = _adding(builtins.BackendCleanup)
add_chain_task: Final[Add] = _adding(builtins.Chain)
add_chord_task: Final[Add] = _adding(builtins.Chord)
add_chunk_task: Final[Add] = _adding(builtins.Chunks)
add_group_task: Final[Add] = _adding(builtins.Group)
add_map_task: Final[Add] = _adding(builtins.Map)
add_starmap_task: Final[Add] = _adding(builtins.StarMap)
add_unlock_chord_task: Final[Add] = _adding(builtins.UnlockChord)
