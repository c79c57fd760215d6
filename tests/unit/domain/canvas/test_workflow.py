"""Chains and groups as data: flat, frozen, unfolded."""

import json
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celeriac.domain.canvas.signature import Signature
from celeriac.domain.canvas.unfold import Unfolded, unfold
from celeriac.domain.canvas.workflow import frozen, links_of, members_of


def call(name="add", *args, **options):
    return Signature(name, args, {}, options)


def chain(*parts, **options):
    tasks = [part.to_dict() for part in parts]
    return Signature("celery.chain", (), {"tasks": tasks}, options, "chain")


def group(*parts, **options):
    tasks = [part.to_dict() for part in parts]
    return Signature("celery.group", (), {"tasks": tasks}, options, "group")


def ids():
    return map("id{}".format, count()).__next__


calls = st.builds(call, st.sampled_from("abcdef"), st.integers())
chains = st.lists(calls, min_size=1, max_size=6).map(lambda parts: chain(*parts))
#: Anything that may be sent: groups of anything, and chains that have a group at most at their end.
flows = st.recursive(
    calls,
    lambda inner: (
        st.lists(inner, min_size=2, max_size=4).map(lambda parts: group(*parts))
        | st.tuples(chains, inner).map(lambda parts: chain(*parts))
    ),
    max_leaves=12,
)


def ids_in(sig: Signature):
    """The ids of all calls that one message carries: its own, and those of what follows."""
    rest = [Signature.from_dict(link) for link in sig.options.get("chain") or ()]
    for link in rest:
        for one in unfold(link).calls:
            yield from ids_in(one)
    yield sig.options["task_id"]


@given(st.lists(calls, min_size=3, max_size=9), st.data())
def test_it_makes_no_difference_how_a_chain_is_nested(parts, data):
    cut = data.draw(st.integers(1, len(parts) - 1))

    left = chain(chain(*parts[:cut]), *parts[cut:])
    right = chain(*parts[:cut], chain(*parts[cut:]))

    assert links_of(left) == links_of(right) == links_of(chain(*parts))


@given(flows)
def test_freezing_is_deterministic_for_the_ids_given_and_twice_is_once(flow):
    once = frozen(flow, ids())

    assert frozen(flow, ids()) == once
    assert frozen(once, ids()) == once


@given(flows)
def test_every_frozen_id_is_in_exactly_one_message(flow):
    given_ids = []

    def new_id(made=ids()):  # noqa: B008 - one counter for this flow
        given_ids.append(made())
        return given_ids[-1]

    made = frozen(flow, new_id)
    sent = unfold(made).calls

    found = [id_ for one in sent for id_ in ids_in(one)]
    assert len(set(found)) == len(found)
    groups = set(given_ids) - set(found)
    assert set(found) <= set(given_ids)
    assert len(groups) == json.dumps(made.to_dict()).count('"celery.group"')


@given(flows)
def test_a_flow_survives_json(flow):
    stored = flow.to_dict()

    assert Signature.from_dict(json.loads(json.dumps(stored))).to_dict() == stored


def test_a_chain_is_its_first_link_with_the_rest_reversed():
    made = frozen(chain(call("a", 1), call("b"), call("c")), ids(), root_id="root")

    (first,) = unfold(made).calls

    rest = [
        call("c", task_id="id2", root_id="root", parent_id="id1").to_dict(),
        call("b", task_id="id1", root_id="root", parent_id="id0").to_dict(),
    ]
    assert first == call("a", 1, task_id="id0", root_id="root", chain=rest)


def test_a_group_is_its_members_with_their_place_in_it():
    made = frozen(group(call("a"), chain(call("b"), call("c"))), ids())

    unfolded = unfold(made)

    place = {"group_id": "id0", "group_index": 1}
    last = call("c", task_id="id3", parent_id="id2", **place).to_dict()
    assert unfolded == Unfolded(
        (
            call("a", task_id="id1", group_id="id0", group_index=0),
            call("b", task_id="id2", chain=[last]),
        ),
        "id0",
    )


def test_what_belongs_to_a_chain_goes_where_it_is_meant():
    on_all = {"link": [call("then").to_dict()], "link_error": [call("oops").to_dict()]}
    whole = chain(call("a", 2), call("b"), **on_all, queue="q", task_id="last").applied((1,))

    first, last = links_of(whole)

    assert first == call("a", 1, 2, queue="q", link_error=on_all["link_error"])
    assert last == call("b", **on_all, task_id="last")


def test_an_immutable_first_link_takes_no_arguments_of_its_chain():
    first = Signature("a", (2,), immutable=True)

    assert links_of(chain(first, call("b")).applied((1,))) == [first, call("b")]


def test_nested_groups_are_one_and_each_member_gets_the_arguments():
    outer = group(call("a", 2), group(call("b"), call("c"), queue="q")).applied((1,))

    assert members_of(outer) == [
        call("a", 1, 2),
        call("b", 1, queue="q"),
        call("c", 1, queue="q"),
    ]


def test_a_group_of_one_in_a_chain_is_its_member():
    assert links_of(chain(call("a"), group(call("b")), call("c"))) == [
        call("a"),
        call("b"),
        call("c"),
    ]


@pytest.mark.parametrize("tasks", [None, "add", {"task": "add"}, ["add"]])
def test_tasks_that_are_no_signatures_are_refused_in_words(tasks):
    with pytest.raises(ValueError, match="expected a"):
        frozen(Signature("celery.chain", (), {"tasks": tasks}), ids())


def test_what_a_chain_carries_grows_with_what_remains_and_no_faster():
    def size(length):
        made = frozen(chain(*(call("add", 1) for _ in range(length))), ids())
        return len(json.dumps(unfold(made).calls[0].to_dict()))

    small, large = size(100), size(1000)

    assert large < small * 10.5


def test_a_chain_within_a_chain_comes_before_what_follows_it():
    rest = [call("last").to_dict(), call("next").to_dict()]

    (first,) = unfold(chain(call("a"), call("b"), call("c")), rest).calls
    (carrying,) = unfold(call("a", chain=[call("own").to_dict()]), rest).calls

    names = [[link["task"] for link in one.options["chain"]] for one in (first, carrying)]
    assert names == [["last", "next", "c", "b"], ["last", "next", "own"]]
