"""Groups: sent together, waited for together."""

import asyncio
import json
import pickle

import pytest

from celeriac import Celeriac, chain, chunks, group, signature
from celeriac.domain.errors import TimeoutError as NotInTime
from celeriac.domain.tasks import states
from celeriac.result import AsyncResult, GroupResult, ResultSet, result_from_tuple


@pytest.fixture
def add(shop):
    return shop.app.task(name="add")(lambda x, y: x + y)


@pytest.fixture
def note(shop):
    """A task that notes what it is called with."""
    return shop.app.task(name="note")(lambda *args: shop.seen.append(args))


def test_all_members_are_called_with_the_same_further_arguments(shop, add):
    result = group(add.s(n) for n in range(4)).delay(10)
    shop.work_off()

    assert result.get() == result.join() == [10, 11, 12, 13]
    assert (result.ready(), result.successful(), result.failed()) == (True, True, False)
    assert (result.completed_count(), len(result), result[1].get()) == (4, 4, 11)
    assert [one.id for one in result] == [one.id for one in result.children]


def test_members_know_their_group_and_their_place_in_it(shop):
    @shop.app.task(bind=True, name="who")
    def who(self):
        return [self.request.group, self.request.group_index]

    result = group(who.s(), group(who.s(), group(who.s())))()
    shop.work_off()

    assert result.get() == [[result.id, 0], [result.id, 1], [result.id, 2]]


def test_a_large_group_goes_in_batches_and_is_waited_for_in_few_looks(shop, add):
    published, looks = [], []
    publish, watch = shop.app.broker.publish, shop.app.results.watch
    shop.app.broker.publish = lambda sent, **options: (
        published.append(len(sent)),
        publish(sent, **options),
    )
    shop.app.results.watch = lambda ids, wait: (looks.append(len(ids)), watch(ids, wait))[1]

    result = group(add.s(n, 1) for n in range(10_000)).apply_async()
    assert published == [1000] * 10
    shop.work_off()

    assert result.get() == list(range(1, 10_001))
    assert len(looks) == 10


def test_a_group_at_the_end_of_a_chain_gets_the_result(shop, add):
    result = chain(add.s(1, 2), group(add.s(n) for n in range(3))).delay()
    before = (result.ready(), result.parent.ready())
    shop.work_off()

    assert (before, result.get(), result.parent.get()) == ((False, False), [3, 4, 5], 3)
    assert [child.id for child in result.parent.children] == [result.id]
    assert result.parent.children[0].get() == [3, 4, 5]


def test_chains_in_a_group_are_waited_for_to_their_last_links(shop, add):
    result = group(add.s(1, 2) | add.s(10), add.s(1, 1))()
    shop.work_off()

    assert (result.get(), result[0].parent.get()) == ([13, 2], 3)


def test_a_chain_in_a_group_may_end_in_a_group(shop, add):
    result = group(add.s(1, 2) | group(add.s(10), add.s(20)), add.s(1, 1))()
    shop.work_off()

    assert (result.get(), result.completed_count()) == ([[13, 23], 2], 3)


def test_a_group_can_be_a_callback_with_ids_that_follow_from_its_caller(shop, add):
    @shop.app.task(bind=True, name="who")
    def who(self, *args):
        shop.seen.append((*args, self.request.id, self.request.group))

    for _ in range(2):
        sent = add.apply_async((1, 2), task_id="caller", link=group(who.s("a"), who.s("b")))
        shop.work_off()

    (child,) = sent.children
    first, second = [(3, name, one.id, child.id) for name, one in zip("ab", child, strict=True)]
    assert shop.seen == [first, second] * 2


def test_the_first_failure_is_raised_or_all_exceptions_are_returned(shop, add):
    result = group(add.s(1, 1), add.s(1, "x"), chain(add.s(1, "y"), add.s(1)), add.s(2, 2))()
    shop.work_off()

    with pytest.raises(TypeError):
        result.get(timeout=1)
    assert (result.ready(), result.failed(), result.completed_count()) == (True, True, 2)
    one, broken, last = ResultSet([result[0], result[1], result[3]]).get(propagate=False)
    assert (one, type(broken), last) == (2, TypeError, 4)


