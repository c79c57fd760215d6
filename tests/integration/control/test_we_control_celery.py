"""Our `app.control` and command line look at Celery's workers and steer them."""

from __future__ import annotations

from importlib import util

import pytest

pytestmark = [
    pytest.mark.needs_server("redis"),
    pytest.mark.skipif(util.find_spec("celery") is None, reason="Celery is not installed"),
]

NODE = "theirs@h"

LOOK = """
import json, time
from site_app import app, nap
running, held = nap.delay(20), nap.delay(20)
inspect = app.control.inspect(timeout=5, limit=1)
for _ in range(100):
    active = inspect.active()[NODE]
    if active: break
    time.sleep(0.1)
found = {
    name: getattr(inspect, name)()[NODE]
    for name in "ping active reserved scheduled registered stats active_queues clock conf report "
    "revoked".split()
}
found["query"] = inspect.query_task(running.id)[NODE]
found["alone"] = app.control.inspect(NODE, timeout=5).ping()
found["pattern"] = app.control.inspect(pattern="their*", matcher="glob", timeout=5, limit=1).ping()
found["nobody"] = app.control.inspect(["no@h"], timeout=0.3).ping()
heard = []
app.control.broadcast("ping", reply=True, timeout=5, limit=1, callback=heard.append)
found["heard"] = heard
said = dict(reply=True, timeout=5, limit=1)
found["limited"] = app.control.rate_limit("site.add", "10/m", **said)
found["timed"] = app.control.time_limit("site.nap", soft=50, hard=60, **said)
found["added"] = app.control.add_consumer("extra", **said)
found["left"] = app.control.cancel_consumer("extra", **said)
found["events"] = app.control.enable_events(**said)
found["revoked_held"] = app.control.revoke(held.id, **said)
found["terminated"] = app.control.terminate(running.id, signal="SIGKILL", **said)
found["ids"] = [running.id, held.id]
found["states"] = []
for one in (running, held):
    for _ in range(150):
        if one.state == "REVOKED": break
        time.sleep(0.1)
    found["states"].append(one.state)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(site):
    """What our client learns of a worker of Celery's that is busy."""
    site.worker("celery", NODE, "-P", "prefork", "-c", "1")
    return site.script("celeriac", f"NODE = {NODE!r}\n{LOOK}")


def test_what_celerys_worker_says_is_understood(found):
    running, _ = found["ids"]

    assert found["ping"] == {"ok": "pong"}
    assert [one["id"] for one in found["active"]] == [running]
    assert found["query"][running][0] == "active"
    assert "site.nap" in found["registered"]
    assert found["stats"]["pool"]["max-concurrency"] == 1
    assert [queue["name"] for queue in found["active_queues"]] == ["jobs"]
    assert found["conf"]["task_default_queue"] == "jobs"
    assert found["clock"]["clock"] > 0


def test_nodes_are_chosen_by_name_and_by_pattern(found):
    assert found["alone"] == {"ok": "pong"}
    assert found["pattern"] == found["heard"][0] == {NODE: {"ok": "pong"}}
    assert found["nobody"] is None


def test_celerys_worker_does_as_it_is_told(found):
    running, _ = found["ids"]
    answers = ("limited", "timed", "added", "left", "events", "terminated")

    assert [found[name][0][NODE] for name in answers] == [
        {"ok": "new rate limit set successfully"},
        {"ok": "time limits set successfully"},
        {"ok": "add consumer extra"},
        {"ok": "no longer consuming from extra"},
        {"ok": "task events already enabled"},
        {"ok": f"terminate: {running}"},
    ]
    assert "flagged as revoked" in found["revoked_held"][0][NODE]["ok"]
    assert found["states"] == ["REVOKED", "REVOKED"]


def test_our_inspect_command_prints_it(site, found):
    done = site.command("celeriac", "inspect", "registered", "max_retries")

    assert done.returncode == 0, done.stderr
    assert f"{NODE}: OK" in done.stdout
    assert "* site.nap [max_retries=1]" in done.stdout
    assert "1 node online." in done.stdout


def test_our_control_command_speaks_json(site, found):
    assert site.asked("celeriac", "control", "rate_limit", "site.add", "5/m") == [
        {NODE: {"ok": "new rate limit set successfully"}}
    ]


def test_asking_leaves_nothing_behind(site, found):
    import redis

    with redis.Redis.from_url(site.url) as client:
        left = list(client.scan_iter(f"{site.prefix}*reply.celery.pidbox*"))

    assert left == []


def test_our_shutdown_ends_celerys_worker(site, found):
    done = site.command("celeriac", "control", "--timeout", "0.5", "shutdown")

    assert done.returncode == 69
    assert "no worker answered" in done.stderr
    assert site.exit_code(site.first) == 0
