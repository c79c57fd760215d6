"""A worker that cannot use its server says why in one line, without the password, and ends."""

from __future__ import annotations

import pytest

from tests.integration.redis.load import Load
from tests.integration.redis.private import needs_redis_server, server
from tests.servers.processes import free_port

pytestmark = needs_redis_server


def said_by_worker(folder, url, **settings):
    """Return what a worker says last, having ended by itself."""
    with Load(folder, {"broker_url": url, "result_backend": url, **settings}) as load:
        worker = load.worker()
        assert worker.wait(30) > 0
        text = (load.folder / "w0.log").read_text()
    assert "Traceback" not in text
    assert "hush" not in text
    return text.splitlines()[-1]


def test_nobody_there(tmp_path):
    port = free_port()

    said = said_by_worker(tmp_path, f"redis://:hush@127.0.0.1:{port}/0")

    assert f"127.0.0.1:{port}" in said
    assert "refused" in said


def test_a_wrong_password(tmp_path):
    with server("--requirepass", "right") as one:
        said = said_by_worker(tmp_path, one.url.replace("//", "//:hush@"))

    assert "put the right user and password into the URL" in said


def test_a_server_that_evicts_keys(tmp_path):
    with server("--maxmemory", "50mb", "--maxmemory-policy", "volatile-lru") as one:
        said = said_by_worker(tmp_path, one.url)

    assert "maxmemory-policy volatile-lru" in said
    assert "noeviction" in said


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"priority_steps": [3]}, "priority_steps"),
        ({"sep": ""}, "sep="),
        ({"queue_order_strategy": "any"}, "queue_order_strategy"),
    ],
)
def test_an_option_that_cannot_be(tmp_path, options, says):
    url = f"redis://127.0.0.1:{free_port()}"

    said = said_by_worker(tmp_path, url, broker_transport_options=options)

    assert says in said