def test_a_member_whose_chain_broke_does_not_keep_anybody_waiting(shop, add):
    result = group(chain(add.s(1, "y"), add.s(1)), add.s(2, 2))()
    shop.work_off()

    with pytest.raises(TypeError):
        result.get(timeout=3600)
    assert result[0].state == states.FAILURE


def test_whoever_waits_already_when_a_members_link_fails_is_told(live):
    @live.task(name="fail")
    def fail():
        raise KeyError("no")

    result = group(chain(fail.si().set(countdown=0.3), fail.si()), fail.si().set(countdown=3600))()

    with pytest.raises(KeyError):
        result.get(timeout=20)


def test_waiting_ends_in_time(shop, add):
    result = group(add.s(1, 1), add.s(2, 2))()
    shop.work_off()
    result.results.append(AsyncResult("nobody", app=shop.app))

    with pytest.raises(NotInTime, match=r"1 of 3 tasks were not ready within 5 s"):
        result.get(timeout=5)


def test_values_can_be_had_one_by_one(shop, add):
    result = group(add.s(n, n) for n in range(3))()
    shop.work_off()
    seen = []

    nothing = result.get(callback=lambda id_, value: seen.append((id_, value)))

    expected = [(one.id, number * 2) for number, one in enumerate(result)]
    assert (nothing, seen) == ([], expected)
    assert sorted((id_, meta["result"]) for id_, meta in result.iter_native()) == sorted(expected)


def test_it_can_be_awaited(live):
    add = live.task(name="add")(lambda x, y: x + y)

    async def ask():
        return await group(add.s(n, 1) for n in range(5))()

    assert asyncio.run(ask()) == [1, 2, 3, 4, 5]


def test_a_group_result_is_saved_and_restored(shop, add):
    result = chain(add.s(1, 2), group(add.s(n) for n in range(3)))()
    result.save()
    shop.work_off()

    restored = shop.app.GroupResult.restore(result.id)
    assert (restored, restored.get(), restored.parent.get()) == (result, [3, 4, 5], 3)
    assert GroupResult.restore(result.id, app=shop.app) == result
    assert GroupResult.restore("unknown", app=shop.app) is None
    result.delete()
    assert shop.app.GroupResult.restore(result.id) is None


def test_results_survive_json_and_pickle(shop, add):
    for flow in (add.s(1, 1) | add.s(2), group(add.s(1, 1), add.s(2, 2) | add.s(1)), group()):
        result = flow.freeze() if flow.tasks else flow()
        stored = json.loads(json.dumps(result.as_tuple()))

        again = result_from_tuple(stored, shop.app)

        assert (type(again), again.as_tuple()) == (type(result), result.as_tuple())
    (id_,) = pickle.loads(pickle.dumps(ResultSet([AsyncResult("a", app=shop.app)]))).results
    assert id_ == "a"


def test_revoked_members_are_not_run_and_forgotten_ones_unknown(shop, add, note):
    result = group(note.s(n) for n in range(3))()
    result.revoke()
    shop.work_off()
    other = group(add.s(1, 1), add.s(2, 2))()
    shop.work_off()
    other.get()
    other.forget()

    assert shop.seen == []
    assert [AsyncResult(one.id, app=shop.app).state for one in other] == [states.PENDING] * 2


def test_an_empty_group_is_ready_at_once(shop):
    result = group(app=shop.app)()

    assert (result.get(), result.ready(), len(result), shop.work_off()) == ([], True, 0, 0)


def test_links_of_a_group_are_links_of_members(shop, add, note):
    flow = group(add.s(1, 1), add.s(1, "x"))
    flow.link(note.s("done"))
    flow.link_error(note.si("failed"))
    result = flow()
    shop.work_off()

    assert sorted(shop.seen) == [("done",), ("failed",)]
    assert result.failed()
    with pytest.raises(TypeError, match="link has no meaning for a group"):
        flow.apply_async(link=note.s())


