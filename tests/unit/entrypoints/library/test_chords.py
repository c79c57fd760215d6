"""Chords as users hold them, sent, and run by a worker in virtual time."""

import json

import pytest

from celeriac import Celeriac, chain, chord, group, signature
from celeriac.domain.errors import NotSupported
from celeriac.domain.tasks import states
from celeriac.result import AsyncResult, GroupResult


@pytest.fixture
def add(shop):
    return shop.app.task(name="add")(lambda x, y=0: x + y)


@pytest.fixture
def total(shop):
    return shop.app.task(name="total")(sum)


@pytest.fixture
def note(shop):
    return shop.app.task(name="note")(lambda *args: shop.seen.append(args))


def test_a_body_is_called_with_the_results_of_its_header(shop, add, total):
    for result in (
        chord([add.s(1, 2), add.s(3, 4)], total.s()).delay(),
        chord([add.s(1, 2), add.s(3, 4)])(total.s()),
        chord(add.s(n, n + 1) for n in (1, 3))(total.s()),
        (group(add.s(1, 2), add.s(3, 4)) | total.s()).delay(),
        chain(group(add.s(1, 2), add.s(3, 4)), total.s()).delay(),
    ):
        shop.work_off()

        assert (result.get(), result.parent.get()) == (10, [3, 7])
        assert isinstance(result.parent, GroupResult)


def test_groups_in_the_middle_of_a_chain_are_chords(shop, add, total):
    flow = chain(
        add.s(1, 1),
        group(add.s(1), add.s(2)),
        total.s(),
        group(add.s(0), add.s(1), add.s(2)),
        total.s(),
        add.s(5),
    )

    result = flow.delay()
    shop.work_off()

    assert result.get() == 3 * 7 + 3 + 5
    assert result.parent.parent.get() == [7, 8, 9]


def test_many_chords_in_a_row_are_one_chain(shop, add, total):
    flow = add.s(0)
    for _ in range(40):
        flow |= group(add.s(1), add.s(0))
        flow |= total.s()

    result = flow.delay(0)
    shop.work_off()

    value = 0
    for _ in range(40):
        value = 2 * value + 1
    assert result.get() == value


def test_chords_within_headers_and_bodies_come_to_their_ends(shop, add, total):
    inner = chord([add.s(1, 1), add.s(2, 2)], total.s())
    flow = chord([inner, chain(add.s(1, 2), group(add.s(0), add.s(1)), total.s())], total.s())

    result = (flow | chord([add.s(1), add.s(2)], total.s())).delay()
    shop.work_off()

    assert result.get() == (6 + 7) * 2 + 3


def test_results_of_a_group_in_a_header_are_a_list_of_their_own(shop, add):
    echo = shop.app.task(name="echo")(lambda values: values)
    flow = chord([add.s(1, 1), add.s(2, 2) | group(add.s(1), add.s(2))], echo.s())

    result = flow.delay()
    shop.work_off()

    assert result.get() == [2, [5, 6]]


def test_a_body_may_be_a_group(shop, add):
    flow = chord([add.s(1, 1), add.s(2, 2)], group(add.s([1]), add.s([2])))

    result = flow.delay()
    shop.work_off()

    assert result.get() == [[2, 4, 1], [2, 4, 2]]
    assert result.parent.get() == [2, 4]


def test_an_empty_header_calls_the_body_at_once(shop, total):
    result = chord([], total.s(), app=shop.app).delay()

    assert shop.work_off() == 1
    assert result.get() == 0


def test_arguments_are_the_headers_and_ids_the_bodys(shop, add, total):
    flow = chord([add.s(1), add.si(2, 2)], total.s())

    result = flow.apply_async((10,), task_id="asked", root_id="root")
    shop.work_off()

    assert (result.id, result.get()) == ("asked", 15)


def test_its_body_is_not_called_when_a_header_task_fails(shop, add, total, note):
    body = total.s().on_error(note.si("failed"))
    flow = chord([add.s(1, 1), add.s(1, "x")], body) | add.s(1)

    result = flow.delay()
    shop.work_off()

    assert shop.seen == [("failed",)]
    assert result.parent.state == result.state == states.FAILURE


