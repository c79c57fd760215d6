"""Chains: built, sent, followed to their end."""

import asyncio
import copy
import json
import pickle

import pytest

from celeriac import chain, group, signature
from celeriac.domain.tasks import states


@pytest.fixture
def add(shop):
    return shop.app.task(name="add")(lambda x, y: x + y)


@pytest.fixture
def note(shop):
    """A task that notes what it is called with."""
    return shop.app.task(name="note")(lambda *args: shop.seen.append(args))


@pytest.fixture
def oops(shop):
    """An errback that notes whose it is."""
    return shop.app.task(name="oops")(lambda id_: shop.seen.append(id_))


def waiting(shop):
    """Message and decoded body of the one call that waits."""
    shop.app.broker.enlist("test@host", 60)
    (delivery,) = shop.app.broker.claim(["celery"], 10, 0)
    return delivery.message, json.loads(delivery.message.body)


def test_each_link_is_called_with_the_result_before(shop, add):
    result = (add.s(1, 2) | add.s(10) | add.s(100)).delay()
    shop.work_off()

    assert [result.get(), result.parent.get(), result.parent.parent.get()] == [113, 13, 3]
    assert result.parent.parent.parent is None


def test_however_it_is_built_it_is_the_same_chain(add):
    a, b, c = add.s(1, 2), add.s(3), add.s(4)

    built = [a | b | c, a | (b | c), chain(a, b, c), chain([a, b, c]), chain(iter([a, b, c]))]

    assert all(one == chain(a, chain(b, c)) for one in built)
    assert built[0].tasks == [a, b, c]
    assert repr(built[0]) == "add(1, 2) | add(3) | add(4)"


def test_a_chain_of_one_comes_to_that_one_and_of_none_sends_nothing(shop, add):
    one = add.s(1, 2)

    result = chain(one).apply_async()
    assert shop.work_off() == 1
    assert (result.get(), result.parent) == (3, None)
    assert chain(one | add.s(3)).delay().parent is not None
    shop.work_off()
    assert chain().apply_async() is None
    assert shop.work_off() == 0


def test_the_first_message_carries_the_rest_reversed(shop, add):
    flow = add.s(2) | add.s(3) | add.si(4, 5).set(queue="slow")

    result = flow.apply_async((1,), root_id="root")
    message, (args, kwargs, embed) = waiting(shop)

    first, second, third = reversed(result.as_list())
    assert (message.id, args, kwargs) == (first, [1, 2], {})
    assert embed == {
        "callbacks": None,
        "errbacks": None,
        "chain": [
            {
                "task": "add",
                "args": [4, 5],
                "kwargs": {},
                "options": {"queue": "slow", "task_id": third, "parent_id": second},
                "subtask_type": None,
                "immutable": True,
            },
            {
                "task": "add",
                "args": [3],
                "kwargs": {},
                "options": {"task_id": second, "parent_id": first},
                "subtask_type": None,
                "immutable": False,
            },
        ],
        "chord": None,
    }


def test_links_know_their_root_and_parent(shop):
    @shop.app.task(bind=True, name="who")
    def who(self):
        shop.seen.append((self.request.id, self.request.parent_id, self.request.root_id))

    result = chain(who.si(), who.si(), who.si()).delay()
    shop.work_off()

    first, second, third = reversed(result.as_list())
    assert shop.seen == [(first, None, first), (second, first, first), (third, second, first)]


def test_sending_leaves_it_as_it_was_and_freezing_settles_its_ids(shop, add):
    flow = add.s(1, 2) | add.s(3)
    before = copy.deepcopy(flow)

    flow.delay()
    assert flow == before
    frozen = flow.freeze("last")
    sent = flow.apply_async()

    assert (frozen.id, frozen.as_list()) == ("last", sent.as_list())
    assert frozen.as_tuple() == (("last", ((frozen.parent.id, None), None)), None)


def test_a_callback_is_the_last_links_and_an_errback_every_links(shop, add, note, oops):
    flow = add.s(1, 2) | add.s(3)
    flow.link(note.s())
    flow.link_error(oops.s())
    flow.delay()
    shop.work_off()
    assert shop.seen == [(6,)]
    shop.seen.clear()

    for failing in (chain(add.s(1, "x"), add.s(2)), chain(add.s(1, 2), add.s("x"))):
        failing.on_error(oops.s())
        ids = failing.delay().as_list()
        shop.work_off()
        (id_,) = shop.seen
        assert id_ in ids
        shop.seen.clear()


def test_what_comes_after_a_failed_link_is_not_called_and_whoever_waits_is_told(shop, add):
    result = chain(add.s(1, "x"), add.s(2), add.s(3)).delay()
    shop.work_off()

    with pytest.raises(TypeError):
        result.get(timeout=1)
    assert [result.state, result.parent.parent.state] == [states.FAILURE] * 2


def test_whoever_waits_already_when_a_link_fails_is_told_too(live):
    @live.task(name="fail")
    def fail():
        raise KeyError("no")

    result = chain(fail.si().set(countdown=0.2), fail.si(), fail.si()).delay()

    with pytest.raises(KeyError):
        result.get(timeout=20)


