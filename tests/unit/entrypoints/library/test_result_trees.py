"""What came of a task: its children, theirs, and the chord that failed."""

import io
from queue import SimpleQueue

import pytest

from celeriac.canvas import chain, chord, group
from celeriac.exceptions import IncompleteStream
from celeriac.result import ResultSet, allow_join_result, denied_join_result


@pytest.fixture
def add(shop):
    return shop.app.task(name="add")(lambda x, y: x + y)


@pytest.fixture
def tree(shop, add):
    """A task that sends two more."""

    @shop.app.task(name="sow")
    def sow():
        for number in (1, 2):
            add.delay(number, number)
        return "sown"

    return sow


def test_all_that_came_of_a_task_is_collected(shop, tree):
    result = tree.delay()
    shop.work_off()

    assert [value for _, value in result.collect()] == ["sown", 2, 4]
    assert next(result.iterdeps()) == (None, result)


def test_a_tree_that_is_not_ready_is_refused_unless_asked_for(shop, tree):
    result = tree.delay()

    with pytest.raises(IncompleteStream):
        list(result.iterdeps())
    assert list(result.iterdeps(intermediate=True)) == [(None, result)]


def test_a_tree_is_a_graph_that_can_be_drawn(shop, tree):
    result = tree.delay()
    shop.work_off()

    graph = result.graph
    drawn = io.StringIO()
    graph.to_dot(drawn, lambda node: f'"{node.state}"')

    assert (len(graph), graph.edges(), graph.valency_of(result)) == (3, [result], 3)
    assert graph.topsort()[-1] == result
    assert drawn.getvalue().count("->") == 2
    assert '[label="\\"SUCCESS\\""]' in drawn.getvalue()


def test_the_dead_of_a_header_are_listed_by_the_chords_result(shop, add):
    total = shop.app.task(name="total")(sum)
    result = chord([add.s(1, 1), add.s(1, "x"), add.s(2, 2)], total.s())()
    shop.work_off()

    assert result.failed()
    assert [one.state for one in result.dead_header] == ["FAILURE"]
    assert result.dead_header == [result.parent[1]]


def test_a_result_that_is_kept_exists(shop, add):
    result = add.delay(1, 1)

    assert not result.exists()
    shop.work_off()
    assert result.exists()


# -- the guard


def test_waiting_within_a_task_is_refused_unless_it_is_allowed(shop, add):
    @shop.app.task(name="impatient")
    def impatient(allowed):
        result = add.delay(1, 1)
        if not allowed:
            return result.get(timeout=0.01)
        with allow_join_result():
            return result.get(timeout=0.01)

    refused, allowed = impatient.delay(False), impatient.delay(True)
    shop.work_off()

    assert isinstance(refused.result, RuntimeError)
    assert "chord's body" in str(refused.result)
    assert type(allowed.result).__name__ == "TimeoutError"


def test_waiting_for_several_is_guarded_too(shop, add):
    @shop.app.task(name="impatient")
    def impatient():
        return group(add.s(1, 1), add.s(2, 2))().get(timeout=0.01)

    result = impatient.delay()
    shop.work_off()

    assert isinstance(result.result, RuntimeError)


def test_a_task_that_runs_eagerly_may_wait(shop, add):
    @shop.app.task(name="eager")
    def eager():
        return add.apply((1, 1)).get()

    assert eager.apply().get() == 2


def test_waiting_can_be_denied_anywhere(shop, add):
    result = add.delay(1, 1)
    shop.work_off()

    with denied_join_result(), pytest.raises(RuntimeError, match="standstill"):
        result.get()
    assert result.get() == 2


# -- promises


def test_what_was_promised_is_called_once_the_result_is_there(live):
    add = live.task(name="add")(lambda x, y: x + y)
    heard: SimpleQueue = SimpleQueue()

    add.delay(1, 2).then(lambda result: heard.put(result.get()))
    group(add.s(n, n) for n in range(3))().then(lambda results: heard.put(results.get()))
    add.delay(1, "x").then(heard.put, on_error=lambda error: heard.put(type(error)))

    told = [heard.get(timeout=20) for _ in range(3)]
    assert 3 in told
    assert [0, 2, 4] in told
    assert TypeError in told


def test_a_result_that_is_there_already_is_told_at_once(shop, add):
    heard = []
    result = add.delay(1, 2)
    shop.work_off()

    assert result.then(heard.append) is result
    assert add.apply((1, 1)).then(heard.append).get() == 2
    assert [one.get() for one in heard] == [3, 2]


def test_a_callback_that_raises_is_logged(shop, add, caplog):
    result = add.delay(1, 2)
    shop.work_off()

    result.then(lambda result: 1 / 0)

    assert "ZeroDivisionError" in caplog.text


# -- progress bars


def test_a_group_is_waited_for_behind_a_bar(live, capsys):
    add = live.task(name="add")(lambda x, y: x + y)

    values = group(add.s(n, n) for n in range(4))().track(timeout=20, bar="plain")

    assert values == [0, 2, 4, 6]
    assert "4/4 (100 %)" in capsys.readouterr().err


def test_a_bar_of_rich_can_be_asked_for(live):
    add = live.task(name="add")(lambda x, y: x + y)

    assert group(add.s(n, n) for n in range(4))().track(timeout=20, bar="rich") == [0, 2, 4, 6]


def test_an_unknown_bar_is_refused(shop, add):
    with pytest.raises(Exception, match="expected one of tqdm, rich, plain"):
        ResultSet([add.delay(1, 1)]).track(bar="iron")


def test_a_failure_behind_a_bar_is_raised_when_all_are_there(live):
    add = live.task(name="add")(lambda x, y: x + y)

    with pytest.raises(TypeError):
        group(add.s(1, 1), add.s(1, "x"))().track(timeout=20, bar="plain")


def test_the_results_of_a_chain_are_each_others_parents(shop, add):
    result = chain(add.s(1, 1), add.s(2))()
    shop.work_off()

    assert [value for _, value in result.parent.collect()] == [2, 4]
