"""The same calls sent by Celery 5.7 and from here: the same header tables, properties and bodies.

What chance, the clock or the process decides is compared by its type.
"""

from __future__ import annotations

import json
import pickle
import time
from base64 import b64decode
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import celery
import pytest
from celery._state import _task_stack
from kombu.transport.memory import Channel

import celeriac
from celeriac.adapters.memory import MemoryBroker, MemoryResults, MemoryStore
from celeriac.adapters.redis.envelope import raw_of
from celeriac.entrypoints.testing import running_worker

DATE = datetime(2030, 1, 1, 12, 30, 15, 250, tzinfo=UTC)
#: Decided by chance, the clock or the process.
VARYING = {
    "id", "root_id", "parent_id", "group", "origin", "correlation_id", "reply_to", "delivery_tag",
    "task_id", "group_id", "expiration",
}  # fmt: skip
#: Headers that Celery writes among the properties too, by an oversight.
LEAKS = {"argsrepr", "kwargsrepr", "origin"}
#: Options of a signature that was given its id which only one of the two writes down.
OPTIONAL = {"reply_to", "parent_id", "root_id"}


class Recording(MemoryBroker):
    """Keeps what was published, as the envelopes of the Redis queue."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())
        self.sent: list[dict[str, Any]] = []

    def publish(self, messages, *, deadline, within=None) -> None:
        self.sent += [json.loads(raw_of(message, "0" * 32)) for message in messages]


def add(x, y=0, **more):
    return x + y


class Ours:
    """An app of celeriac's."""

    lib = celeriac

    def __init__(self, **conf: Any) -> None:
        self.broker = Recording()
        self.app = celeriac.Celeriac(
            "c",
            broker=self.broker,
            backend=MemoryResults(self.broker.memory),
            set_as_current=False,
            **conf,
        )
        self.add = self.app.task(name="t.add")(add)

    def sent(self) -> list[dict[str, Any]]:
        self.app.close()
        return self.broker.sent


class Theirs:
    """An app of Celery's."""

    lib = celery

    def __init__(self, **conf: Any) -> None:
        self.app = celery.Celery("c", broker="memory://", set_as_current=False, changes=conf)
        self.add = self.app.task(name="t.add")(add)

    def sent(self) -> list[dict[str, Any]]:
        self.app.close()
        # The transport keeps them for the whole process.
        lines = list(Channel.queues.values())
        return [line.get(block=False) for line in lines for _ in range(line.qsize())]


