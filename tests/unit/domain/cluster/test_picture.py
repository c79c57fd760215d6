"""What events tell of workers and tasks."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celeriac.domain.cluster.picture import State


@pytest.fixture
def state():
    return State(now=lambda: 100.0)


_CLOCK = itertools.count(1)


def said(kind, hostname="w1@h1", at=100.0, **fields):
    return {
        "type": kind,
        "hostname": hostname,
        "timestamp": at,
        "local_received": at,
        "clock": next(_CLOCK),
        "pid": 7,
        **fields,
    }


def test_a_worker_is_alive_while_its_heartbeat_is_not_overdue(state):
    state.event(said("worker-online", "a@h", at=97.0, freq=2.0))
    state.event(said("worker-heartbeat", "b@h", at=95.0, freq=2.0))

    assert [worker.hostname for worker in state.alive_workers()] == ["a@h"]
    assert state.workers["b@h"].status_string == "OFFLINE"


def test_a_worker_that_goes_is_forgotten_and_told_of(state):
    joined, left = [], []
    state.on_node_join, state.on_node_leave = joined.append, left.append

    state.event(said("worker-online", "a@h"))
    state.event(said("worker-offline", "a@h"))

    assert [worker.hostname for worker in joined] == ["a@h"]
    assert [worker.hostname for worker in left] == ["a@h"]
    assert not state.workers


def test_a_task_is_followed_from_its_sender_to_its_end(state):
    for kind, fields in (
        ("task-sent", {"hostname": "gen1@h", "name": "add", "args": "(1,)", "queue": "celery"}),
        ("task-received", {"name": "add", "args": "(1,)", "kwargs": "{}", "retries": 0}),
        ("task-started", {}),
        ("task-succeeded", {"result": "2", "runtime": 0.5}),
    ):
        state.event(said(kind, uuid="t", **fields))

    task = state.tasks["t"]
    assert (task.state, task.result, task.client) == ("SUCCESS", "2", "gen1@h")
    assert task.worker.hostname == "w1@h1"
    assert task.info(["name", "result", "exception"]) == {"name": "add", "result": "2"}
    assert state.task_types() == ["add"]
    assert state.task_count == 1


def test_late_events_add_to_a_task_but_undo_nothing(state):
    state.event(said("task-succeeded", uuid="t", at=102.0, result="2"))
    state.event(said("task-received", uuid="t", at=101.0, name="add", args="(1,)"))

    task = state.tasks["t"]
    assert (task.state, task.timestamp, task.name) == ("SUCCESS", 102.0, "add")
    assert task.received == 101.0


def test_a_retry_begins_anew(state):
    state.event(said("task-started", uuid="t"))
    state.event(said("task-retried", uuid="t", exception="E()"))
    state.event(said("task-received", uuid="t", name="add"))

    assert state.tasks["t"].state == "RECEIVED"


def test_tasks_come_by_time_and_by_type_and_by_worker(state):
    for uuid, name, node in (("a", "add", "w1@h"), ("b", "mul", "w2@h"), ("c", "add", "w2@h")):
        state.event(said("task-received", node, uuid=uuid, name=name))

    assert [uuid for uuid, _ in state.tasks_by_time()] == ["c", "b", "a"]
    assert [uuid for uuid, _ in state.tasks_by_time(limit=1, reverse=False)] == ["a"]
    assert [uuid for uuid, _ in state.tasks_by_type("add")] == ["c", "a"]
    assert [uuid for uuid, _ in state.tasks_by_worker("w2@h", limit=1)] == ["c"]


def test_families_are_found(state):
    state.event(said("task-received", uuid="root", name="add", root_id="root"))
    state.event(said("task-received", uuid="t", name="add", parent_id="root", root_id="root"))

    root, child = state.tasks["root"], state.tasks["t"]
    assert child.parent is child.root is root
    assert root.children == {child}


def test_nothing_grows_beyond_its_limit():
    state = State(now=lambda: 0.0, max_workers_in_memory=2, max_tasks_in_memory=3)

    for n in range(20):
        state.event(said("task-received", f"w{n}@h", uuid=str(n), name="add"))

    assert list(state.workers) == ["w18@h", "w19@h"]
    assert [uuid for uuid, _ in state.tasks_by_time()] == ["19", "18", "17"]
    assert len(state._order) <= 12


def test_ended_tasks_are_cleared(state):
    state.event(said("task-succeeded", uuid="done"))
    state.event(said("task-started", uuid="going"))

    state.clear_tasks()

    assert list(state.tasks) == ["going"]


def test_handlers_and_callbacks_see_events(state):
    seen = []
    state.event_callback = lambda state, event: seen.append(event["type"])
    state.handlers["beat"] = lambda subject, event: subject * 2

    assert state.event(said("beat-tick")) == ("ticktick", "tick")
    assert state.event(said("unknown-thing")) is None
    assert seen == ["beat-tick", "unknown-thing"]


@given(
    st.lists(
        st.sampled_from(["received", "started", "succeeded", "failed", "revoked", "strange"]),
        max_size=8,
    )
)
def test_success_is_never_undone_whatever_comes_in_whatever_order(kinds):
    state = State(now=lambda: 0.0)
    state.event(said("task-succeeded", uuid="t"))

    for kind in kinds:
        state.event(said(f"task-{kind}", uuid="t"))

    assert state.tasks["t"].state == "SUCCESS"
