"""Flower from PyPI shows a worker of ours and its tasks."""

from __future__ import annotations

from importlib import util

import pytest

from tests.integration.control.site import eventually, fetched
from tests.servers.processes import free_port

pytestmark = [
    pytest.mark.needs_server("redis"),
    pytest.mark.skipif(util.find_spec("flower") is None, reason="Flower is not installed"),
]

NODE = "ours@h"

SEND = """
import json
from site_app import add, fail
good, bad = add.delay(2, 3), fail.delay()
good.get(timeout=20)
print(json.dumps([good.id, bad.id]))
"""


@pytest.fixture(scope="module")
def worker(site):
    site.worker("celeriac", NODE, "-P", "threads", "-c", "2")


@pytest.fixture(scope="module", params=["celery", "celeriac"])
def flower(site, worker, request):
    """The address of a Flower that knows our worker: a command of Celery's, or of ours."""
    address = f"http://127.0.0.1:{free_port()}"
    port = address.rpartition(":")[2]
    output = site.start(
        request.param, "flower", "--address=127.0.0.1", f"--port={port}", ready=None
    )
    eventually(
        lambda: NODE in (fetched(f"{address}/api/workers?refresh=1") or {}), output.read_text
    )
    return address


def test_flower_shows_the_worker(flower):
    worker = fetched(f"{flower}/api/workers?refresh=1")[NODE]

    assert worker["stats"]["pool"]["max-concurrency"] == 2
    assert [queue["name"] for queue in worker["active_queues"]] == ["jobs"]
    assert "site.add" in [name.partition(" ")[0] for name in worker["registered"]]
    eventually(lambda: fetched(f"{flower}/api/workers?status=1")[NODE], lambda: "it stays offline")


def test_flower_shows_the_tasks(site, flower):
    good, bad = site.script("celeriac", SEND)

    def states():
        seen = fetched(f"{flower}/api/tasks") or {}
        return seen.get(good, {}).get("state"), seen.get(bad, {}).get("state")

    eventually(lambda: states() == ("SUCCESS", "FAILURE"), states)
    task = fetched(f"{flower}/api/tasks")[good]

    assert (task["name"], task["args"], task["result"]) == ("site.add", "(2, 3)", "5")
    assert task["worker"] == NODE
    assert task["received"] <= task["started"] <= task["succeeded"]
