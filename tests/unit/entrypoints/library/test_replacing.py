"""Tasks that replace themselves and that add to the chord they are in."""

import pytest

from celeriac.canvas import chain, chord, group
from celeriac.exceptions import ImproperlyConfigured


@pytest.fixture
def add(shop):
    return shop.app.task(name="add")(lambda x, y: x + y)


@pytest.fixture
def total(shop):
    return shop.app.task(name="total")(lambda values: sum(values))


@pytest.fixture
def becomes(shop):
    """A task that is replaced by what it is called with."""

    @shop.app.task(bind=True, name="becomes")
    def becomes(self, *args):
        return self.replace(shop.app.signature(args[-1]))

    return becomes


def test_whoever_waits_for_a_replaced_task_waits_for_what_replaced_it(shop, add, becomes):
    result = becomes.delay(add.s(2, 3))
    shop.work_off()

    assert result.get(timeout=1) == 5


@pytest.mark.parametrize("make", [chain, group], ids=["chain", "group"])
def test_a_work_flow_can_replace_a_task(shop, add, becomes, make):
    flows = {chain: chain(add.s(1, 2), add.s(10)), group: group(add.s(1, 2), add.s(3, 4))}

    result = becomes.delay(flows[make])
    shop.work_off()

    assert result.get(timeout=1) == {chain: 13, group: [3, 7]}[make]


def test_a_chord_can_replace_a_task(shop, add, total, becomes):
    result = becomes.delay(chord([add.s(1, 1), add.s(2, 2)], total.s()))
    shop.work_off()

    assert result.get(timeout=1) == 6


def test_what_was_to_follow_follows_the_replacement(shop, add, becomes):
    result = chain(becomes.s(add.s(1, 2)), add.s(100))()
    shop.work_off()

    assert result.get(timeout=1) == 103


@pytest.mark.parametrize("kind", ["call", "chain", "group", "chord"])
def test_a_replaced_header_task_counts_with_what_its_replacement_came_to(
    shop, add, total, becomes, kind
):
    replacement = {
        "call": add.s(5, 5),
        "chain": chain(add.s(1, 4), add.s(5)),
        "group": chain(group(add.s(4, 4), add.s(1, 1)), total.s()),
        "chord": chord([add.s(4, 4), add.s(1, 1)], total.s()),
    }[kind]

    result = chord([becomes.s(replacement), add.s(1, 1)], total.s())()
    shop.work_off()

    assert result.get(timeout=1) == 12


def test_a_task_may_be_replaced_again_and_again(shop, add):
    @shop.app.task(bind=True, name="counts")
    def counts(self, left):
        if left:
            return self.replace(counts.s(left - 1))
        return self.request.replaced_task_nesting

    result = counts.delay(3)
    shop.work_off()

    assert result.get(timeout=1) == 3


def test_the_last_of_a_replacement_may_be_replaced_by_such_another(shop, add, total, becomes):
    inner = chord([add.s(4, 4), add.s(1, 1)], total.s())

    result = becomes.delay(chord([add.s(2, 2)], becomes.si(inner)))
    shop.work_off()

    assert result.get(timeout=1) == 10


def test_callbacks_are_called_once_with_what_the_replacement_returned(shop, add, becomes):
    note = shop.app.task(name="note")(shop.seen.append)

    becomes.apply_async((chain(add.s(1, 2), add.s(10)),), link=note.s())
    shop.work_off()

    assert shop.seen == [13]


def test_errbacks_are_called_when_the_replacement_fails(shop, add, becomes):
    note = shop.app.task(name="note")(shop.seen.append)

    result = becomes.apply_async((add.s(1, "x"),), link_error=note.s())
    shop.work_off()

    assert shop.seen == [result.id]
    assert result.failed()


