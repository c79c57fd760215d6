"""Celery's name for work-flows."""

from .domain.tasks.states import IGNORED, REJECTED
from .entrypoints.library.canvas import Signature, maybe_signature, signature, subtask
from .entrypoints.library.groups import maybe_unroll_group
from .entrypoints.library.maps import chunks, xmap, xstarmap
from .entrypoints.library.stamping import GroupStampingVisitor, StampingVisitor
from .entrypoints.library.workflows import chain, chord, group

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
    "xmap",
    "xstarmap",
]
