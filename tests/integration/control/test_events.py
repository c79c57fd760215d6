"""Events cross over: a receiver of Celery's hears our worker, ours hears Celery's."""

from __future__ import annotations

from importlib import util

import pytest

pytestmark = [
    pytest.mark.needs_server("redis"),
    pytest.mark.skipif(util.find_spec("celery") is None, reason="Celery is not installed"),
]

COMMON = {"type", "timestamp", "hostname", "utcoffset", "pid", "clock", "local_received"}
CALL = {"uuid", "name", "args", "kwargs", "root_id", "parent_id", "retries", "eta", "expires"}
ALIVE = {"freq", "active", "processed", "loadavg", "sw_ident", "sw_ver", "sw_sys"}
FIELDS = {
    "task-sent": CALL | {"queue", "exchange", "routing_key"},
    "task-received": CALL,
    "task-started": {"uuid"},
    "task-succeeded": {"uuid", "result", "runtime"},
    "task-failed": {"uuid", "exception", "traceback"},
    "task-retried": {"uuid", "exception", "traceback"},
    "task-revoked": {"uuid", "terminated", "signum", "expired"},
    "worker-heartbeat": ALIVE,
}

WATCH = """
import json, threading, time
from contextlib import nullcontext
from site_app import app, add, fail, nap
heard, state = [], app.events.State()
def hear(event):
    state.event(dict(event))
    heard.append(dict(event))
listening = threading.Event()
wanted = {
    "task-sent", "task-received", "task-started", "task-succeeded", "task-failed", "task-retried",
    "task-revoked", "worker-heartbeat"
}
def listen():
    with getattr(app, "connection", nullcontext)() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": hear})
        ends = time.monotonic() + 25
        try:
            for _ in receiver.itercapture(limit=None, timeout=25, wakeup=True):
                beats = [e for e in heard if e["type"] == "worker-heartbeat" and "active" in e]
                if wanted <= {e["type"] for e in heard} and beats and done.is_set():
                    break
                if time.monotonic() > ends:
                    break
        except Exception as stopped:
            print(repr(stopped))
done = threading.Event()
thread = threading.Thread(target=listen)
thread.start()
for _ in range(200):
    if any(e["type"] == "worker-heartbeat" for e in heard): break
    time.sleep(0.05)
ids = [add.delay(2, 3).id, fail.delay().id, nap.delay(0.1, again=True).id]
ids.append(nap.apply_async((0,), expires=-5).id)
app.AsyncResult(ids[2]).get(timeout=20)
running = nap.delay(20)
ids.append(running.id)
for _ in range(200):
    if any(e["type"] == "task-started" and e["uuid"] == running.id for e in heard): break
    time.sleep(0.05)
app.control.revoke(running.id, terminate=True, signal="SIGKILL")
for _ in range(200):
    if any(e["type"] == "task-revoked" and e["uuid"] == running.id for e in heard): break
    time.sleep(0.05)
done.set()
thread.join(30)
states = {task.uuid: task.state for task in state.tasks.values()}
print(json.dumps({
    "heard": heard,
    "ids": ids,
    "states": [states.get(i) for i in ids],
    "alive": [w.hostname for w in state.alive_workers()],
}))
"""


@pytest.fixture(scope="module", params=["ours", "theirs"])
def found(site, request):
    """What a receiver hears of a worker of the other kind."""
    mine, other = ("celery", "celeriac") if request.param == "ours" else ("celeriac", "celery")
    node = f"{request.param}@h"
    output = site.worker(other, node, "-P", "prefork", "-c", "1")
    heard = site.script(mine, WATCH)
    site.stop(output)
    return {**heard, "node": node}


def of(found, kind, number=None):
    """Return the events of a type, those of one task if a number is given."""
    return [
        event
        for event in found["heard"]
        if event["type"] == kind and (number is None or event["uuid"] == found["ids"][number])
    ]


def test_every_event_has_every_field(found):
    for kind, fields in FIELDS.items():
        events = of(found, kind)
        assert events, f"no {kind} was heard"
        missing = (COMMON | fields) - set().union(*events)
        assert not missing, f"{kind} lacks {missing}"


def test_tasks_are_followed_to_their_ends(found):
    assert found["states"] == ["SUCCESS", "FAILURE", "SUCCESS", "REVOKED", "REVOKED"]


def test_results_and_errors_are_told_as_texts(found):
    (succeeded,), (failed,) = of(found, "task-succeeded", 0), of(found, "task-failed", 1)

    assert succeeded["result"] == "5"
    assert 0 <= succeeded["runtime"] < 10
    assert failed["exception"] == "ValueError('the site is closed')"
    assert failed["traceback"].startswith("Traceback")


def test_why_a_task_was_revoked_is_told(found):
    (expired,), (terminated,) = of(found, "task-revoked", 3), of(found, "task-revoked", 4)

    assert (expired["expired"], expired["terminated"]) == (True, False)
    assert (terminated["expired"], terminated["terminated"]) == (False, True)
    assert terminated["signum"] in (9, "9", "SIGKILL")


def test_a_call_is_described(found):
    (received,) = of(found, "task-received", 0)

    assert received["name"] == "site.add"
    assert (received["args"], received["kwargs"]) == ("(2, 3)", "{}")
    assert received["root_id"] == found["ids"][0]
    assert received["retries"] == 0


def test_the_worker_is_seen_alive(found):
    node = found["node"]

    beats = [event for event in of(found, "worker-heartbeat") if "active" in event]
    assert {event["hostname"] for event in beats} == {node}
    assert all(event["freq"] == 2.0 and len(event["loadavg"]) == 3 for event in beats)
    assert found["alive"] == [node]