def test_a_link_that_is_tried_again_keeps_the_rest(shop, add):
    @shop.app.task(bind=True, name="third_time")
    def third_time(self, x):
        if self.request.retries < 2:
            raise self.retry(countdown=5)
        return x

    result = chain(add.s(1, 2), third_time.s(), add.s(10)).delay()
    for _ in range(3):
        shop.work_off(5)

    assert (result.get(), result.parent.get()) == (13, 3)


def test_a_thousand_links_come_to_their_end(shop, add):
    result = chain([add.s(0, 1), *(add.s(1) for _ in range(999))]).delay()
    shop.work_off()

    assert result.get() == 1000
    assert len(result.as_list()) == 1000
    assert pickle.loads(pickle.dumps(result)).as_list() == result.as_list()


def test_a_chain_can_be_a_callback_and_an_errback(shop, add, note, oops):
    add.apply_async((1, 2), link=chain(add.s(3), note.s()))
    add.apply_async((1, "x"), task_id="broken", link_error=chain(oops.s(), note.si("then")))
    shop.work_off()

    assert sorted(map(str, shop.seen)) == ["('then',)", "(6,)", "broken"]


def test_a_chain_sent_by_a_task_is_its_child(shop, add):
    @shop.app.task(name="outer")
    def outer():
        return chain(add.s(1, 2), add.s(3)).delay().id

    result = outer.delay()
    shop.work_off()

    assert [child.id for child in result.children] == [result.get()]
    assert result.children[0].get() == 6


def test_many_chains_go_in_one_publication(shop, add):
    flows = [chain(add.s(n, 1), add.s(1)) for n in range(5)]
    published = []
    publish = shop.app.broker.publish
    shop.app.broker.publish = lambda sent, **options: (
        published.append(len(sent)),
        publish(sent, **options),
    )

    results = shop.app.publish_many([*flows, add.s(5, 5)])
    assert published == [6]
    shop.work_off()
    assert [result.get() for result in results] == [2, 3, 4, 5, 6, 10]


def test_it_survives_json_pickle_and_copies(shop, add):
    flow = chain(add.s(1, 2), add.s(3), app=shop.app)

    again = signature(json.loads(json.dumps(flow)), app=shop.app)

    assert json.dumps(again) == json.dumps(flow)
    assert isinstance(again, chain)
    assert pickle.loads(pickle.dumps(flow)) == copy.deepcopy(flow) == flow.clone() == flow
    assert json.loads(json.dumps(flow)) == {
        "task": "celery.chain",
        "args": [],
        "kwargs": {"tasks": json.loads(json.dumps([add.s(1, 2), add.s(3)]))},
        "options": {},
        "subtask_type": "chain",
        "immutable": False,
    }
    result = again()
    shop.work_off()
    assert result.get() == 6


def test_it_can_be_run_here_and_now(shop_with):
    shop = shop_with(task_always_eager=True)
    add = shop.app.task(name="add")(lambda x, y: x + y)
    flow = add.s(2) | add.s(3) | add.s(4)

    for result in (flow.apply((1,)), flow.delay(1), flow(1)):
        assert [result.get(), result.parent.get(), result.parent.parent.get()] == [10, 6, 3]
    assert add.apply_async((1, 2), link=flow).get() == 3


@pytest.mark.parametrize("given", [5, "add", [None]])
def test_what_is_no_signature_is_refused(given):
    with pytest.raises(TypeError, match="signature"):
        chain(given)
    with pytest.raises(TypeError, match="signature"):
        group(given)


def test_a_signature_is_chained_with_signatures_only(add):
    with pytest.raises(TypeError):
        add.s(1) | 5
    flow = add.s(1, 2)
    flow |= add.s(3)
    assert flow == chain(add.s(1, 2), add.s(3))


def test_whoever_awaits_the_end_is_told_of_a_failed_link(live):
    @live.task(name="fail")
    def fail():
        raise KeyError("no")

    async def ask(result):
        await result

    flow = chain(fail.si(), fail.si())
    for result in (flow.delay(), group(flow, flow).delay()):
        with pytest.raises(KeyError):
            asyncio.run(ask(result))


def test_links_of_a_copy_are_its_own(add, note):
    flow = add.s(1, 2).on_error(note.s("first")) | add.s(3)
    copied = flow.clone()

    copied.tasks[0].link_error(note.s("second"))

    assert flow.tasks[0].options["link_error"] == [note.s("first")]
    assert copied.tasks[0].options["link_error"] == [note.s("first"), note.s("second")]


def test_a_frozen_link_knows_its_place(add):
    flow = chain(add.s(1, 2), add.s(3))
    last = flow.freeze(root_id="root")

    first, second = flow.tasks
    assert (first.id, first.root_id, first.parent_id) == (last.parent.id, "root", None)
    assert (second.id, second.root_id, second.parent_id) == (last.id, "root", first.id)


def test_a_signature_may_be_replaced_in_part_or_waited_for(live):
    add = live.task(name="add")(lambda x, y: x + y)
    sig = add.s(1, y=2).set(queue="slow")

    assert sig.replace(args=(5,), options={}) == add.s(5, y=2)
    assert sig == add.s(1, y=2).set(queue="slow")
    assert ~(add.s(1, 2) | add.s(3)) == 6
