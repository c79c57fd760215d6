"""Celery's own programs look at our workers, steer them and hear their events."""

from __future__ import annotations

from importlib import util

import pytest

from tests.integration.control.site import eventually

pytestmark = [
    pytest.mark.needs_server("redis"),
    pytest.mark.skipif(util.find_spec("celery") is None, reason="Celery is not installed"),
]

NODE = "ours@h"

INSPECT = """
import json
from site_app import app, nap
running = nap.delay(20)
held = [nap.delay(20), nap.delay(20)]
inspect = app.control.inspect(["ours@h"], timeout=5)
import time
for _ in range(100):
    active = inspect.active()["ours@h"]
    if active and active[0]["time_start"]: break
    time.sleep(0.1)
found = {
    name: getattr(inspect, name)()
    for name in "ping active reserved scheduled registered revoked stats active_queues "
    "clock conf report".split()
}
found["safe"] = inspect.active(safe=True)
found["attributes"] = inspect.registered("max_retries", "nothing")
found["query"] = inspect.query_task(running.id, held[0].id, "unknown")
found["defaults"] = inspect.conf(with_defaults=True)
found["memsample"] = inspect.memsample()
found["hello"] = inspect.hello("other@h", ["r1", "r2"])
found["unknown"] = inspect._request("no_such_command")
found["pattern"] = app.control.broadcast(
    "ping", reply=True, pattern="our*", matcher="glob", timeout=5, limit=1)
found["elsewhere"] = app.control.broadcast("ping", reply=True, destination=["no@h"], timeout=0.5)
found["revoke"] = app.control.revoke(
    [one.id for one in held], reply=True, timeout=5, limit=1)
found["terminate"] = app.control.revoke(
    [running.id], terminate=True, signal="SIGKILL", reply=True, timeout=5, limit=1)
found["ids"] = [running.id, *(one.id for one in held)]
found["ends"] = []
for one in (running, *held):
    for _ in range(150):
        if one.state == "REVOKED": break
        time.sleep(0.1)
    found["ends"].append(one.state)
found["revoked_then"] = inspect.revoked()
print(json.dumps({k: v[NODE] if isinstance(v, dict) else v for k, v in found.items()}))
"""


@pytest.fixture(scope="module")
def found(site):
    """What Celery's client learns of a worker of ours that is busy."""
    site.worker("celeriac", NODE, "-P", "prefork", "-c", "1", "--prefetch-multiplier", "2")
    return site.script("celery", f"NODE = {NODE!r}\n{INSPECT}")


def test_a_worker_says_that_it_is_there(found):
    assert found["ping"] == {"ok": "pong"}
    assert found["pattern"] == [{NODE: {"ok": "pong"}}]
    assert found["elsewhere"] == []
    assert found["clock"]["clock"] > 0


def test_what_runs_is_shown_in_celerys_fields(found):
    (active,) = found["active"]
    running = found["ids"][0]

    assert active["id"] == running
    assert active["name"] == active["type"] == "site.nap"
    assert (active["args"], active["kwargs"]) == ([20], {})
    assert active["hostname"] == NODE
    assert active["time_start"] > 1e9
    assert active["worker_pid"] in found["stats"]["pool"]["processes"]
    assert active["acknowledged"] is True
    assert active["delivery_info"] == {
        "exchange": "",
        "routing_key": "jobs",
        "priority": 0,
        "redelivered": False,
    }
    assert [one["args"] for one in found["safe"]] == ["(20,)"]


def test_what_waits_is_shown(found):
    running, held, *_ = found["ids"]

    assert [one["id"] for one in found["reserved"]] == [held]
    assert found["scheduled"] == []
    assert {id_: where for id_, (where, _) in found["query"].items()} == {
        running: "active",
        held: "reserved",
    }


def test_tasks_known_there_are_listed(found):
    assert found["registered"] == ["site.add", "site.fail", "site.nap"]
    assert found["attributes"] == [
        "site.add [max_retries=3]",
        "site.fail [max_retries=3]",
        "site.nap [max_retries=1]",
    ]


def test_statistics_have_celerys_shape(found):
    stats = found["stats"]

    assert stats["total"]["site.nap"] >= 2
    assert isinstance(stats["pid"], int)
    assert stats["clock"].isdigit()
    assert stats["pool"]["max-concurrency"] == 1
    assert stats["pool"]["implementation"].endswith(":PreforkPool")
    assert stats["broker"]["transport"] == "redis"
    assert stats["prefetch_count"] == 2
    assert stats["rusage"]["maxrss"] > 0


