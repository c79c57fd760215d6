"""What a task knows of its own call."""

from datetime import UTC, datetime

import pytest

from celeriac.application.context import RUNNING, Context, of_message, running
from celeriac.domain.messaging.message import TaskMessage

#: Celery 5.7's attributes of a request and what they are when nothing is set.
CELERYS = {
    **dict.fromkeys(
        "args callbacks chain chord correlation_id delivery_info errbacks eta expires group "
        "group_index headers hostname id kwargs logfile loglevel origin parent_id properties "
        "reply_to root_id shadow taskset timelimit time_limit soft_time_limit utc stamped_headers "
        "stamps".split()
    ),
    "called_directly": True,
    "ignore_result": False,
    "is_eager": False,
    "retries": 0,
    "replaced_task_nesting": 0,
}


@pytest.mark.parametrize(("name", "value"), CELERYS.items())
def test_every_attribute_of_celerys_answers_outside_a_task(name, value):
    assert getattr(Context(), name) == value


def test_the_request_of_a_message_tells_what_the_message_says():
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    message = TaskMessage(
        "t1",
        "shop.add",
        b"",
        queue="q",
        routing_key="q",
        priority=4,
        eta=noon,
        expires=noon,
        headers={
            "root_id": "r",
            "parent_id": "p",
            "group": "g",
            "group_index": 2,
            "retries": 1,
            "timelimit": [9, 8],
            "shadow": "other",
            "origin": "gen1@host",
            "stamped_headers": ["a"],
            "stamps": {"a": 1},
            "ignore_result": True,
            "tenant": "acme",
        },
        properties={"reply_to": "here"},
    )
    embed = {"callbacks": [1], "errbacks": [2], "chain": [3], "chord": {"c": 4}}

    request = of_message(message, (1,), {"y": 2}, embed, "w@host", redelivered=True)

    assert {name: request.get(name) for name in CELERYS} == {
        "args": [1],
        "kwargs": {"y": 2},
        "callbacks": [1],
        "errbacks": [2],
        "chain": [3],
        "chord": {"c": 4},
        "called_directly": False,
        "correlation_id": "t1",
        "delivery_info": {
            "exchange": "",
            "routing_key": "q",
            "priority": 4,
            "redelivered": True,
        },
        "eta": "2026-01-01T12:00:00+00:00",
        "expires": "2026-01-01T12:00:00+00:00",
        "group": "g",
        "group_index": 2,
        "headers": {"tenant": "acme"},
        "hostname": "w@host",
        "id": "t1",
        "ignore_result": True,
        "is_eager": False,
        "logfile": None,
        "loglevel": None,
        "origin": "gen1@host",
        "parent_id": "p",
        "properties": {"reply_to": "here"},
        "replaced_task_nesting": 0,
        "reply_to": "here",
        "retries": 1,
        "root_id": "r",
        "shadow": "other",
        "stamped_headers": ["a"],
        "stamps": {"a": 1},
        "taskset": None,
        "timelimit": [9, 8],
        "time_limit": 9,
        "soft_time_limit": 8,
        "utc": None,
    }
    assert request.tenant == "acme"


def test_a_message_without_headers_of_the_callers_has_none():
    request = of_message(TaskMessage("t1", "shop.add", b""), (), {}, {}, "w@host", False)

    assert request.headers is None
    assert request.root_id == "t1"


def test_children_are_noted_once_asked_for_and_forgotten_with_the_rest():
    request = Context(id="t1")
    request.children.append("child")
    kept = list(request.children)

    request.clear()

    assert (kept, request.children, request.id) == (["child"], [], None)


def test_nothing_runs_outside_a_task():
    assert running() is None


def test_the_innermost_task_runs():
    outer = RUNNING.set(("outer", Context(id="1"), None))
    inner = RUNNING.set(("inner", Context(id="2"), RUNNING.get()))
    try:
        task, request, around = running()
    finally:
        RUNNING.reset(inner)
        RUNNING.reset(outer)

    assert (task, request.id, around[0]) == ("inner", "2", "outer")
