"""`celery.utils.graph`: graphs, and how they are drawn."""

from ..library.graph_drawing import DOT, GraphFormatter
from ..library.result_graph import CycleError, DependencyGraph

__all__ = ["DOT", "CycleError", "DependencyGraph", "GraphFormatter"]
