"""Work-flows of any shape, run to their end: what is sent, and what comes of it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from celeriac.domain.canvas.chords import ChordOpening
from celeriac.domain.canvas.signature import Signature
from celeriac.domain.canvas.unfold import never_sent, result_tuple, unfold
from celeriac.domain.canvas.workflow import finals, frozen
from celeriac.domain.tasks.builtin_names import CHORD_UNLOCK
from tests.unit.domain.canvas.flows import (
    Run,
    call,
    chain,
    chord,
    flows,
    group,
    ids,
    worth,
)

#: Work-flows are large, and their runs long.
few = settings(max_examples=60)


def sizes(sig):
    return [len(json.dumps(one.to_dict())) for one in unfold(frozen(sig, ids())).calls]


@few
@given(flows, st.integers(0, 5))
def test_what_is_sent_step_by_step_comes_to_what_the_whole_is_worth(flow, turn):
    run = Run(flow, ids(), turn)

    assert run.result == worth(flow)


@few
@given(flows)
def test_every_id_given_is_that_of_one_message_a_group_or_a_chord(flow):
    given_ids = []

    def new_id(made=ids()):  # noqa: B008 - one counter for this flow
        given_ids.append(made())
        return given_ids[-1]

    run = Run(flow, new_id)

    sent = [one.options["task_id"] for one in run.sent]
    assert len(set(sent)) == len(sent)
    assert set(sent) <= set(given_ids)
    assert set(run.opened) <= set(given_ids) - set(sent)


@few
@given(flows)
def test_what_never_runs_is_all_that_would_have_been_sent(flow):
    run = Run(flow, ids())

    missed = [one.options["task_id"] for one in never_sent(run.whole)]

    assert sorted(missed) == sorted(one.options["task_id"] for one in run.sent)


@few
@given(flows)
def test_a_header_is_waited_for_by_as_many_parts_as_it_ends_with(flow):
    whole = chord([flow, call("z")], call("sum"))

    run = Run(whole, ids())

    assert run.opened[run.whole.options["task_id"]] == finals(flow) + 1
    assert run.result == worth(whole)


@few
@given(flows)
def test_freezing_is_deterministic_for_the_ids_given_and_twice_is_once(flow):
    once = frozen(flow, ids())

    assert frozen(flow, ids()) == once
    assert frozen(once, ids("other")) == once


@few
@given(flows)
def test_a_flow_survives_json_frozen_or_not(flow):
    for one in (flow, frozen(flow, ids()), *unfold(frozen(flow, ids())).calls):
        stored = json.loads(json.dumps(one.to_dict()))

        assert Signature.from_dict(stored).to_dict() == json.loads(json.dumps(stored))
        assert Signature.from_dict(stored).to_dict() == stored


@few
@given(st.lists(flows, min_size=3, max_size=5), st.data())
def test_it_makes_no_difference_how_a_chain_is_nested(parts, data):
    cut = data.draw(st.integers(1, len(parts) - 1))

    left = chain(chain(*parts[:cut]), *parts[cut:])
    right = chain(*parts[:cut], chain(*parts[cut:]))

    assert frozen(left, ids()) == frozen(right, ids()) == frozen(chain(*parts), ids())


def test_a_chord_is_its_header_each_call_of_which_carries_the_body():
    whole = frozen(chord([call("a", 1), chain(call("b"), call("c"))], call("sum")), ids())

    unfolded = unfold(whole)

    body = {**call("sum", group_id="id0", task_id="id4").to_dict(), "chord_size": 2}
    last = call("c", task_id="id3", parent_id="id2", group_id="id0", group_index=1, chord=body)
    assert unfolded.opens == (ChordOpening("id0", 2),)
    assert unfolded.calls == (
        call("a", 1, group_id="id0", group_index=0, task_id="id1", chord=body),
        call("b", task_id="id2", chain=[last.to_dict()]),
    )
    assert unfolded.group_id is None


def test_a_chord_that_is_polled_for_is_its_header_and_a_call_that_waits_for_it():
    inner = chord([call("a")], call("b", queue="q"))
    whole = frozen(chord([inner, group(call("c"), call("d"))], call("sum")), ids())

    unfolded = unfold(whole, polled=True)

    *header, inner_wait, outer_wait = [
        *(one for one in unfolded.calls if one.task != CHORD_UNLOCK),
        *(one for one in unfolded.calls if one.task == CHORD_UNLOCK),
    ]
    assert unfolded.opens == ()
    assert [one.task for one in header] == ["a", "c", "d"]
    assert all("chord_size" not in one.options["chord"] for one in header)
    told = inner_wait.kwargs["result"], outer_wait.kwargs["result"]
    by_task = {one.task: one.options["task_id"] for one in header}
    body_of_inner = inner_wait.args[1]
    assert told[0] == [((by_task["a"], None), None)]
    leaves = [id_ for one in told[1] for id_ in leaves_of(one)]
    assert leaves == [body_of_inner["options"]["task_id"], by_task["c"], by_task["d"]]
    assert (inner_wait.options["queue"], "queue" in outer_wait.options) == ("q", False)
    assert inner_wait.options["task_id"] != outer_wait.options["task_id"]
    again = frozen(chord([inner, group(call("c"), call("d"))], call("sum")), ids())
    assert unfold(again, polled=True).calls == unfolded.calls


def leaves_of(told):
    (id_, _), members = told
    return [id_] if not members else [leaf for one in members for leaf in leaves_of(one)]


def test_what_follows_a_chord_travels_with_its_body():
    whole = frozen(chain(chord([call("a")], call("sum")), call("b"), call("c")), ids())

    (first,) = unfold(whole).calls

    assert [one["task"] for one in first.options["chord"]["options"]["chain"]] == ["c", "b"]
    assert "chain" not in first.options


def test_what_follows_a_group_is_the_body_of_a_chord():
    flow = chain(call("a"), group(call("b"), call("c")), group(call("d"), call("e")), call("f"))

    run = Run(flow, ids())

    pairs = ["b", ["a"]], ["c", ["a"]]
    assert run.result == ["f", [["d", [*pairs]], ["e", [*pairs]]]]
    assert len(run.opened) == 2


def test_a_chord_with_an_empty_header_is_its_body_with_an_empty_list():
    (only,) = unfold(frozen(chord([], call("sum", 1)), ids())).calls

    assert only.args == ([], 1)
    assert "chord" not in only.options


def test_a_group_of_frozen_calls_with_more_to_come_becomes_a_chord():
    pair = frozen(group(call("a"), call("b")), ids())

    unfolded = unfold(pair, [call("d", task_id="y").to_dict(), call("c", task_id="x").to_dict()])

    assert unfolded.opens == (ChordOpening("id0", 2),)
    body = unfolded.calls[0].options["chord"]
    assert (body["task"], body["options"]["chain"][0]["task"]) == ("c", "d")


def test_the_end_of_a_chord_in_a_header_is_part_of_the_outer_one():
    whole = frozen(chord([chord([call("a")], group(call("b"), call("c")))], call("sum")), ids())

    (first,) = unfold(whole).calls

    inner = Signature.from_dict(first.options["chord"])
    places = [
        (one.task, one.options["group_id"], one.options["group_index"])
        for one in unfold(inner.applied(([],))).calls
    ]
    outer = whole.options["task_id"]
    assert places == [("b", outer, 0), ("c", outer, 1)]
    assert inner.options["chord"]["chord_shape"] == [[None, None]]


def test_headers_that_never_run_are_parts_of_nothing_outside():
    inner = chord([call("a")], call("b"))
    whole = frozen(chord([chain(call("first"), inner)], call("sum")), ids())
    (first,) = unfold(whole).calls
    (link,) = map(Signature.from_dict, first.options["chain"])

    missed = {one.task: one.options.get("chord") for one in never_sent(link)}

    assert missed["a"] is None
    assert missed["b"] == first.options["chain"][0]["kwargs"]["body"]["options"]["chord"]
    assert missed["b"]["task"] == "sum"


def test_a_call_that_never_runs_takes_with_it_what_it_carries():
    call_with_rest = call("a", task_id="x", chain=[call("c").to_dict(), call("b").to_dict()])

    assert [one.task for one in never_sent(call_with_rest)] == ["a", "b", "c"]


def test_the_result_of_a_chord_is_its_bodys_with_the_headers_group_above():
    flow = chain(call("a"), chord([call("b"), call("c")], chain(call("d"), call("e"))))

    result = result_tuple(frozen(flow, ids()))

    header = (("id1", (("id0", None), None)), [(("id2", None), None), (("id3", None), None)])
    assert result == (("id5", (("id4", header), None)), None)


def test_a_group_of_one_at_the_end_of_a_chain_has_the_chains_place():
    asked = frozen(chain(call("a"), group(group(call("b")))), ids(), task_id="asked")

    assert result_tuple(asked)[0][0] == "asked"


def test_options_of_a_chord_go_where_celery_lets_them_go():
    flow = chord(
        [call("a", queue="own")],
        call("sum"),
        queue="all",
        countdown=5,
        parent_id="p",
        task_id="asked",
        link=[call("then").to_dict()],
        link_error=[call("oops").to_dict()],
    )

    (only,) = unfold(frozen(flow, ids())).calls

    header, body = only.options, only.options["chord"]["options"]
    assert (header["queue"], header["countdown"], header["parent_id"]) == ("all", 5, "p")
    assert (body["queue"], body["task_id"], len(body["link"])) == ("all", "asked", 1)
    assert len(body["link_error"]) == 1
    assert not {"link", "link_error"} & set(header)
    assert not {"countdown", "parent_id"} & set(body)


def test_options_do_not_change_stamps_nor_the_group_that_counts():
    own = {"stamped_headers": ["by"], "by": "me", "group_id": "g", "queue": "own"}
    further = {"stamped_headers": ["by", "at"], "by": "you", "queue": "q"}

    (only,) = unfold(frozen(chain(call("a", **own), **further), ids())).calls

    assert {**own, "queue": "q"}.items() <= only.options.items()


def test_what_a_message_carries_of_nested_chords_grows_with_their_number_and_no_faster():
    def in_headers(depth):
        pair = group(call("x"), call("y"))
        return chord([in_headers(depth - 1), call("h")], pair) if depth else call("leaf")

    def in_bodies(depth):
        return chord([call("h")] * 2, in_bodies(depth - 1)) if depth else call("leaf")

    for nested in (in_headers, in_bodies):
        small, large = max(sizes(nested(5))), max(sizes(nested(20)))

        assert large < small * 5


def test_chords_in_a_row_are_not_nested():
    def row(length):
        links = (one for _ in range(length) for one in (group(call("a"), call("b")), call("sum")))
        return chain(*links)

    small, large = max(sizes(row(10))), max(sizes(row(100)))

    assert large < small * 11


def test_a_group_of_a_hundred_thousand_is_unfolded():
    whole = frozen(chord((call("a", n) for n in range(100_000)), call("sum")), ids())

    unfolded = unfold(whole)

    assert unfolded.opens == (ChordOpening("id0", 100_000),)
    assert unfolded.calls[-1].options["group_index"] == 99_999


def test_signatures_that_contain_themselves_are_refused_in_words():
    stored = chain(call("a"), call("b")).to_dict()
    stored["kwargs"]["tasks"].append(stored)

    with pytest.raises(ValueError, match=r"contains itself: celery\.chain > celery\.chain"):
        frozen(Signature.from_dict(stored), ids())

    linked = call("a").to_dict()
    linked["options"]["link"] = [linked]
    with pytest.raises(ValueError, match="contains itself: a > a"):
        frozen(Signature.from_dict(linked), ids())


def test_signatures_that_nest_too_deeply_are_refused_in_words():
    flow = call("a")
    for _ in range(150):
        flow = chord([call("b")], flow)

    with pytest.raises(ValueError, match=r"nested more than 100 deep: celery\.chord"):
        frozen(flow, ids())


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"header": None, "body": {"task": "a"}}, "the 'header' of celery.chord is None"),
        ({"header": [], "body": None}, "a chord without a body"),
        ({"header": ["add"], "body": {"task": "a"}}, "a signature is 'add'"),
    ],
)
def test_what_is_no_chord_is_refused_in_words(parts, expected):
    with pytest.raises(ValueError, match=expected):
        frozen(Signature("celery.chord", (), parts, {}, "chord"), ids())
