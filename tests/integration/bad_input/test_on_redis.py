"""What may lie in a Redis list: each costs itself, keeps its reason and its bytes, and no worker.

Everything is pushed as a foreign sender would, and the same worker then runs an ordinary task.
"""

from __future__ import annotations

import json
import secrets
from base64 import b64encode
from contextlib import contextmanager

import pytest
import redis

from celeriac import Celeriac
from celeriac.entrypoints.testing import running_worker

pytestmark = pytest.mark.needs_server("redis")
BODY = b"[[1, 2], {}, {}]"


class Works:
    """An app with a running worker, its queue's list, and a look at what was put aside."""

    def __init__(self, url):
        self.prefix = f"bad_{secrets.token_hex(6)}:"
        options = {"global_keyprefix": self.prefix}
        self.app = Celeriac("works", broker=url, backend=url, set_as_current=False)
        self.app.conf.update(
            broker_transport_options=options, result_backend_transport_options=options
        )
        self.app.task(name="add")(lambda x, y: x + y)
        self.app.task(name="length")(len)
        self.client = redis.Redis.from_url(url)

    def push(self, raw):
        self.client.lpush(f"{self.prefix}celery", raw)

    def dead(self):
        return self.app.broker.dead("celery", 10)

    def until_dead(self):
        """Run an ordinary task behind it; return the only dead letter."""
        assert self.app.tasks["add"].delay(1, 2).get(timeout=20) == 3
        (letter,) = self.dead()
        return letter

    def outcome(self, task_id="t"):
        result = self.app.AsyncResult(task_id)
        error = result.get(timeout=20, propagate=False)
        return result.state, type(error).__name__

    def close(self):
        self.app.close()
        for key in list(self.client.scan_iter(f"{self.prefix}*", count=1000)):
            self.client.delete(key)
        self.client.close()


@pytest.fixture
def works(redis_url):
    with place(redis_url) as works, running_worker(works.app, pool="threads"):
        yield works


@contextmanager
def place(url):
    works = Works(url)
    try:
        yield works
    finally:
        works.close()


def envelope(body=BODY, *, headers=(), properties=(), without=(), **fields):
    """Return a message as kombu writes it, but for what is said otherwise."""
    told = {
        "body": b64encode(body).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": "add", "id": "t", "root_id": "t", **dict(headers)},
        "properties": {
            "correlation_id": "t",
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": "celery"},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": secrets.token_hex(8),
            **dict(properties),
        },
        **fields,
    }
    return json.dumps({name: value for name, value in told.items() if name not in without}).encode()


UNREADABLE = {
    "nothing": b"",
    "zeros": b"\x00\x00 no message",
    "noise": bytes(range(256)),
    "cut off": envelope()[:-7],
    "no object": b"[1, 2, 3]",
    "a number": b"5",
    "too deep": b'{"headers":' * 20_000,
    "no headers": envelope(without=["headers"]),
    "headers of another kind": envelope(headers=())[:-1] + b', "headers": "none"}',
    "no properties": envelope(without=["properties"]),
    "no body": envelope(without=["body"]),
    "a body that is no base64": envelope(without=["body"])[:-1] + b', "body": "%%%"}',
    "a content type that is no text": envelope(**{"content-type": 5}),
    "our mark, broken": b'{"celeriac": [1, 2, 3], "x": ',
}


@pytest.mark.parametrize("raw", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_bytes_that_are_no_message_are_put_aside_as_they_are(works, raw):
    works.push(raw)

    letter = works.until_dead()

    assert (letter.reason, letter.raw) == ("undecodable", raw)
    assert letter.detail


def test_ten_megabytes_of_noise_are_put_aside_as_they_are(works):
    raw = secrets.token_bytes(10_000_000)
    works.push(raw)

    letter = works.until_dead()

    assert letter.reason == "undecodable"
    assert letter.raw == raw


def test_a_task_may_be_given_ten_megabytes(works):
    body = json.dumps([["x" * 10_000_000], {}, {}]).encode()
    works.push(envelope(body, headers={"task": "length"}))

    assert works.app.AsyncResult("t").get(timeout=20) == 10_000_000
    assert works.dead() == []


def test_content_that_is_not_accepted_is_never_decoded(works):
    raw = envelope(
        b"cos\nsystem\n(S'true'\ntR.", **{"content-type": "application/x-python-serialize"}
    )
    works.push(raw)

    letter = works.until_dead()

    assert works.outcome() == ("FAILURE", "ContentDisallowed")
    assert (letter.reason, letter.raw) == ("not-accepted", raw)
    assert "accept_content" in letter.detail


def test_a_task_that_nobody_has_registered_is_put_aside_and_said_to_be_unknown(works):
    raw = envelope(headers={"task": "nobody.knows"})
    works.push(raw)

    letter = works.until_dead()

    assert works.outcome() == ("FAILURE", "NotRegistered")
    assert (letter.reason, letter.raw) == ("unknown-task", raw)
    assert "nobody.knows" in letter.detail


EMBEDS = {
    "callbacks": '{"callbacks": "none"}',
    "callbacks of another kind": '{"callbacks": [5]}',
    "errbacks without a task": '{"errbacks": [{"no": "task"}]}',
    "a chain of numbers": '{"chain": [{"task": 5}]}',
    "a chord that is a text": '{"chord": "body"}',
}


@pytest.mark.parametrize("embed", EMBEDS.values(), ids=EMBEDS.keys())
def test_a_signature_that_is_none_is_put_aside_with_the_message(works, embed):
    raw = envelope(f"[[1, 2], {{}}, {embed}]".encode())
    works.push(raw)

    letter = works.until_dead()

    assert works.outcome()[0] == "FAILURE"
    assert (letter.reason, letter.raw) == ("undecodable", raw)


HEADERS = {
    "eta": "someday",
    "expires": "never",
    "timelimit": "long",
    "retries": "many",
    "stamps": 5,
    "stamped_headers": "x",
    "delivery_info": 7,
    "priority": "high",
}


@pytest.mark.parametrize(("name", "value"), HEADERS.items(), ids=HEADERS.keys())
def test_a_header_of_the_wrong_kind_hinders_nobody_else(works, name, value):
    works.push(envelope(headers={name: value}))

    assert works.app.tasks["add"].delay(1, 2).get(timeout=20) == 3
    if put_aside := works.dead():
        assert [letter.reason for letter in put_aside] == ["undecodable"]
    else:
        assert works.outcome()[0] == "SUCCESS"


def test_a_body_that_does_not_decompress_is_put_aside(works):
    raw = envelope(b"no stream", headers={"compression": "application/x-gzip"})
    works.push(raw)

    letter = works.until_dead()

    assert works.outcome()[0] == "FAILURE"
    assert (letter.reason, letter.raw) == ("undecodable", raw)


def test_what_was_put_aside_comes_back_when_it_is_revived(redis_url):
    with place(redis_url) as works:
        works.push(envelope(headers={"task": "late.comer"}))
        with running_worker(works.app, pool="threads"):
            letter = works.until_dead()
        works.app.AsyncResult("t").forget()
        works.app.task(name="late.comer")(lambda x, y: x * y)

        assert works.app.broker.revive("celery", [letter.tag]) == 1

        with running_worker(works.app, pool="threads"):
            assert works.app.AsyncResult("t").get(timeout=20) == 2
        assert works.dead() == []
