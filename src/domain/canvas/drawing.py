"""Work-flows as pictures: boxes within boxes and the arrows between, as text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Node:
    """One thing in a picture. `state` is a task state, where there is one already."""

    key: str
    label: str
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """Things that belong together."""

    key: str
    label: str
    items: "Sequence[Node | Box]"


@dataclass(frozen=True, slots=True)
class Arrow:
    """From one node to another; with a label (`link`, `link_error`) it is no plain next step."""

    source: str
    target: str
    label: str = ""


@dataclass(slots=True)
class Picture:
    """What is drawn."""

    items: list[Node | Box] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)

    def dot(self) -> str:
        """Return it as Graphviz text."""
        return "\n".join(_dot(self)) + "\n"

    def mermaid(self) -> str:
        """Return it as a Mermaid flow chart."""
        return "\n".join(_mermaid(self)) + "\n"

    def __str__(self) -> str:
        """Return it as a Mermaid flow chart."""
        return self.mermaid()


#: Fill and edge of a node, by what its state says.
_COLOURS: Final = {
    "SUCCESS": ("#d3f2d7", "#2b8a3e"),
    "FAILURE": ("#ffdede", "#c92a2a"),
    "REVOKED": ("#ffdede", "#c92a2a"),
    "RETRY": ("#fff3bf", "#e67700"),
    "STARTED": ("#d0ebff", "#1971c2"),
    "PENDING": ("#f1f3f5", "#868e96"),
}
_OTHERWISE: Final = ("#d0ebff", "#1971c2")


def _dot(picture: Picture) -> Iterator[str]:
    yield "digraph workflow {"
    yield '  node [shape=box, style="rounded,filled", fillcolor=white];'
    yield from _dot_items(picture.items, "  ")
    for arrow in picture.arrows:
        how = ""
        if arrow.label:
            colour = ', color="#c92a2a"' if arrow.label == "link_error" else ""
            how = f" [style=dashed, label={_quoted(arrow.label)}{colour}]"
        yield f"  {_quoted(arrow.source)} -> {_quoted(arrow.target)}{how};"
    yield "}"


def _dot_items(items: Sequence[Node | Box], indent: str) -> Iterator[str]:
    for item in items:
        if isinstance(item, Box):
            yield f"{indent}subgraph {_quoted('cluster_' + item.key)} {{"
            yield f"{indent}  label={_quoted(item.label)};"
            yield from _dot_items(item.items, indent + "  ")
            yield f"{indent}}}"
            continue
        label = item.label if item.state is None else f"{item.label}\n{item.state}"
        how = f"label={_quoted(label)}"
        if item.state is not None:
            fill, edge = _COLOURS.get(item.state, _OTHERWISE)
            how += f', fillcolor="{fill}", color="{edge}"'
        yield f"{indent}{_quoted(item.key)} [{how}];"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _mermaid(picture: Picture) -> Iterator[str]:
    yield "flowchart TD"
    states: dict[str, list[str]] = {}
    yield from _mermaid_items(picture.items, "  ", states)
    for arrow in picture.arrows:
        line = f"-. {arrow.label} .->" if arrow.label else "-->"
        yield f"  {arrow.source} {line} {arrow.target}"
    for state, keys in sorted(states.items()):
        fill, edge = _COLOURS.get(state, _OTHERWISE)
        name = "".join(c for c in state if c.isalnum()) or "other"
        yield f"  classDef state{name} fill:{fill},stroke:{edge}"
        yield f"  class {','.join(keys)} state{name}"


def _mermaid_items(
    items: Sequence[Node | Box], indent: str, states: dict[str, list[str]]
) -> Iterator[str]:
    for item in items:
        if isinstance(item, Box):
            yield f"{indent}subgraph {item.key}[{_escaped(item.label)}]"
            yield from _mermaid_items(item.items, indent + "  ", states)
            yield f"{indent}end"
            continue
        label = item.label
        if item.state is not None:
            states.setdefault(item.state, []).append(item.key)
            label = f"{label}\n{item.state}"
        yield f"{indent}{item.key}[{_escaped(label)}]"


def _escaped(text: str) -> str:
    # Mermaid knows HTML's entities, written with # for &.
    for char, entity in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;")):
        text = text.replace(char, entity)
    return '"' + text.replace("\n", "<br/>") + '"'
