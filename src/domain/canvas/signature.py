"""A call not yet made, as data, in Celery's layout."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Signature:
    """What to call, with what, and how. An immutable one takes no further arguments."""

    task: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    subtask_type: str | None = None
    immutable: bool = False

    @classmethod
    def from_dict(cls, stored: object) -> "Signature":
        """Read the stored form. Raises ValueError saying what is wrong with it."""
        if not isinstance(stored, Mapping):
            raise ValueError(f"a signature is {stored!r}: expected a mapping with a 'task'")
        task = stored.get("task")
        if not isinstance(task, str) or not task:
            raise ValueError(f"a signature's 'task' is {task!r}: expected a task name")
        return cls(
            task=task,
            args=tuple(_part(stored, "args", list | tuple, ())),
            kwargs=dict(_part(stored, "kwargs", Mapping, {})),
            options=dict(_part(stored, "options", Mapping, {})),
            subtask_type=stored.get("subtask_type"),
            immutable=bool(stored.get("immutable")),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the stored form."""
        return {
            "task": self.task,
            "args": list(self.args),
            "kwargs": dict(self.kwargs),
            "options": dict(self.options),
            "subtask_type": self.subtask_type,
            "immutable": self.immutable,
        }

    def applied(self, args: Sequence[Any]) -> "Signature":
        """Return this call with further arguments in front, or itself when it is immutable."""
        if self.immutable or not args:
            return self
        return replace(self, args=(*args, *self.args))


def _part(stored: Mapping[str, Any], name: str, kind: Any, empty: Any) -> Any:
    value = stored.get(name)
    if value is None:
        return empty
    if not isinstance(value, kind):
        expected = "a mapping" if kind is Mapping else "a list"
        raise ValueError(f"a signature's {name!r} is {value!r}: expected {expected}")
    return value
