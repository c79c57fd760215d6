"""Pictures of signatures and of results."""

import pytest

from celeriac import chain, chord, graph, group
from celeriac.domain.canvas.drawing import Box


@pytest.fixture
def add(shop):
    return shop.app.task(name="add")(lambda x, y=0: x + y)


@pytest.fixture
def total(shop):
    return shop.app.task(name="total")(sum)


def nodes(items):
    """Return name and state of what is drawn; of boxes their label and what is within."""
    return [
        (one.label, nodes(one.items))
        if isinstance(one, Box)
        else (one.label.split("\n")[0], one.state)
        for one in items
    ]


def test_a_signature_is_drawn_before_it_is_run(shop, add, total):
    flow = chord([add.s(1, 1), add.s(2, 2)], total.s()) | add.s(1)

    picture = graph(flow)

    assert nodes(picture.items) == [
        ("chord of 2", [("add(1, 1)", None), ("add(2, 2)", None)]),
        ("total()", None),
        ("add(1)", None),
    ]
    assert len(picture.arrows) == 3
    assert shop.work_off() == 0


def test_a_result_is_drawn_with_the_states_so_far(shop, add, total):
    flow = chain(add.s(1, 1), group(add.s(1), add.s(2)), total.s())
    result = flow.delay()

    before, _, after = graph(result), shop.work_off(), graph(result)

    def drawn(state):
        return [("add", state), ("group of 2", [("add", state)] * 2), ("total", state)]

    assert nodes(before.items) == drawn("PENDING")
    assert nodes(after.items) == drawn("SUCCESS")
    assert len(before.arrows) == len(after.arrows) == 4


def test_what_a_task_has_sent_is_found_by_its_record(shop, add, total):
    @shop.app.task(name="outer")
    def outer():
        chord([add.s(1, 1), add.s(1, "x")], total.s()).delay()
        return add.delay(1, 1).id

    result = outer.delay()
    shop.work_off()
    picture = graph(result)

    assert sorted(one.label.split("\n")[0] for one in picture.items if isinstance(one, Box)) == [
        "group of 2"
    ]
    assert sorted(str(state) for _, state in _flat(nodes(picture.items))) == [
        "FAILURE",
        "FAILURE",
        "SUCCESS",
        "SUCCESS",
        "SUCCESS",
    ]
    assert len(picture.arrows) == 5


def _flat(drawn):
    for name, within in drawn:
        if isinstance(within, list):
            yield from _flat(within)
        else:
            yield name, within


def test_of_many_results_the_others_are_counted(shop, add):
    result = group([*(add.s(n, n) for n in range(50)), add.s(1, "x")]).delay()
    shop.work_off()

    ((label, drawn),) = nodes(graph(result, most=3).items)

    assert label == "group of 51"
    assert drawn[3:] == [("… 48 more: 1 FAILURE, 47 SUCCESS", None)]


def test_a_result_of_a_run_here_and_now_is_drawn_too(shop, add):
    result = (add.s(1, 1) | add.s(2)).apply()

    picture = graph(result)

    assert [state for _, state in nodes(picture.items)] == ["SUCCESS", "SUCCESS"]
    assert len(picture.arrows) == 1


def test_what_is_no_signature_and_no_result_is_refused(add):
    with pytest.raises(TypeError, match="expected a signature"):
        graph(add)
