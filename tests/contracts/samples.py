"""Values the suites are written with, and how several threads do a thing at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest

from celeriac.domain.canvas.chords import ChordPart, Contribution
from celeriac.domain.cluster.speech import BusMessage
from celeriac.domain.messaging.delivery import Delivery
from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.messaging.payload import Payload
from celeriac.domain.tasks.builtin_names import JOIN_CHORD
from celeriac.domain.tasks.result_record import ResultRecord

JOBS = "jobs"
#: Where completions of chords go.
JOINS = "joins"
#: Seconds a publisher gives the store; no test depends on its length.
SOON = 5.0


def message(task_id, queue=JOBS, **fields):
    """Return a message that reaches its queue by name."""
    body = b'[["' + task_id.encode() + b'"], {}, {}]'
    return TaskMessage(task_id, "tasks.add", body, queue=queue, routing_key=queue, **fields)


def messages(count, queue=JOBS, prefix="m", **fields):
    """Return some messages; their ids sort as they stand."""
    return [message(f"{prefix}{number:03}", queue, **fields) for number in range(count)]


def later(place, seconds):
    """Return the time so many seconds from the place's present."""
    return place.clock.now() + timedelta(seconds=seconds)


def publish(broker, *sent):
    """Publish messages."""
    broker.publish(sent, deadline=SOON)


def claim(broker, *queues, limit=100):
    """Claim without waiting."""
    return list(broker.claim(queues or (JOBS,), limit, 0))


def claim_one(broker, *queues):
    """Claim the one message there is."""
    (delivery,) = claim(broker, *queues)
    return delivery


def ids(deliveries):
    """Return the task ids of deliveries or messages, in their order."""
    return [one.message.id if isinstance(one, Delivery) else one.id for one in deliveries]


def payload(text):
    """Return an encoded text."""
    return Payload(b'"' + text.encode() + b'"')


def record(task_id, state="SUCCESS", text="done", done=None, **fields):
    """Return a result record."""
    return ResultRecord(task_id, state, payload(text), date_done=done, **fields)


def part(task_id, index=0, size=2, group="g", state="SUCCESS"):
    """Return a chord part."""
    return ChordPart(group, task_id, index, size, state, payload(task_id))


def said(channel, *bodies, key="", **headers):
    """Return messages of a bus's channel."""
    return [BusMessage(channel, body, key, headers) for body in bodies]


def contribution(task_id, index=0, size=2, group="g", queue=JOINS):
    """Return a chord part with the message that is published if it is the last."""
    join = message(f"join-{group}-{task_id}", queue)
    return Contribution(part(task_id, index, size, group), replace(join, task=JOIN_CHORD))


def require(client, capability):
    """Skip the test where the adapter says it cannot; that it refuses is a test of its own."""
    if not getattr(client.capabilities, capability):
        pytest.skip(f"it cannot: {capability}")


def require_crowds(place):
    """Skip the test where the store is a double that bears no crowds."""
    if not place.bears_crowds:
        pytest.skip("its store is a double: slow with hundreds of messages, unlocked for threads")


def at_once(actions):
    """Do all actions in threads that begin at the same moment; return what they returned."""
    barrier = Barrier(len(actions))

    def begin(action):
        barrier.wait(timeout=30)
        return action()

    with ThreadPoolExecutor(len(actions)) as threads:
        return list(threads.map(begin, actions))
