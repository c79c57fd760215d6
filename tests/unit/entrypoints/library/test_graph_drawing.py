"""Graphs drawn for Graphviz, in one's own style, and the steps of a worker."""

import io

import pytest

from celeriac.entrypoints.celery_modules.graph import DependencyGraph, GraphFormatter
from celeriac.entrypoints.celery_modules.worker_package import WorkController
from celeriac.entrypoints.library.bootsteps import Blueprint, Step, StepFormatter


def drawn(graph, formatter=None):
    out = io.StringIO()
    graph.to_dot(out, formatter)
    return out.getvalue().splitlines()


def plain(**more):
    """Return a formatter without colours."""
    formatter = GraphFormatter(**more)
    formatter.scheme = formatter.edge_scheme = formatter.node_scheme = formatter.term_scheme = {}
    return formatter


def test_nodes_and_edges_are_drawn_once_each():
    graph = DependencyGraph([("a", ["b", "c"]), ("b", ["c"]), ("c", [])], plain(id="shop"))

    assert drawn(graph) == [
        "digraph shop {",
        '    graph [bgcolor="mintcream"]',
        '    "a" []',
        '    "a" -> "b" []',
        '    "a" -> "c" []',
        '    "b" []',
        '    "b" -> "c" []',
        '    "c" []',
        "}",
    ]


def test_what_leads_nowhere_looks_otherwise_and_labels_are_the_heirs():
    class Shouting(GraphFormatter):
        scheme = {"shape": "oval"}  # noqa: RUF012 - as users write it
        node_scheme = {"color": "red"}  # noqa: RUF012
        term_scheme = {"color": "blue"}  # noqa: RUF012

        def label(self, obj):
            return f'"{obj}"!'

    lines = drawn(DependencyGraph([("a", ["b"]), ("b", [])]), Shouting(size=3))

    assert r'    "\"a\"!" [shape="oval", size="3", color="red"]' in lines
    assert r'    "\"b\"!" [shape="oval", size="3", color="blue"]' in lines


def test_a_graph_without_directions_is_indented_as_told():
    lines = drawn(DependencyGraph([("a", ["b"])]), plain(type="graph", indent=1, inw="  "))

    assert lines[0] == "  graph dependencies {"
    assert '    "a" -- "b" []' in lines
    with pytest.raises(KeyError):
        GraphFormatter(type="heap")


def test_a_function_still_gives_labels_alone():
    graph = DependencyGraph([("a", [])], formatter=str.upper)

    assert graph.format("a") == "A"
    assert '  n0 [label="A"];' in drawn(graph)


def test_a_node_is_shown_with_all_it_leads_to():
    graph = DependencyGraph([("a", ["b", "c"]), ("b", ["c"]), ("c", [])])

    assert graph.repr_node("a").splitlines() == [
        "a(4)",
        "     b(2)",
        "          c(1)",
        "     c(1)",
    ]


def test_the_steps_of_a_worker_are_drawn_by_their_short_names():
    blueprint = WorkController.Blueprint()
    blueprint._in_order(blueprint.claim_steps())

    lines = drawn(blueprint.graph)

    assert any(line.startswith('    "⧉Consumer" -> "Pool" ') for line in lines)
    assert any(line.startswith('    "∘Beat" ') for line in lines)


def test_a_blueprint_may_have_a_formatter_of_its_own():
    class First(Step):
        label = "one"

    class Second(Step):
        requires = (First,)

    class Plain(StepFormatter):
        def label(self, step):
            return f"<{super().label(step)}>"

    class Mine(Blueprint):
        GraphFormatter = Plain
        default_steps = (First, Second)

    blueprint = Mine().apply(type("Parent", (), {"steps": []})())

    assert any(line.startswith('    "<Second>" -> "<one>" ') for line in drawn(blueprint.graph))
