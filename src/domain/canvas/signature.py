"""A call not yet made, as data, in Celery's layout."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final


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
        known = checked(stored)
        found = known.get
        # By position, which takes half as long as by name: groups have many members.
        return cls(
            known["task"],
            tuple(found("args") or ()),
            dict(found("kwargs") or ()),
            dict(found("options") or ()),
            found("subtask_type"),
            bool(found("immutable")),
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


# Asked of a dict first: looking a class up among Mapping's takes ten times as long.
_MAPPINGS: Final = (dict, Mapping)
_PARTS: Final[tuple[tuple[str, Any, str], ...]] = (
    ("args", (list, tuple), "a list"),
    ("kwargs", _MAPPINGS, "a mapping"),
    ("options", _MAPPINGS, "a mapping"),
)


def checked(stored: object) -> Mapping[str, Any]:
    """Return the stored form of a signature. Raises ValueError saying what is wrong with it."""
    if not isinstance(stored, _MAPPINGS):
        raise ValueError(f"a signature is {stored!r}: expected a mapping with a 'task'")
    task = stored.get("task")
    if not isinstance(task, str) or not task:
        raise ValueError(f"a signature's 'task' is {task!r}: expected a task name")
    for name, kind, expected in _PARTS:
        value = stored.get(name)
        if value is not None and not isinstance(value, kind):
            raise ValueError(f"a signature's {name!r} is {value!r}: expected {expected}")
    return stored
