"""What monitors import of Celery: events, their state, and the table of commands."""

import json
import pickle
import subprocess
import sys

from celeriac import Celeriac
from celeriac.domain.messaging.queues import Exchange
from celeriac.entrypoints.celery_modules import events, events_state, worker_control

IMPORTS = """
import json
import celeriac
celeriac.install_as_celery()
from celery.events import Event, EventReceiver
from celery.events.dispatcher import EventDispatcher
from celery.events.dumper import Dumper
from celery.events.receiver import EventReceiver as same
from celery.events.snapshot import Polaroid
from celery.events.state import State, Task, Worker
from celery.app.control import Inspect
from celery.worker.control import Panel, control_command
assert EventReceiver is same
print(json.dumps(sorted(Panel.meta)))
"""


def test_they_are_imported_by_celerys_names():
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS], capture_output=True, text=True, timeout=50, check=True
    )

    assert {"ping", "revoke", "hello", "pool_grow"} <= set(json.loads(done.stdout))


def test_an_event_is_a_mapping_with_a_time():
    made = events.Event("shop-sold", {"a": 1}, b=2)

    assert made.pop("timestamp") > 1e9
    assert made == {"type": "shop-sold", "a": 1, "b": 2}
    assert events.Event("x", timestamp=5) == {"type": "x", "timestamp": 5}
    assert events.group_from("task-sent") == "task"
    assert events.get_exchange(name="other") == Exchange("other", "topic")


def test_answers_are_made_as_in_celery():
    assert worker_control.ok(1) == {"ok": 1}
    assert worker_control.nok("no") == {"error": "no"}


def test_a_state_survives_a_monitors_restart():
    class Counting(events_state.State):
        counter = 0

        def event(self, event):
            self.counter += 1
            return super().event(event)

    globals()["Counting"] = Counting
    Counting.__qualname__ = "Counting"
    state = Counting(max_tasks_in_memory=5)
    state.event({"type": "task-received", "uuid": "t", "hostname": "w@h", "name": "add"})
    state.tasks.limit = 3

    kept = pickle.loads(pickle.dumps(state))
    (worker, created), subject = kept.event({"type": "worker-online", "hostname": "w@h"})

    assert kept.counter == 2
    assert kept.tasks.limit == 3
    assert kept.tasks["t"].as_dict().keys() == set(events_state.Task._fields)
    assert (worker.hostname, created, subject) == ("w@h", False, "online")
    assert set(events_state.Worker._fields) <= set(dir(worker))


def test_a_receiver_without_an_app_is_the_current_apps():
    with Celeriac("current", broker="memory://"), events.EventReceiver() as receiver:
        assert receiver.app.main == "current"
