"""The tasks of an app by name."""

from typing import Any

from ...domain.canvas.workflow import CHAIN, CHORD, GROUP
from ...domain.errors import NotRegistered
from .task import Task

_BUILT_IN = ("celery.", "celeriac.")
#: Whose tasks alone may be called as work-flows are: they run them.
_FLOWS = f"{__name__.rpartition('.')[0]}.builtins"


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
        if type(task).__module__ != _FLOWS:
            refuse_names_of_flows(task.name)
        self[task.name] = task

    def unregister(self, name: str) -> None:
        """Take a task out, named or given. Raises NotRegistered."""
        try:
            del self[getattr(name, "name", name)]
        except KeyError as missing:
            raise NotRegistered(name) from missing

    def filter_types(self, type: str) -> dict[str, Task[Any, Any]]:  # noqa: A002 - Celery's name
        """Return the tasks whose attribute `type` says this; without one they are `regular`."""
        return {
            name: task for name, task in self.items() if getattr(task, "type", "regular") == type
        }

    def periodic(self) -> dict[str, Task[Any, Any]]:
        """Return the tasks whose attribute `type` is `periodic`."""
        return self.filter_types("periodic")

    def regular(self) -> dict[str, Task[Any, Any]]:
        """Return the tasks that are not built in."""
        return {name: task for name, task in self.items() if not name.startswith(_BUILT_IN)}


def refuse_names_of_flows(name: str) -> None:
    """Raise ValueError for a name that only what is built in may have."""
    if name in (CHAIN, GROUP, CHORD):
        raise ValueError(f"{name!r} is what work-flows are called: name the task otherwise")
