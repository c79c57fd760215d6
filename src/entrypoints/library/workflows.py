"""Chains, groups and chords as users hold them. What they mean is the domain's to say."""

from .chains import chain, chained
from .chords import chord
from .compound import Workflow, freeze, result_of
from .groups import group

__all__ = ["Workflow", "chain", "chained", "chord", "freeze", "group", "result_of"]