def test_queues_are_described_as_kombu_does(found):
    (queue,) = found["active_queues"]

    assert (queue["name"], queue["routing_key"]) == ("jobs", "jobs")
    assert queue["exchange"]["type"] == "direct"
    assert {"queue_arguments", "no_ack", "bindings", "max_priority"} <= queue.keys()


def test_settings_and_versions_are_shown(found):
    assert found["conf"]["task_default_queue"] == "jobs"
    assert "broker_heartbeat" not in found["conf"]
    assert found["defaults"]["broker_heartbeat"] == 120
    assert "celeriac" in found["report"]["ok"]


def test_errors_come_as_celerys(found):
    assert found["unknown"] == {"error": "KeyError('no_such_command')"}
    assert found["memsample"] == {"error": "ImportError('Requires the psutil library')"} or (
        found["memsample"].endswith("MB")
    )


def test_revoked_ids_are_exchanged(found):
    assert found["revoked"] == []
    assert found["hello"]["revoked"] == ["r1", "r2"]
    assert found["hello"]["clock"] > found["clock"]["clock"]


def test_tasks_are_ended_where_they_run_and_taken_out_where_they_wait(found):
    running, *held = found["ids"]

    assert found["terminate"] == [{NODE: {"ok": f"terminate: {running}"}}]
    assert found["revoke"] in (
        [{NODE: {"ok": f"tasks {ids} flagged as revoked"}}]
        for ids in ("{" + f"{a!r}, {b!r}" + "}" for a, b in (held, held[::-1]))
    )
    assert found["ends"] == ["REVOKED"] * 3
    assert set(found["revoked_then"]) == {"r1", "r2", running, *held}


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("rate_limit site.add 10/m", {"ok": "new rate limit set successfully"}),
        ("rate_limit site.add 0", {"ok": "new rate limit set successfully"}),
        ("rate_limit site.nothing 1/s", {"error": "unknown task"}),
        ("time_limit site.nap 50 60", {"ok": "time limits set successfully"}),
        ("autoscale 3 1", {"error": "ValueError('Autoscale not enabled')"}),
        ("pool_restart", {"error": "ValueError('Pool restarts not enabled')"}),
        ("disable_events", {"ok": "task events disabled"}),
        ("enable_events", {"ok": "task events enabled"}),
        ("heartbeat", None),
    ],
)
def test_celerys_control_command_is_answered(site, found, words, answer):
    assert site.asked("celery", "control", *words.split()) == [{NODE: answer}]


def test_a_wrong_rate_limit_is_explained(site, found):
    ((answer),) = site.asked("celery", "control", "rate_limit", "site.add", "10/x")

    assert answer[NODE]["error"].startswith("Invalid rate limit string: ValueError(")


ADD_AND_LEAVE = """
import json
from site_app import app, add
control = app.control
said = dict(timeout=5, limit=1, reply=True)
found = {"added": control.add_consumer("extra", **said)}
found["sum"] = add.apply_async((2, 3), queue="extra").get(timeout=20)
found["queues"] = [q["name"] for q in control.inspect(timeout=5, limit=1).active_queues()[NODE]]
found["grown"] = control.pool_grow(1, **said)
found["slots"] = control.inspect(timeout=5, limit=1).stats()[NODE]["pool"]["max-concurrency"]
found["shrunk"] = control.pool_shrink(1, **said)
found["left"] = control.cancel_consumer("extra", **said)
found["queues_then"] = [
    q["name"] for q in control.inspect(timeout=5, limit=1).active_queues()[NODE]]
print(json.dumps(found))
"""


def test_queues_and_slots_are_added_and_taken_away(site, found):
    assert site.script("celery", f"NODE = {NODE!r}\n{ADD_AND_LEAVE}") == {
        "added": [{NODE: {"ok": "add consumer extra"}}],
        "sum": 5,
        "queues": ["jobs", "extra"],
        "grown": [{NODE: {"ok": "pool will grow"}}],
        "slots": 2,
        "shrunk": [{NODE: {"ok": "pool will shrink"}}],
        "left": [{NODE: {"ok": "no longer consuming from extra"}}],
        "queues_then": ["jobs"],
    }


def test_celerys_inspect_command_prints_it(site, found):
    done = site.command("celery", "inspect", "ping")

    assert done.returncode == 0, done.stderr
    assert f"{NODE}: OK" in done.stdout
    assert "pong" in done.stdout


def test_a_shutdown_ends_the_worker_and_is_not_answered(site):
    output = site.worker("celeriac", "other@h", "-P", "solo")

    done = site.command("celery", "control", "-d", "other@h", "shutdown")

    assert done.returncode == 69
    assert site.exit_code(output) == 0
    eventually(lambda: "Got shutdown from remote" in output.read_text(), output.read_text)