CALLS = {
    "a plain call": lambda s: s.add.apply_async((2, 3)),
    "delay": lambda s: s.add.delay(2, y=3),
    "a call by name": lambda s: s.app.send_task("t.add", (2,), {"y": 3}),
    "a call by a name unknown here": lambda s: s.app.send_task("t.other", queue="q"),
    "countdown": lambda s: s.add.apply_async((2, 3), countdown=30),
    "eta": lambda s: s.add.apply_async((2, 3), eta=DATE),
    "expires in seconds": lambda s: s.add.apply_async((2, 3), expires=60),
    "expires at a date": lambda s: s.add.apply_async((2, 3), expires=DATE),
    "time limits": lambda s: s.add.apply_async((2, 3), time_limit=9, soft_time_limit=8.5),
    "priority": lambda s: s.add.apply_async((2, 3), priority=3),
    "shadow": lambda s: s.add.apply_async((2, 3), shadow="sh"),
    "headers": lambda s: s.add.apply_async((2, 3), headers={"my": "h", "more": [1]}),
    "a link": lambda s: s.add.apply_async((2, 3), link=s.add.s(8)),
    "links": lambda s: s.add.apply_async((2,), link=[s.add.s(8)], link_error=[s.add.si(9)]),
    "ignore_result": lambda s: s.add.apply_async((2, 3), ignore_result=True),
    "result wanted": lambda s: s.add.apply_async((2, 3), ignore_result=False),
    "retries": lambda s: s.add.apply_async((2, 3), retries=2),
    "delivery mode": lambda s: s.add.apply_async((2, 3), delivery_mode=1),
    "delivery mode by name": lambda s: s.add.apply_async((2, 3), delivery_mode="transient"),
    "delivery mode as always": lambda s: s.add.apply_async((2, 3), delivery_mode="persistent"),
    "delivery mode 0": lambda s: s.add.apply_async((2, 3), delivery_mode=0),
    "properties of other kinds": lambda s: s.add.apply_async((2, 3), message_id="m", app_id="a"),
    "stamps": lambda s: s.add.apply_async((2,), stamped_headers=["a", "b"], a=1, b=["x"]),
    "reply_to": lambda s: s.add.apply_async((2, 3), reply_to="me"),
    "nesting": lambda s: s.add.apply_async((2, 3), replaced_task_nesting=2),
    "argsrepr": lambda s: s.add.apply_async((2, 3), argsrepr="(…)", kwargsrepr="{…}"),
    "deep arguments": lambda s: s.add.apply_async(([[[[1]]]],), {"y": {"b": {"a": {"c": (1,)}}}}),
    "odd arguments": lambda s: s.add.apply_async((["it's", None, True, 2.5, Decimal("1.0")],)),
    "keys out of order": lambda s: s.add.apply_async((), {"x": {"b": [1], "a": {}}}),
    "yaml": lambda s: s.add.apply_async((2, "é"), serializer="yaml"),
    "msgpack": lambda s: s.add.apply_async((2, b"b"), serializer="msgpack"),
    "pickle": lambda s: s.add.apply_async((2, {3}), serializer="pickle"),
    "compression": lambda s: s.add.apply_async((2, 3), compression="zlib"),
    "a signature": lambda s: s.add.s(2).set(priority=4, shadow="sh").apply_async((3,)),
    "a chain": lambda s: (s.add.s(1) | s.add.s(2) | s.add.s(3)).apply_async(),
    "a group": lambda s: s.lib.group([s.add.s(1), s.add.s(2)]).apply_async(),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_is_sent_as_celery_sends_it(call):
    ours, theirs = sent(Ours(), call), sent(Theirs(), call)

    assert [shape(one) for one in ours] == [shape(one) for one in theirs]


SETTINGS = {
    "task_compression": {"task_compression": "bzip2"},
    "task_serializer": {"task_serializer": "yaml"},
    "task_default_priority": {"task_default_priority": 6},
    "task_repr_maxlevels": {"task_repr_maxlevels": 1},
    "task_ignore_result": {"task_ignore_result": True},
    "task_default_delivery_mode": {"task_default_delivery_mode": 1},
    "task_default_delivery_mode by name": {"task_default_delivery_mode": "transient"},
    "task_routes with a delivery_mode": {"task_routes": {"t.add": {"delivery_mode": "transient"}}},
}


@pytest.mark.parametrize("conf", SETTINGS.values(), ids=SETTINGS)
def test_settings_change_a_message_as_they_do_in_celery(conf):
    def call(side):
        side.add.delay(2, y=[[3]])

    assert [shape(one) for one in sent(Ours(**conf), call)] == [
        shape(one) for one in sent(Theirs(**conf), call)
    ]


def test_a_call_overrules_the_default_delivery_mode_as_in_celery():
    def call(side):
        side.add.apply_async((2,), delivery_mode="persistent")
        side.add.apply_async((2,), delivery_mode=2)

    conf = {"task_default_delivery_mode": 1}
    ours, theirs = sent(Ours(**conf), call), sent(Theirs(**conf), call)

    assert [shape(one) for one in ours] == [shape(one) for one in theirs]
    assert [one["properties"]["delivery_mode"] for one in ours] == [2, 2]


def test_an_expiration_is_in_milliseconds_until_then():
    ours, theirs = (
        int(sent(side, CALLS["expires at a date"])[0]["properties"]["expiration"])
        for side in (Ours(), Theirs())
    )

    assert abs(ours - theirs) < 30_000


@pytest.mark.parametrize("length", [1100, 5000])
def test_long_arguments_are_cut_where_celery_cuts_them_or_a_little_before(length):
    def call(side):
        side.add.delay("a" * length, list(range(length)), z={"k": ["b" * length]})

    (ours,), (theirs,) = sent(Ours(), call), sent(Theirs(), call)

    for name in ("argsrepr", "kwargsrepr"):
        mine, other = ours["headers"][name], theirs["headers"][name]
        assert len(mine) <= 1024 <= len(other)
        assert mine[:900] == other[:900]
        assert mine[-2:] == other[-2:]


def test_a_retry_is_sent_as_celery_sends_it():
    options = {"countdown": 0.05, "queue": "later", "priority": 4}
    side, other = Ours(), Theirs()

    def again(self, x, y=0):
        raise self.retry(exc=ValueError("no"), **options)

    side.app.task(name="t.again", bind=True)(again)
    theirs = other.app.task(name="t.again", bind=True)(again)
    headers = {"my": "h"}
    with running_worker(side.app, pool="threads"):
        message = side.app.sending.message(
            "t.again", (2,), {"y": 3}, {"task_id": "i", "root_id": "r", "headers": headers}
        )
        MemoryBroker.publish(side.broker, [message], deadline=5)
        ours = first_of(side.broker)
    request = {"id": "i", "root_id": "r", "args": [2], "kwargs": {"y": 3}, "headers": headers}
    request |= {"origin": ours["headers"]["origin"], "ignore_result": False}
    theirs.push_request(**request, called_directly=False, delivery_info={}, timelimit=[None, None])
    _task_stack.push(theirs)
    with pytest.raises(celery.exceptions.Retry):
        theirs.retry(exc=ValueError("no"), **options)
    _task_stack.pop()

    (their_own,) = other.sent()

    assert shape(ours) == shape(their_own)
    assert (ours["headers"]["id"], ours["headers"]["parent_id"]) == ("i", "i")


def first_of(broker):
    """Wait for a message that a worker publishes; return its envelope."""
    ends = time.monotonic() + 20
    while not broker.sent:
        assert time.monotonic() < ends, "nothing was published"
        time.sleep(0.01)
    return broker.sent[0]


def sent(side, call):
    """Return the messages of a call as envelopes, in the order they were published."""
    call(side)
    return side.sent()


def shape(envelope):
    """Return an envelope with its body decoded, and with what varies replaced by its type."""
    body = b64decode(envelope["body"])
    kind = envelope["content-type"]
    if kind == "application/json" and "compression" not in envelope["headers"]:
        body = json.loads(body)
    if kind == "application/x-python-serialize":  # which tells tuples from lists
        args, kwargs, embed = pickle.loads(body)
        body = [list(args), kwargs, embed]
    properties = {k: v for k, v in envelope["properties"].items() if k not in LEAKS}
    return _typed({**envelope, "body": body, "properties": properties})


def _typed(value, name=""):
    match value:
        case dict() if name == "options":
            return {k: _typed(v, k) for k, v in sorted(value.items()) if k not in OPTIONAL}
        case dict():
            return {key: _typed(item, key) for key, item in value.items()}
        case list():
            return [_typed(item) for item in value]
        case str() if name in VARYING or name in ("eta", "expires"):
            return "a time" if name in ("eta", "expires") else "a text"
        case str() if name == "routing_key":
            return "the queue"
        case _:
            return value
