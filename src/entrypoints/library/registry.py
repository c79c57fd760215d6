"""The tasks of an app by name."""

from typing import Any

from ...domain.canvas.workflow import CHAIN, CHORD, GROUP
from ...domain.errors import NotRegistered
from .task import Task

_BUILT_IN = ("celery.", "celeriac.")


class TaskRegistry(dict[str, Task[Any, Any]]):
    """A dict that says which task is missing."""

    NotRegistered = NotRegistered

    def __missing__(self, key: str) -> Task[Any, Any]:
        """Raise NotRegistered."""
        raise NotRegistered(key)

    def register(self, task: Task[Any, Any]) -> None:
        """Add a task under its name."""
        if not task.name:
            raise ValueError(f"{task!r} has no name: give its class one")
        if task.name in (CHAIN, GROUP, CHORD):
            raise ValueError(
                f"{task.name!r} is what work-flows are called: name the task otherwise"
            )
        self[task.name] = task

    def unregister(self, name: str) -> None:
        """Take a task out, named or given. Raises NotRegistered."""
        try:
            del self[getattr(name, "name", name)]
        except KeyError as missing:
            raise NotRegistered(name) from missing

    def regular(self) -> dict[str, Task[Any, Any]]:
        """Return the tasks that are not built in."""
        return {name: task for name, task in self.items() if not name.startswith(_BUILT_IN)}
