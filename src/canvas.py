"""Celery's name for work-flows."""

from .entrypoints.library.canvas import Signature, maybe_signature, signature, subtask
from .entrypoints.library.maps import chunks, xmap, xstarmap
from .entrypoints.library.stamping import GroupStampingVisitor, StampingVisitor
from .entrypoints.library.workflows import chain, chord, group

_chain, _chord = chain, chord

__all__ = [
    "GroupStampingVisitor",
    "Signature",
    "StampingVisitor",
    "chain",
    "chord",
    "chunks",
    "group",
    "maybe_signature",
    "signature",
    "subtask",
    "xmap",
    "xstarmap",
]
