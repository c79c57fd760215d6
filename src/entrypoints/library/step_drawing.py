"""Drawing the steps of a worker, in the order in which they start."""

from collections.abc import Mapping
from typing import Any

from .graph_drawing import GraphFormatter


class StepFormatter(GraphFormatter):
    """Draws steps by their short names; marks the last one, and those of some condition only."""

    blueprint_prefix = "⧉"
    conditional_prefix = "∘"
    blueprint_scheme: Mapping[str, Any] = {
        "shape": "parallelogram",
        "color": "slategray4",
        "fillcolor": "slategray3",
    }

    def label(self, step: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return a step's short name, with its mark."""
        if isinstance(step, str) or step is None:
            return step
        named = step if isinstance(step, type) else type(step)
        short = step.label or str(getattr(named, "name", named.__name__)).rpartition(".")[2]
        mark = self.conditional_prefix if step.conditional else ""
        return f"{self.blueprint_prefix if step.last else mark}{short}"

    def node(self, obj: Any, **attrs: Any) -> str:
        """Return a step that needs others."""
        return self.draw_node(obj, self.blueprint_scheme if obj.last else self.node_scheme, attrs)

    def edge(self, a: Any, b: Any, **attrs: Any) -> str:
        """Return what leads from a step to one that it needs."""
        if a.last:
            attrs = {**attrs, "arrowhead": "none", "color": "darkseagreen3"}
        return self.draw_edge(a, b, self.edge_scheme, attrs)