@pytest.mark.parametrize(("everywhere", "calls"), [(False, 1), (True, 2)])
def test_errbacks_of_a_header_are_a_setting(shop_with, everywhere, calls):
    shop = shop_with(task_allow_error_cb_on_chord_header=everywhere)
    add = shop.app.task(name="add")(lambda x, y=0: x + y)
    note = shop.app.task(name="note")(lambda *args: shop.seen.append(args))
    for flow in (
        chord([add.s(1, "x"), add.s(1, 1)], add.s()).on_error(note.si("oops")),
        chain(add.s(1, 1), group(add.s("x"), add.s(1)), add.s()).on_error(note.si("oops")),
    ):
        shop.seen.clear()

        flow.delay()
        shop.work_off()

        assert shop.seen == [("oops",)] * calls


def test_callbacks_are_called_after_the_body(shop, add, total, note):
    flow = chord([add.s(1, 1), add.s(2, 2)], total.s())
    flow.link(note.s("linked"))

    flow.apply_async(link=note.s("passed"))
    shop.work_off()

    assert sorted(shop.seen) == [(6, "linked"), (6, "passed")]


def test_chunks_may_be_followed(shop, add, total):
    pairs = [(n, n) for n in range(6)]
    sums = shop.app.task(name="sums")(lambda parts: [sum(part) for part in parts])

    result = (add.chunks(pairs, 2).group() | sums.s() | total.s()).delay()
    shop.work_off()

    assert result.get() == 30


def test_a_chord_sent_by_a_task_is_its_child(shop, add, total):
    @shop.app.task(name="outer")
    def outer():
        return chord([add.s(1, 2), add.s(3, 4)], total.s()).delay().id

    result = outer.delay()
    shop.work_off()
    header, body = result.children

    assert (body.id, body.get(), header.get()) == (result.get(), 10, [3, 7])
    assert isinstance(header, GroupResult)


def test_a_chord_goes_in_one_batch(shop, add, total):
    published = []
    publish = shop.app.sending.publish
    shop.app.sending.publish = lambda some, **how: (published.append(len(some)), publish(some))

    chord([add.s(n, 1) for n in range(300)], total.s()).delay()

    assert published == [300]


def test_nothing_of_a_chord_is_sent_where_its_parts_cannot_be_counted(shop_with):
    shop = shop_with()
    app = Celeriac("mute", broker=shop.app.broker, backend="disabled://", set_as_current=False)
    add = app.task(name="add")(lambda x, y=0: x + y)
    for flow in (
        chord([add.s(1, 1)], add.s()),
        chain(add.s(1, 1), group(add.s(1), add.s(2)), add.s()),
        group(chord([add.s(1, 1)], add.s()), add.s(1, 1)),
        group(chord([add.s(1, 1)], add.s()) for _ in range(2)),
    ):
        with pytest.raises(NotSupported, match=r"a chord .* needs a result backend"):
            flow.delay()
    assert app.broker.depth(["celery"]) == {"celery": 0}
    app.close()


def test_a_chord_runs_here_and_now(shop_with):
    shop = shop_with(task_always_eager=True)
    add = shop.app.task(name="add")(lambda x, y=0: x + y)
    total = shop.app.task(name="total")(sum)
    flow = chord([add.s(1, 1), group(add.s(2, 2), add.s(3, 3))], total.s()) | add.s(1)

    for result in (flow.delay(), flow.apply()):
        assert (result.get(), result.parent.get()) == (13, 12)
        assert result.parent.parent.get() == [2, 4, 6]
    assert chain(add.s(1), group(add.s(1), add.s(2)), total.s(), add.s(1)).delay(1).get() == 8
    assert chord([], total.s(), app=shop.app).delay().get() == 0
    assert chord([add.s(1), add.s(2)], group(total.s(), total.s())).apply((5,)).get() == [13, 13]
    with pytest.raises(TypeError):
        chord([add.s(1, "x")], total.s()).delay()


def test_it_is_frozen_with_the_headers_group_above_the_bodys_result(shop, add, total):
    flow = chord([add.s(1, 1), add.s(2, 2)], total.s())

    result = flow.freeze("asked")

    assert (result.id, flow.body.id, flow.id) == ("asked", "asked", result.parent.id)
    assert [one.id for one in flow.tasks.tasks] == [one.id for one in result.parent]
    again = flow.delay()
    shop.work_off()
    assert (again, result.get(), result.parent.get()) == (result, 6, [2, 4])


