"""A result and what came of it: the tree of results that a task's children are."""

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...domain.errors import IncompleteStream

if TYPE_CHECKING:
    from .result_graph import DependencyGraph


class ResultTree:
    """What a result has that knows its children."""

    def iterdeps(self, intermediate: bool = False) -> Iterator[tuple[Any, Any]]:
        """Yield (parent, result) of this one and of all that came of it.

        Raises:
            IncompleteStream: One is not ready, and not even `intermediate` trees are asked for.
        """
        left: deque[tuple[Any, Any]] = deque([(None, self)])
        while left:
            parent, node = left.popleft()
            yield parent, node
            if node.ready():
                left.extend((node, child) for child in node.children or ())
            elif not intermediate:
                raise IncompleteStream(f"{node} is not ready: ask for intermediate=True, or wait")

    def collect(self, intermediate: bool = False, **kwargs: Any) -> Iterator[tuple[Any, Any]]:
        """Yield (result, value) of this one and of all that came of it, waiting for each.

        Keyword arguments are those of `get`.
        """
        for _, node in self.iterdeps(intermediate=intermediate):
            yield node, node.get(**kwargs)

    def build_graph(self, intermediate: bool = False, formatter: Any = None) -> "DependencyGraph":
        """Return the tree as a graph, whose `to_dot` draws it."""
        from .result_graph import DependencyGraph

        graph = DependencyGraph(formatter=formatter)
        for parent, node in self.iterdeps(intermediate=intermediate):
            graph.add_arc(node)
            if parent is not None:
                graph.add_edge(parent, node)
        return graph

    @property
    def graph(self) -> "DependencyGraph":
        """The tree as a graph, of what is ready by now."""
        return self.build_graph(intermediate=True)
