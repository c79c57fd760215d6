"""The tasks of a cluster's state by type or by worker: `state.tasks_by_type["shop.sell"]`."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ...domain.cluster.picture import State
from ...domain.cluster.seen_tasks import Task


class TaskIndex(Mapping[str, set[Task]]):
    """Sets of tasks by what they have in common; called, it iterates over ids and tasks by time."""

    def __init__(
        self,
        state: State,
        listed: Callable[..., Iterator[tuple[str, Task]]],
        key: Callable[[Task], str | None],
    ) -> None:
        """Look into a state whenever asked; `listed` is what is called."""
        self._state, self._listed, self._key = state, listed, key

    def __call__(self, *args: Any, **kwargs: Any) -> Iterator[tuple[str, Task]]:
        """Iterate over ids and tasks of a key, the latest first."""
        return self._listed(*args, **kwargs)

    def __getitem__(self, name: str) -> set[Task]:
        """Return the tasks of a key; none for one that is not known."""
        return {task for task in list(self._state.tasks.values()) if self._key(task) == name}

    def __iter__(self) -> Iterator[str]:
        """Iterate over the keys."""
        keys = map(self._key, list(self._state.tasks.values()))
        return iter(dict.fromkeys(key for key in keys if key is not None))

    def __len__(self) -> int:
        """Return how many keys there are."""
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a task of this key."""
        return any(name == key for key in self)


def type_of(task: Task) -> str | None:
    """Return a task's name."""
    return task.name


def worker_of(task: Task) -> str | None:
    """Return the node that a task is at."""
    return None if task.worker is None else task.worker.hostname
