"""Celery's name for work-flows."""

from typing import Any

from .domain.tasks.states import IGNORED, REJECTED
from .entrypoints.library.canvas import Signature, maybe_signature, signature, subtask
from .entrypoints.library.groups import maybe_unroll_group
from .entrypoints.library.maps import chunks, xmap, xstarmap
from .entrypoints.library.stamping import GroupStampingVisitor, StampingVisitor
from .entrypoints.library.workflows import chain, chord, group


def task_name_from(task: Any) -> Any:
    """Return the name of a task; a name as it is."""
    return getattr(task, "name", task)


_chain, _chord = chain, chord
maybe_subtask = maybe_signature

__all__ = [
    "IGNORED",
    "REJECTED",
    "GroupStampingVisitor",
    "Signature",
    "StampingVisitor",
    "chain",
    "chord",
    "chunks",
    "group",
    "maybe_signature",
    "maybe_subtask",
    "maybe_unroll_group",
    "signature",
    "subtask",
    "task_name_from",
    "xmap",
    "xstarmap",
]
