"""A form is only a shorter way to the message that a call makes."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celeriac.adapters.serializers.json import JsonSerializer
from celeriac.application.encoding import SerializerCodec
from celeriac.domain.messaging.compose import Sender, compose
from celeriac.domain.messaging.forms import Form
from celeriac.domain.messaging.queues import Queue
from celeriac.domain.messaging.routing import Router, rules_from

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CODEC = SerializerCodec({"json": JsonSerializer()}.get, "json", ["json"])
CHORD = {"task": "total", "chord_size": 3}
ROUTES = {"mail.*": {"queue": "mail", "priority": 3}}


def sender(routes: Any = None, **said: Any) -> Sender:
    return Sender(Router(rules=rules_from(routes)), CODEC, "gen1@here", **said)


def made(by: Sender, args: Any, kwargs: Any, options: Any, task: str = "mail.send") -> Any:
    id_ = options.get("task_id") or "new-id"
    return compose(task, args, kwargs, options, by, now=NOON, new_id=id_)


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "group_id": st.just("g"),
        "group_index": st.integers(0, 2),
        "task_id": st.sampled_from(["a", "b"]),
        "ignore_result": st.sampled_from([True, None]),
        "priority": st.sampled_from([1, 5]),
        "queue": st.sampled_from(["fast", "slow"]),
        "chord": st.just(CHORD),
        "reply_to": st.just("me"),
        "shop": st.just("a property"),
        "countdown": st.just(3),
        "expires": st.just(5.0),
        "headers": st.just({"x": 1}),
        "argsrepr": st.just("(…)"),
        "link": st.just([{"task": "then"}]),
        "time_limit": st.just(1.5),
    },
)
VALUES = st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists, max_leaves=4)
CALLS = st.tuples(
    st.lists(VALUES, max_size=3).map(tuple),
    st.dictionaries(st.text(max_size=3), VALUES, max_size=2),
    OPTIONS,
)


@given(
    st.lists(CALLS, min_size=2, max_size=6),
    st.sampled_from([None, ROUTES]),
    st.booleans(),
)
def test_what_fits_a_form_becomes_the_message_that_it_would_be_alone(calls, routes, ignoring):
    by = sender(routes, ignore_result=ignoring, reply_to="r" if ignoring else None)
    for args, kwargs, options in calls:
        form = Form.of(made(by, args, kwargs, options), options, by)
        for args_2, kwargs_2, options_2 in calls:
            if form is not None and form.fits(options_2):
                alone = made(by, args_2, kwargs_2, options_2)

                found = form.message(alone.id, args_2, kwargs_2, options_2)

                assert found == alone
                assert list(found.headers) == list(alone.headers)


def member(number: int, **options: Any) -> dict[str, Any]:
    return {"task_id": f"id-{number}", "group_id": "g", "group_index": number, **options}


def test_members_of_a_group_are_alike():
    by = sender()
    form = Form.of(made(by, (0,), {}, member(0)), member(0), by)

    assert form.fits(member(1))
    assert form.message("id-1", (1,), {}, member(1)).likeness is not None


@pytest.mark.parametrize(
    "other",
    [
        member(1, group_id="h"),
        member(1, priority=1),
        member(1, countdown=1),
        {"task_id": "id-1", "group_id": "g"},
        {"task_id": "id-1", "group_id": "g", "group_index": None},
        {},
    ],
)
def test_calls_that_differ_in_more_are_not(other):
    by = sender()
    form = Form.of(made(by, (0,), {}, member(0)), member(0), by)

    assert not form.fits(other)


def test_true_is_not_taken_for_one():
    by = sender()
    form = Form.of(made(by, (), {}, {"shop": 1}), {"shop": 1}, by)

    assert not form.fits({"shop": True})


def test_a_route_that_may_depend_on_arguments_allows_no_form():
    by = sender(lambda name, args, kwargs, options, **kw: {"queue": args[0]})

    assert Form.of(made(by, ("fast",), {}, {}), {}, by) is None


def test_a_queue_that_was_changed_since_ends_a_form():
    by = sender()
    form = Form.of(made(by, (), {}, {"queue": "fast"}), {"queue": "fast"}, by)

    by.router.queues["fast"] = Queue("fast")

    assert not form.fits({"queue": "fast"})


def test_a_form_with_a_chord_does_not_last():
    by = sender()

    assert not Form.of(made(by, (), {}, {"chord": CHORD}), {"chord": CHORD}, by).lasting


def test_a_copy_of_a_message_with_changes_is_known_to_be_like_no_other():
    by = sender()
    sample = made(by, (), {}, {})
    Form.of(sample, {}, by)

    assert sample.likeness is not None
    assert replace(sample, priority=3).likeness is None