def test_it_survives_json_frozen_or_not(shop, add, total):
    flow = chord([add.s(1, 1), add.s(2, 2) | add.s(1)], total.s() | add.s(1)).set(queue="q")
    for _ in range(2):
        again = signature(json.loads(json.dumps(flow)), app=shop.app)

        assert type(again) is chord
        assert again == signature(json.loads(json.dumps(again)), app=shop.app)
        assert json.dumps(again) == json.dumps(flow)
        flow.freeze()


def test_a_clone_shares_nothing_with_what_it_was_made_of(shop, add, total, note):
    flow = chord([add.s(1, 1)], total.s())
    copied = flow.clone(queue="q")

    copied.tasks[0].set(queue="slow")
    copied.link(note.s())
    copied.body.set(priority=3)

    assert flow == chord([add.s(1, 1)], total.s())
    assert copied.options == {"queue": "q"}


def test_its_parts_can_be_counted_and_made_immutable(shop, add, total):
    flow = chord([add.s(1), chord([add.s(1)], group(add.s(), add.s()))], total.s())

    flow.set(immutable=True)

    assert flow.__length_hint__() == 3
    assert [flow.tasks[0].immutable, flow.body.immutable] == [True, False]
    assert repr(chord([add.s(1)], total.s())) == "chord([add(1)], total())"


def test_another_header_and_body_may_be_run_with_its_options(shop, add, total):
    flow = chord([], app=shop.app)

    result = flow.run(group(add.s(1), add.s(2)), total.s(), (1,), task_id="asked")
    shop.work_off()

    assert (result.id, result.get()) == ("asked", 5)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda add: chord(5, add.s()), "5 is no signature"),
        (lambda add: chord([add.s()], 5), "5 is no signature"),
        (lambda add: chord([add.s(1)]).delay(), "a chord without a body"),
    ],
)
def test_what_is_no_chord_is_refused_in_words(shop, add, make, error):
    with pytest.raises((TypeError, ValueError), match=error):
        make(add)


def test_a_signature_that_contains_itself_is_refused_before_anything_is_sent(shop, add, total):
    flow = add.s(1, 1) | add.s(2)
    flow.tasks.append(flow)

    with pytest.raises(ValueError, match="a signature contains itself"):
        flow.delay()
    assert shop.work_off() == 0


def test_a_group_of_a_generator_is_sent_while_it_is_consumed(shop, add):
    made, published = [], []
    publish = shop.app.sending.publish
    shop.app.sending.publish = lambda some, **how: (
        published.append((len(made), len(some))),
        publish(some, **how),
    )

    def members():
        for n in range(2500):
            made.append(n)
            yield add.s(n)

    result = group(members()).apply_async((1,), queue="slow")

    assert published == [(1000, 1000), (2000, 1000), (2500, 500)]
    assert len(result) == 2500
    assert shop.app.broker.depth(["slow"]) == {"slow": 2500}


def test_a_group_of_a_generator_is_a_group_to_whoever_looks(shop, add, total):
    def lazy():
        return group(add.s(n, n) for n in range(3))

    plain = group([add.s(n, n) for n in range(3)])

    assert lazy() == plain
    assert repr(lazy()) == repr(plain)
    assert json.dumps(lazy()) == json.dumps(plain)
    assert dict(lazy()) == dict(plain)
    assert len(lazy()) == 3
    assert lazy().clone() == plain
    assert lazy() | total.s() == plain | total.s()
    sent = lazy()
    result = sent.delay()
    shop.work_off()
    assert result.get() == [0, 2, 4]
    with pytest.raises(ValueError, match="its members are sent and gone"):
        repr(sent)


def test_members_of_a_generator_may_be_work_flows(shop, add, total):
    result = group(
        flow for flow in (add.s(1, 1) | add.s(1), chord([add.s(1, 1)], total.s()), group(add.s(5)))
    ).delay()
    shop.work_off()

    assert result.get() == [3, 2, 5]
    assert AsyncResult(result[0].id, app=shop.app).get() == 3
