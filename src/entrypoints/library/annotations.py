"""`task_annotations`: attributes that a project's settings give to tasks it did not write."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from ...domain.errors import ImproperlyConfigured

if TYPE_CHECKING:
    from .task_attributes import TaskAttributes

_ANY: Final = "*"


def annotate(task: "TaskAttributes", setting: Any) -> None:
    """Set on a task what the setting says of it, or of all (`*`); of its own name wins.

    `{"shop.add": {"rate_limit": "10/s"}}`; a name with `@` in front wraps a method:
    `{"*": {"@run": decorator}}`. Raises ImproperlyConfigured for what is no annotation.
    """
    for attributes in _of(task, setting):
        for name, value in attributes.items():
            if name.startswith("@"):
                wrap: Callable[[Any], Any] = value
                setattr(task, name[1:], wrap(getattr(task, name[1:])))
            else:
                setattr(task, name, value)


def _of(task: "TaskAttributes", setting: Any) -> Iterator[Mapping[str, Any]]:
    for item in setting if isinstance(setting, list | tuple) else [setting] if setting else []:
        if isinstance(item, Mapping):
            found = [item.get(_ANY), item.get(task.name)]
        elif hasattr(item, "annotate"):
            found = [getattr(item, "annotate_any", lambda: None)(), item.annotate(task)]
        else:
            raise ImproperlyConfigured(
                f"task_annotations has {item!r}: expected a mapping such as "
                "{'shop.add': {'rate_limit': '10/s'}}, or an object with annotate(task)"
            )
        yield from (attributes for attributes in found if attributes)
