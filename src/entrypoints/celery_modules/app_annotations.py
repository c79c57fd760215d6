"""`celery.app.annotations`: what the setting `task_annotations` says, read step by step."""

from collections.abc import Iterable, Iterator
from typing import Any

from ..library.annotations import annotate
from ..library.celery_shape import loaded

__all__ = ["MapAnnotation", "annotate", "prepare", "resolve_all"]


class MapAnnotation(dict[str, Any]):
    """Attributes by the name of their task; those of `*` are for all."""

    def annotate_any(self) -> dict[str, Any] | None:
        """Return what is said of all tasks, or None."""
        return dict(self["*"]) if "*" in self else None

    def annotate(self, task: Any) -> dict[str, Any] | None:
        """Return what is said of one task, or None."""
        return dict(self[task.name]) if task.name in self else None


def prepare(annotations: Any) -> list[Any]:
    """Return the setting as a list of objects with `annotate`; a path stands for its class."""
    if annotations is None:
        return []
    listed = annotations if isinstance(annotations, list | tuple) else [annotations]
    return [_prepared(one) for one in listed]


def resolve_all(anno: Iterable[Any], task: Any) -> Iterator[Any]:
    """Yield what the first says that says anything of a task, then the first of all tasks."""
    known = list(anno)
    yield from _first(one.annotate(task) for one in known)
    yield from _first(one.annotate_any() for one in known if hasattr(one, "annotate_any"))


def _first(said: Iterable[Any]) -> list[Any]:
    return next(([one] for one in said if one), [])


def _prepared(annotation: Any) -> Any:
    if isinstance(annotation, dict):
        return MapAnnotation(annotation)
    return loaded(annotation)() if isinstance(annotation, str) else annotation