def test_a_group_sent_by_a_task_is_its_child(shop, add):
    @shop.app.task(name="outer")
    def outer():
        return group(add.s(1, 2), add.s(3, 4)).delay().id

    result = outer.delay()
    shop.work_off()
    (child,) = result.children

    assert (child.id, child.get()) == (result.get(), [3, 7])


def test_it_survives_json(shop, add):
    flow = group(add.s(1, 2), add.s(3, 4) | add.s(5))

    again = signature(json.loads(json.dumps(flow)), app=shop.app)

    assert json.dumps(again) == json.dumps(flow)
    assert (type(again), type(again.tasks[1]), len(again)) == (group, chain, 2)
    assert repr(again) == "group(add(1, 2), add(3, 4) | add(5))"
    assert flow.subtask_type == "group"


def test_it_can_be_run_here_and_now(shop_with):
    shop = shop_with(task_always_eager=True)
    add = shop.app.task(name="add")(lambda x, y: x + y)
    flow = group(add.s(1), add.s(2) | add.s(10))

    for result in (flow.apply((5,)), flow.delay(5), flow(5)):
        assert (result.get(), result.ready(), result.completed_count()) == ([6, 17], True, 2)
    assert chain(add.s(1, 1), flow).delay().get() == [3, 14]


def test_chunks_are_a_group_of_starmaps(shop, add):
    pairs = [(n, n) for n in range(5)]
    results = [add.chunks(pairs, 2)(), chunks(add, pairs, 2, app=shop.app).group().delay()]
    shop.work_off()

    assert [result.get() for result in results] == [[[0, 2], [4, 6], [8]]] * 2
    with pytest.raises(ValueError, match="expected 1 or more"):
        add.chunks(pairs, 0)


def test_maps_call_the_task_many_times_in_one_call(shop, add):
    double = shop.app.task(name="double")(lambda x: 2 * x)
    results = [double.map(range(3)).delay(), add.starmap([(1, 2), (3, 4)]).delay()]
    shop.work_off()

    assert [result.get() for result in results] == [[0, 2, 4], [3, 7]]
    assert json.loads(json.dumps(double.map([1]))) == {
        "task": "celery.map",
        "args": [],
        "kwargs": {"task": json.loads(json.dumps(double.s())), "it": [1]},
        "options": {},
        "subtask_type": None,
        "immutable": True,
    }


def test_stored_chunks_are_sent_by_a_worker(shop, add):
    stored = json.loads(json.dumps(add.chunks([(1, 1), (2, 2), (3, 3)], 2)))
    result = signature(stored, app=shop.app).delay()
    shop.work_off()

    assert result_from_tuple(result.get(), shop.app).get() == [[2, 4], [6]]


def test_a_set_of_results_is_a_set(shop):
    a, b = AsyncResult("a", app=shop.app), AsyncResult("b", app=shop.app)
    results = ResultSet([a], app=shop.app)

    results.add(b)
    results.add(a)
    results.update([a, b])
    assert results.results == [a, b]
    results.remove("a")
    results.discard("a")
    with pytest.raises(KeyError):
        results.remove("a")
    assert results == ResultSet([b])
    assert results.waiting()
    results.clear()
    assert list(results) == []


def test_what_ran_here_and_now_needs_no_store():
    app = Celeriac("eager", broker="memory://", set_as_current=False, task_always_eager=True)
    add = app.task(name="add")(lambda x, y: x + y)
    app.fetching.results = None

    result = group(add.s(1, 1), add.s(2, 2)).delay()

    assert (result.get(), result.successful(), result.completed_count()) == ([2, 4], True, 2)
    app.close()


@pytest.mark.parametrize("name", ["celery.chain", "celery.group", "celery.chord"])
def test_no_task_can_have_the_name_of_work_flows(shop, name):
    with pytest.raises(ValueError, match="what work-flows are called"):
        shop.app.task(name=name)(lambda: None)
