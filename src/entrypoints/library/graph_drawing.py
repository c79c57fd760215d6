"""Drawing graphs in the language of Graphviz, in styles that may be changed."""

from collections.abc import Mapping
from typing import Any, ClassVar

__all__ = ["DOT", "GraphFormatter"]


class DOT:
    """What Graphviz reads: templates of its parts."""

    HEAD = "{IN}{type} {id} {{\n{INp}graph [{attrs}]"
    ATTR = "{name}={value}"
    NODE = '{INp}"{0}" [{attrs}]'
    EDGE = '{INp}"{0}" {dir} "{1}" [{attrs}]'
    ATTRSEP = ", "
    DIRS: ClassVar[dict[str, str]] = {"graph": "--", "digraph": "->"}
    TAIL = "{IN}}}"


class GraphFormatter:
    """Draws a graph: heirs say what is written on a node, and how nodes and edges look.

    Args:
        root: What the graph is of.
        type: `digraph`, or `graph` for one without directions.
        id: The graph's name.
        indent: How often the whole is indented, by `inw`.
        inw: One indentation.
        **scheme: Attributes of everything that is drawn.
    """

    scheme: Mapping[str, Any] = {
        "shape": "box",
        "arrowhead": "vee",
        "style": "filled",
        "fontname": "Helvetica",
    }
    edge_scheme: Mapping[str, Any] = {"color": "darkseagreen4", "arrowsize": 0.7}
    node_scheme: Mapping[str, Any] = {"fillcolor": "palegreen3", "color": "palegreen4"}
    #: Of nodes that lead nowhere.
    term_scheme: Mapping[str, Any] = {"fillcolor": "palegreen1", "color": "palegreen2"}
    graph_scheme: Mapping[str, Any] = {"bgcolor": "mintcream"}

    def __init__(
        self,
        root: Any = None,
        type: str | None = None,  # noqa: A002 - Celery's name
        id: str | None = None,  # noqa: A002 - Celery's name
        indent: int = 0,
        inw: str = " " * 4,
        **scheme: Any,
    ) -> None:
        self.id, self.root, self.type = id or "dependencies", root, type or "digraph"
        self.direction = DOT.DIRS[self.type]
        self.IN = inw * (indent or 0)
        self.INp = self.IN + inw
        self.scheme = {**self.scheme, **scheme}
        if root is not None:
            self.graph_scheme = {**self.graph_scheme, "root": self.label(root)}

    def label(self, obj: Any) -> Any:
        """Return what is written on a node; nodes of the same label are one."""
        return obj

    def attr(self, name: str, value: Any) -> str:
        """Return an attribute."""
        return self.FMT(DOT.ATTR, name=name, value=f'"{_escaped(value)}"')

    def attrs(self, d: Mapping[str, Any] | None, scheme: Mapping[str, Any] | None = None) -> str:
        """Return attributes: those of everything, of a scheme, and these."""
        found = {**self.scheme, **(scheme or {}), **(d or {})}
        return DOT.ATTRSEP.join(self.attr(name, value) for name, value in found.items())

    def head(self, **attrs: Any) -> str:
        """Return the graph's beginning."""
        return self.FMT(
            DOT.HEAD, id=self.id, type=self.type, attrs=self.attrs(attrs, self.graph_scheme)
        )

    def tail(self) -> str:
        """Return its end."""
        return self.FMT(DOT.TAIL)

    def node(self, obj: Any, **attrs: Any) -> str:
        """Return a node that leads somewhere."""
        return self.draw_node(obj, self.node_scheme, attrs)

    def terminal_node(self, obj: Any, **attrs: Any) -> str:
        """Return a node that leads nowhere."""
        return self.draw_node(obj, self.term_scheme, attrs)

    def edge(self, a: Any, b: Any, **attrs: Any) -> str:
        """Return what leads from one node to another."""
        return self.draw_edge(a, b, self.edge_scheme, attrs)

    def draw_node(
        self, obj: Any, scheme: Mapping[str, Any] | None = None, attrs: Any = None
    ) -> str:
        """Return a node in this scheme."""
        return self.FMT(DOT.NODE, _escaped(self.label(obj)), attrs=self.attrs(attrs, scheme))

    def draw_edge(
        self, a: Any, b: Any, scheme: Mapping[str, Any] | None = None, attrs: Any = None
    ) -> str:
        """Return an edge in this scheme."""
        ends = (_escaped(self.label(each)) for each in (a, b))
        return self.FMT(
            DOT.EDGE, *ends, dir=self.direction, attrs=self.attrs(attrs, scheme or self.edge_scheme)
        )

    def FMT(self, fmt: str, *args: Any, **kwargs: Any) -> str:
        """Fill in a template; indentations are known to it."""
        return fmt.format(*args, **{**kwargs, "IN": self.IN, "INp": self.INp})


def _escaped(text: Any) -> str:
    return str(text).replace("\\", "\\\\").replace('"', '\\"')
