"""Signatures: calls not yet made."""

import json
import pickle

import pytest

from celeriac import Signature, maybe_signature, signature, subtask


@pytest.fixture
def add(shop):
    return shop.app.task(name="add")(lambda *args, **kwargs: [*args, *kwargs.items()])


def test_a_signature_is_data_in_celerys_layout(add):
    sig = add.s(2, 3, debug=True).set(queue="hi")

    assert json.loads(json.dumps(sig)) == {
        "task": "add",
        "args": [2, 3],
        "kwargs": {"debug": True},
        "options": {"queue": "hi"},
        "subtask_type": None,
        "immutable": False,
    }


def test_it_is_sent_with_further_arguments_in_front(shop, add):
    results = [add.s(2).delay(1), add.s(2, k=1).apply_async((1,), {"k": 2}), add.s(5).delay()]
    shop.work_off()

    assert [one.get() for one in results] == [[1, 2], [1, 2, ["k", 2]], [5]]


def test_an_immutable_one_takes_no_arguments_but_options(shop, add):
    sig = add.si(2)
    result = sig.apply_async((1,), {"k": 1}, task_id="t")
    shop.work_off()

    assert (result.id, result.get(), sig.immutable) == ("t", [2], True)


def test_sending_leaves_it_as_it_was(shop, add):
    sig = add.s(2)
    sig.apply_async((1,), task_id="t", countdown=5)

    assert sig == add.s(2)


def test_clone_and_set_and_options(add):
    sig = add.s(2).set(queue="a", headers={"x": 1})
    clone = sig.clone((1,), {"k": 3}, countdown=5, headers={"y": 2})

    assert (sig.args, sig.kwargs) == ((2,), {})
    assert (clone.args, clone.kwargs) == ((1, 2), {"k": 3})
    assert clone.options == {"queue": "a", "countdown": 5, "headers": {"x": 1, "y": 2}}
    assert sig.set(immutable=True) is sig
    assert sig.immutable


def test_links_are_noted_once(add):
    sig = add.s(1)

    assert sig.link(add.s(2)) == add.s(2)
    sig.link(add.s(2))
    sig.link_error(add.s(3))
    assert sig.on_error(add.s(4)) is sig

    assert sig.options == {"link": [add.s(2)], "link_error": [add.s(3), add.s(4)]}


def test_links_are_called(shop, add):
    sig = add.s(1)
    sig.link(add.s("after"))
    result = sig.delay()
    shop.work_off()

    assert [child.get() for child in result.children] == [[[1], "after"]]


def test_it_can_be_called_and_applied_here(add):
    sig = add.s(2)

    assert (sig(1), sig.apply((1,)).get(), sig.type is add) == ([1, 2], [1, 2], True)


def test_it_shows_itself_as_a_call(add):
    assert repr(add.s(2, k="x")) == "add(2, k='x')"


def test_a_task_may_be_named_that_is_not_known_here(shop):
    sig = signature("elsewhere", args=(1,), queue="far", app=shop.app)
    result = sig.apply_async(task_id="t")

    (message,) = shop.app.broker.peek("far", 1)
    assert (result.id, message.task, message.body[:4]) == ("t", "elsewhere", b"[[1]")


def test_stored_signatures_become_objects_again(shop, add):
    stored = json.loads(json.dumps(add.s(1, k=2)))

    again = shop.app.signature(stored)

    assert isinstance(again, Signature)
    assert again.delay().id
    assert pickle.loads(pickle.dumps(add.s(1))) == add.s(1)
    assert maybe_signature(None) is None
    assert maybe_signature(stored, app=shop.app).args == (1,)
    assert maybe_signature(again) is again
    assert maybe_signature(again, clone=True) is not again
    assert subtask is signature


def test_a_signature_of_a_signature_is_a_copy(add):
    sig = add.s(1)

    assert signature(sig) == sig
    assert signature(sig) is not sig


def test_an_id_may_be_frozen_into_it(shop, add):
    sig = add.s(1).set(task_id="t")

    assert (sig.id, sig.name, sig.delay().id) == ("t", "add", "t")