@pytest.mark.parametrize("wrong", ["empty", "in a chord"])
def test_what_cannot_replace_a_task_is_refused(shop, add, wrong):
    @shop.app.task(bind=True, name="becomes")
    def becomes(self):
        empty = {"task": "celery.chain", "subtask_type": "chain", "kwargs": {"tasks": []}}
        bad = {"empty": empty, "in a chord": add.s(1, 1).set(chord=add.s(1))}[wrong]
        return self.replace(shop.app.signature(bad))

    result = becomes.delay()
    shop.work_off()

    assert isinstance(result.result, ImproperlyConfigured)


def test_a_task_that_is_called_as_a_function_has_nothing_to_replace(shop, add, becomes):
    with pytest.raises(RuntimeError, match="called as a function"):
        becomes(add.s(1, 1))


def test_a_task_that_runs_eagerly_is_replaced_at_once(shop, add, becomes):
    assert becomes.apply((add.s(2, 3),)).get() == 5


# -- adding to a chord


@pytest.fixture
def adds(shop, add):
    @shop.app.task(bind=True, name="adds")
    def adds(self, number):
        self.add_to_chord(add.s(number, number))
        return number

    return adds


def test_a_chord_waits_for_what_its_tasks_add(shop, add, total, adds):
    result = chord([adds.s(10), add.s(1, 1)], total.s())()
    shop.work_off()

    assert result.get(timeout=1) == 10 + 20 + 2


def test_a_chain_can_be_added(shop, add, total):
    @shop.app.task(bind=True, name="adds")
    def adds(self):
        self.add_to_chord(chain(add.s(1, 2), add.s(100)))
        return 0

    result = chord([adds.s(), add.s(1, 1)], total.s())()
    shop.work_off()

    assert result.get(timeout=1) == 105


@pytest.mark.parametrize("lazy", [True, False])
def test_what_is_added_has_the_same_id_whenever_the_same_attempt_is_made(shop, add, total, lazy):
    @shop.app.task(bind=True, name="adds")
    def adds(self):
        shop.seen.append([self.add_to_chord(add.s(1, 1), lazy=lazy) for _ in range(2)])
        if lazy:
            for sig in shop.seen[-1]:
                sig.delay()
        return 0

    result = chord([adds.s(), adds.s()], total.s()).apply_async()
    first = shop.app.broker.peek("celery", 2)[0]
    shop.app.broker.publish([first], deadline=1)
    shop.work_off()

    ids = [[one.options["task_id"] if lazy else one.id for one in seen] for seen in shop.seen]
    assert ids[0] == ids[2] != ids[1]
    assert len({*ids[0], *ids[1]}) == 4
    assert result.get(timeout=1) == 8


def test_an_attempt_that_is_made_after_another_adds_anew(shop, add, total):
    @shop.app.task(bind=True, name="adds")
    def adds(self):
        self.add_to_chord(add.s(1, 1), lazy=True).delay()
        if not self.request.retries:
            raise self.retry(countdown=0)
        return 0

    result = chord([adds.s(), add.s(1, 1)], total.s())()
    shop.work_off()

    assert result.get(timeout=1) == 6


def test_a_chain_that_is_added_lazily_counts_once_and_a_group_by_its_members(shop, add, total):
    @shop.app.task(bind=True, name="adds")
    def adds(self):
        for more in (chain(add.s(1, 2), add.s(10)), group(add.s(1, 1), add.s(2, 2))):
            self.add_to_chord(more, lazy=True).apply_async()
        return 0

    result = chord([adds.s(), add.s(1, 1)], total.s())()
    shop.work_off()

    assert result.get(timeout=1) == 13 + 2 + 4 + 2


def test_what_is_added_lazily_is_sent_by_whoever_added_it(shop, add, total):
    @shop.app.task(bind=True, name="adds")
    def adds(self):
        self.add_to_chord(add.s(3, 4), lazy=True).delay()
        return 0

    result = chord([adds.s(), add.s(1, 1)], total.s())()
    shop.work_off()

    assert result.get(timeout=1) == 9


def test_a_task_of_no_chord_can_add_to_none(shop, adds):
    result = adds.delay(1)
    shop.work_off()

    assert isinstance(result.result, ValueError)
    assert "in no chord" in str(result.result)
