"""Whatever is said on the channel of remote control, workers live on and answer, in each pool."""

from __future__ import annotations

import base64
import json
from urllib.parse import urlsplit

import pytest
import redis

pytestmark = pytest.mark.needs_server("redis")

POOLS = {"prefork": "a@h", "threads": "b@h", "asyncio": "c@h"}


def envelope(body: bytes, content_type: str = "application/json") -> bytes:
    said = {
        "body": base64.b64encode(body).decode(),
        "content-type": content_type,
        "content-encoding": "utf-8",
        "headers": {"clock": "noon", "expires": None},
        "properties": {"body_encoding": "base64", "delivery_tag": "t", "delivery_info": {}},
    }
    return json.dumps(said).encode()


GARBAGE = (
    *(b"", b"\xff\xfe", b"{", b"[]", b"5", b"null", b'{"body": 5}', b'{"body": "%%%"}'),
    envelope(b"{"),
    envelope(b"[" * 10_000),
    envelope(b"\x80\x04\xff", "application/x-python-serialize"),
    *(
        envelope(json.dumps(body).encode())
        for body in (
            None,
            [],
            {"method": 5},
            {"method": "ping", "arguments": [1]},
            {"method": "ping", "arguments": {"state": 1}},
            {"method": "no_such_command"},
            {"method": "revoke", "arguments": {"task_id": {"a": 1}}},
            {"method": "time_limit", "arguments": {"task_name": "site.add", "hard": "soon"}},
            {"method": "ping", "destination": 5},
            {"method": "ping", "pattern": "(", "matcher": "pcre"},
            {"method": "ping", "reply_to": {"exchange": 5, "routing_key": []}, "ticket": {}},
        )
    ),
)


@pytest.fixture(scope="module")
def workers(site):
    return {
        node: site.worker("celeriac", node, "-P", pool, "-c", "1") for pool, node in POOLS.items()
    }


def test_workers_of_each_pool_survive_garbage_and_answer(site, workers):
    database = urlsplit(site.url).path.removeprefix("/") or "0"
    with redis.Redis.from_url(site.url) as client:
        heard = [client.publish(f"{site.prefix}/{database}.celery.pidbox", one) for one in GARBAGE]

    answers = site.asked("celeriac", "inspect", "-t", "10", "-d", ",".join(workers), "ping")

    assert min(heard) >= len(workers)
    assert answers == {node: {"ok": "pong"} for node in workers}
    assert site.script(
        "celeriac", "from site_app import add; print(add.delay(2, 3).get(timeout=20))"
    )


def test_workers_of_each_pool_explain_a_rate_they_cannot_read(site, workers):
    answers = site.asked("celeriac", "control", "-t", "10", "rate_limit", "site.add", "10/x")

    errors = {node: said["error"] for answer in answers for node, said in answer.items()}
    assert set(errors) == set(workers)
    assert all("10/x" in error for error in errors.values())
