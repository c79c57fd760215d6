"""Events in Celery's fields, and the clock they carry."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from celeriac.domain.cluster import events
from celeriac.domain.cluster.events import Source
from celeriac.domain.cluster.logical_clock import LogicalClock
from celeriac.domain.cluster.speech import BusMessage
from celeriac.domain.messaging.message import TaskMessage

NODE = Source("w1@h1", 0.0, 7)


def test_an_event_has_the_common_fields_and_its_own():
    said = events.event("task-started", NODE, 12.5, 3, {"uuid": "t"})

    assert said == {
        "hostname": "w1@h1",
        "utcoffset": 0.0,
        "pid": 7,
        "clock": 3,
        "uuid": "t",
        "timestamp": 12.5,
        "type": "task-started",
    }


def test_a_single_event_travels_under_its_type():
    said = {"type": "worker-elect-ack", "hostname": "w1@h1"}

    assert events.single("celeryev", said) == BusMessage(
        "celeryev", said, "worker.elect.ack", {"hostname": "w1@h1"}
    )


def test_many_events_travel_as_lists():
    said = [{"type": "task-started", "hostname": "w1@h1", "uuid": str(n)} for n in range(150)]

    first, second = events.batched("celeryev", "task", said)

    assert first.key == second.key == "task.multi"
    assert [*first.body, *second.body] == said


def test_both_forms_are_read():
    one = {"type": "task-sent"}

    assert events.events_in(one) == [one]
    assert events.events_in([one, one, "garbage", {"no": "type"}]) == [one, one]
    assert events.events_in("garbage") == []


def test_a_received_task_is_described_by_its_headers():
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    headers = {"argsrepr": "(1,)", "kwargsrepr": "{}", "parent_id": "p", "retries": 2}
    message = TaskMessage("t", "shop.add", b"", eta=noon, headers=headers, queue="q")

    assert events.received(message) == {
        "uuid": "t",
        "name": "shop.add",
        "args": "(1,)",
        "kwargs": "{}",
        "root_id": "t",
        "parent_id": "p",
        "retries": 2,
        "eta": "2026-11-20T12:00:00+00:00",
        "expires": None,
    }
    assert events.sent(message).keys() - events.received(message).keys() == {
        "queue",
        "exchange",
        "routing_key",
    }


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("SUCCESS", ("task-succeeded", {"uuid": "t", "result": "s", "runtime": 2.0})),
        ("FAILURE", ("task-failed", {"uuid": "t", "exception": "s", "traceback": "tb"})),
        ("RETRY", ("task-retried", {"uuid": "t", "exception": "s", "traceback": "tb"})),
        ("REJECTED", ("task-rejected", {"uuid": "t", "requeue": True})),
        ("IGNORED", None),
    ],
)
def test_what_a_task_came_to(state, expected):
    assert events.ended("t", state, "s", "tb", 2.0, requeue=True) == expected


def test_a_terminated_task_names_the_signal():
    assert events.ended("t", "REVOKED", "s", signum="SIGKILL") == (
        "task-revoked",
        {"uuid": "t", "terminated": True, "signum": "SIGKILL", "expired": False},
    )


def test_times_are_moved_to_the_readers_offset():
    said = {"type": "x", "utcoffset": -1.0, "timestamp": 7200.0}

    assert events.localized(said, utcoffset=0.0, received_at=5.0) == {
        "type": "x",
        "utcoffset": -1.0,
        "timestamp": 10800.0,
        "local_received": 5.0,
    }


def test_the_clock_counts_and_catches_up():
    clock = LogicalClock()

    assert clock.forward() == 1
    assert clock.adjust(10) == 11
    assert clock.adjust(3) == 12
    assert clock.adjust("garbage") == 13
