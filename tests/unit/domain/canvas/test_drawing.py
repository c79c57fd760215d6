"""Work-flows as pictures."""

from hypothesis import given

from celeriac.domain.canvas.drawing import Arrow, Box, Node, Picture
from celeriac.domain.canvas.picturing import pictured
from celeriac.domain.canvas.signature import Signature
from tests.unit.domain.canvas.flows import call, chain, flows, group


def labels(items):
    return [(one.label, labels(one.items)) if isinstance(one, Box) else one.label for one in items]


def named(picture):
    """Return the arrows by the labels of what they join."""
    found = {}

    def note(items):
        for one in items:
            if isinstance(one, Box):
                note(one.items)
            else:
                found[one.key] = one.label

    note(picture.items)
    return [(found[one.source], one.label, found[one.target]) for one in picture.arrows]


def test_a_chain_with_a_group_within_is_calls_in_boxes_and_arrows_between():
    picture = pictured(
        chain(call("a", 1), group(call("b"), chain(call("c"), call("d"))), call("e"))
    )

    assert labels(picture.items) == ["a(1)", ("chord of 2", ["b()", "c()", "d()"]), "e()"]
    assert sorted(named(picture)) == [
        ("a(1)", "", "b()"),
        ("a(1)", "", "c()"),
        ("b()", "", "e()"),
        ("c()", "", "d()"),
        ("d()", "", "e()"),
    ]


def test_callbacks_are_drawn_with_their_call_and_an_errback_once():
    oops = call("oops").to_dict()
    flow = chain(call("a", link=[call("then").to_dict()]), call("b"), link_error=[oops])

    arrows = sorted(named(pictured(flow)))

    assert arrows == [
        ("a()", "", "b()"),
        ("a()", "link", "then()"),
        ("a()", "link_error", "oops()"),
        ("b()", "link_error", "oops()"),
    ]


def test_what_a_call_carries_already_follows_it():
    carrying = call("a", chain=[call("c").to_dict(), call("b").to_dict()])

    assert named(pictured(carrying)) == [("b()", "", "c()"), ("a()", "", "b()")]


def test_of_many_members_the_first_are_drawn():
    picture = pictured(chain(group(*(call("a", n) for n in range(100))), call("b")), most=2)

    assert labels(picture.items) == [("chord of 100", ["a(0)", "a(1)", "… 98 more"]), "b()"]
    assert len(picture.arrows) == 3


def test_maps_say_how_often_and_long_arguments_are_cut():
    mapped = Signature("celery.starmap", (), {"task": call("add").to_dict(), "it": [1, 2, 3]})

    assert labels(pictured(mapped).items) == ["add, 3 times"]
    assert len(labels(pictured(call("a", "x" * 999, "y" * 999, k=1)).items)[0]) <= 60


@given(flows)
def test_every_work_flow_can_be_drawn(flow):
    picture = pictured(flow)

    keys = []

    def note(items):
        for one in items:
            keys.append(one.key)
            if isinstance(one, Box):
                note(one.items)

    note(picture.items)
    assert len(set(keys)) == len(keys)
    assert {end for one in picture.arrows for end in (one.source, one.target)} <= set(keys)
    assert picture.mermaid() == str(picture)


def test_a_picture_is_text_for_graphviz_and_mermaid():
    picture = Picture(
        [Node("n0", 'a("<1>")', "SUCCESS"), Box("g0", "group of 1", [Node("n1", "b\nc")])],
        [Arrow("n0", "n1"), Arrow("n1", "n0", "link_error")],
    )

    assert picture.dot() == (
        "digraph workflow {\n"
        '  node [shape=box, style="rounded,filled", fillcolor=white];\n'
        '  "n0" [label="a(\\"<1>\\")\\nSUCCESS", fillcolor="#d3f2d7", color="#2b8a3e"];\n'
        '  subgraph "cluster_g0" {\n'
        '    label="group of 1";\n'
        '    "n1" [label="b\\nc"];\n'
        "  }\n"
        '  "n0" -> "n1";\n'
        '  "n1" -> "n0" [style=dashed, label="link_error", color="#c92a2a"];\n'
        "}\n"
    )
    assert picture.mermaid() == (
        "flowchart TD\n"
        '  n0["a(#quot;#lt;1#gt;#quot;)<br/>SUCCESS"]\n'
        '  subgraph g0["group of 1"]\n'
        '    n1["b<br/>c"]\n'
        "  end\n"
        "  n0 --> n1\n"
        "  n1 -. link_error .-> n0\n"
        "  classDef stateSUCCESS fill:#d3f2d7,stroke:#2b8a3e\n"
        "  class n0 stateSUCCESS\n"
    )
