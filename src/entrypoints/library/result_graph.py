"""Graphs of results: what came of what, in an order, and drawn."""

from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any, TextIO

__all__ = ["CycleError", "DependencyGraph"]


class DependencyGraph:
    """A directed graph without cycles: nodes, and those each one leads to."""

    def __init__(
        self, it: Iterable[tuple[Any, Iterable[Any]]] | None = None, formatter: Any = None
    ):
        """Hold nodes with those they lead to.

        `formatter` turns a node into its label, or draws: see `GraphFormatter`.
        """
        self.formatter = formatter
        self.adjacent: dict[Any, list[Any]] = {}
        if it is not None:
            self.update(it)

    def add_arc(self, obj: Any) -> None:
        """Add a node, unless it is there."""
        self.adjacent.setdefault(obj, [])

    def add_edge(self, A: Any, B: Any) -> None:
        """Let a node lead to another one."""
        self[A].append(B)

    def connect(self, graph: "DependencyGraph") -> None:
        """Add all of another graph."""
        self.adjacent.update(graph.adjacent)

    def update(self, it: Iterable[tuple[Any, Iterable[Any]]]) -> None:
        """Add nodes with those they lead to."""
        pairs = [(node, list(others)) for node, others in it]
        for node, _ in pairs:
            self.add_arc(node)
        for node, others in pairs:
            for other in others:
                self.add_edge(node, other)

    def edges(self) -> list[Any]:
        """Return the nodes that lead somewhere."""
        return [node for node, others in self.adjacent.items() if others]

    def valency_of(self, obj: Any) -> int:
        """Return how many nodes can be reached from one, itself included. Raises KeyError."""
        return sum((self.valency_of(other) for other in self[obj]), start=1)

    def topsort(self) -> list[Any]:
        """Return the nodes, each after all it leads to. Raises CycleError."""
        return list(TopologicalSorter(self.adjacent).static_order())

    def to_dot(self, fh: TextIO, formatter: Any = None) -> None:
        """Write the graph in the language of Graphviz."""
        draw = formatter or self.formatter
        if hasattr(draw, "draw_node"):
            fh.write("\n".join(self._drawn(draw)) + "\n")
            return
        names = {node: f"n{number}" for number, node in enumerate(self.adjacent)}
        fh.write("digraph results {\n  rankdir=LR;\n  node [shape=oval];\n")
        for node, name in names.items():
            label = self.format(node, formatter).replace("\\", "\\\\").replace('"', '\\"')
            fh.write(f'  {name} [label="{label}"];\n')
        for node, others in self.adjacent.items():
            fh.writelines(f"  {names[node]} -> {names[other]};\n" for other in others)
        fh.write("}\n")

    def _drawn(self, draw: Any) -> Iterator[str]:
        yield draw.head()
        seen = set()
        for node, others in self.adjacent.items():
            if (label := draw.label(node)) not in seen:
                seen.add(label)
                yield draw.node(node) if others else draw.terminal_node(node)
            for other in others:
                yield draw.edge(node, other)
        yield draw.tail()

    def format(self, obj: Any, formatter: Any = None) -> str:
        """Return a node's label."""
        label = formatter or self.formatter
        label = getattr(label, "label", label)
        return str(label(obj) if callable(label) else obj)

    def items(self) -> Iterable[tuple[Any, list[Any]]]:
        """Return nodes with those they lead to."""
        return self.adjacent.items()

    iteritems = items

    def __iter__(self) -> Iterator[Any]:
        """Go through the nodes."""
        return iter(self.adjacent)

    def __getitem__(self, node: Any) -> list[Any]:
        """Return those a node leads to. Raises KeyError."""
        return self.adjacent[node]

    def __len__(self) -> int:
        """Count the nodes."""
        return len(self.adjacent)

    def __contains__(self, obj: Any) -> bool:
        """Tell whether a node is in the graph."""
        return obj in self.adjacent

    def __repr__(self) -> str:
        """Show nodes with those they lead to."""
        return "\n".join(f"{node} -> {others}" for node, others in self.adjacent.items())

    def repr_node(self, obj: Any, level: int = 1, fmt: str = "{0}({1})") -> str:
        """Show all that can be reached from a node, each line with how many that are."""
        lines = [fmt.format(obj, self.valency_of(obj))]
        for other in self.adjacent.get(obj, ()):
            first, *below = self.repr_node(other, level + 1, fmt).split("\n")
            lines += [" " * 5 * level + first, *below]
        return "\n".join(lines)
