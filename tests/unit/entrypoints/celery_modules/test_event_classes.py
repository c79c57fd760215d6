"""What monitors derive from: dumpers, and states with workers and tasks of their own classes."""

import io
import logging
import socket
from decimal import Decimal
from typing import ClassVar

import pytest

from celeriac import Celeriac
from celeriac.entrypoints.celery_modules.beat import beat_nodename
from celeriac.entrypoints.celery_modules.events_state import (
    CallableDefaultdict,
    State,
    Task,
    Worker,
    heartbeat_expires,
    with_unique_field,
)
from celeriac.entrypoints.cli.events import Dumper, evdump, humanize_type
from celeriac.entrypoints.library.snapshots import Polaroid

ONLINE = {"hostname": "a@b", "pid": 5, "freq": 2, "timestamp": 100.0, "local_received": 100.0}
SENT = {"uuid": "1", "hostname": "a@b", "name": "shop.sell", "args": "(5,)", "kwargs": "{}"}


def test_a_state_is_made_of_the_classes_it_names():
    class Patient(Worker):
        expire_window, heartbeat_max = 1000, 2

    class Mine(State):
        Worker, Task = Patient, type("Sale", (Task,), {})

    state = Mine()
    for beat in range(3):
        worker, _ = state.worker_event("online", {**ONLINE, "local_received": 100.0 + beat})
    task, created = state.task_event("sent", {**SENT, "timestamp": 1.0, "local_received": 1.0})

    assert (type(worker), worker.heartbeats, worker.heartbeat_expires) == (
        Patient,
        [101.0, 102.0],
        122.0,
    )
    assert (type(task).__name__, created, task.name) == ("Sale", True, "shop.sell")
    assert (state.event_count, State.event_count, Worker.heartbeat_max) == (4, 0, 4)


def test_what_does_not_say_whose_it_is_concerns_nothing():
    assert State().worker_event("online", {}) is None


def test_objects_may_be_equal_by_one_of_their_attributes():
    @with_unique_field("name")
    class Item:
        def __init__(self, name):
            self.name = name

    assert Item("a") == Item("a") != Item("b")
    assert hash(Item("a")) == hash(Item("a"))
    assert Item("a") != "a"


@pytest.mark.parametrize(
    ("kind", "words"),
    [("worker-online", "started"), ("Worker-Offline", "shutdown"), ("task-sent", "task sent")],
)
def test_types_of_events_have_words(kind, words):
    assert humanize_type(kind) == words


def test_heirs_of_the_dumper_write_tasks_as_they_like():
    class Short(Dumper):
        def format_task_event(self, hostname, timestamp, type, task, event):  # noqa: A002
            self.say(f"{type} {task} {timestamp:%H:%M}")

    out = io.StringIO()
    dumper = Short(out)
    dumper.on_event({**SENT, "type": "task-sent", "timestamp": 0})
    dumper.on_event({"type": "worker-online", "hostname": "a@b", "timestamp": 0, "pid": 5})

    assert out.getvalue().splitlines() == [
        "task-sent shop.sell(1) args=(5,) kwargs={} 00:00",
        "a@b [1970-01-01 00:00:00+00:00] started: pid=5",
    ]


def test_the_events_of_an_app_are_dumped_until_interrupted():
    lines = []

    def write(line):
        lines.append(line)
        if "shop sold" in line:
            raise KeyboardInterrupt

    with Celeriac("shop", broker="memory://", backend="memory://", set_as_current=False) as app:
        receiver = app.events.Receiver
        sender = app.events.Dispatcher(hostname="a@b")

        class Sending(receiver):
            def on_consume_ready(self, *args, **kwargs):
                sender.send("shop-sold", item=5)

        class Events:
            Receiver = Sending

        with pytest.raises(KeyboardInterrupt):
            evdump(type("App", (), {"events": Events})(), write)

    assert lines[0] == "-> evdump: starting capture..."
    assert "item=5" in lines[-1]


def test_tasks_are_found_by_type_and_worker_as_in_an_index_and_by_a_call():
    state = State()
    for uuid, name in (("1", "sell"), ("2", "buy"), ("3", "sell")):
        times = {"timestamp": float(uuid), "local_received": float(uuid)}
        state.task_event("received", {**SENT, **times, "uuid": uuid, "name": name})

    assert {task.uuid for task in state.tasks_by_type["sell"]} == {"1", "3"}
    assert [uuid for uuid, _ in state.tasks_by_type("sell")] == ["3", "1"]
    assert {task.uuid for task in state.tasks_by_worker["a@b"]} == {"1", "2", "3"}
    assert [uuid for uuid, _ in state.tasks_by_worker("a@b", limit=1)] == ["3"]
    assert (sorted(state.tasks_by_type), len(state.tasks_by_worker)) == (["buy", "sell"], 1)
    assert ("buy" in state.tasks_by_type, state.tasks_by_type["steal"]) == (True, set())


@pytest.fixture
def app():
    with Celeriac("shop", broker="memory://", backend="memory://", set_as_current=False) as app:
        yield app


def test_an_event_goes_to_the_handler_of_its_type_or_to_that_of_the_others(app):
    heard = []
    handlers = {"a-b": lambda event: heard.append(("a-b", event["n"]))}
    receiver = app.events.Receiver(handlers=handlers)

    receiver.process("a-b", {"n": 1})
    receiver.process("a-c", {"n": 2})
    receiver.handlers["*"] = lambda event: heard.append(("*", event["n"]))
    receiver.process("a-c", {"n": 3})

    assert heard == [("a-b", 1), ("*", 3)]


def test_who_waits_for_it_hears_that_events_are_switched(app):
    heard, sender = [], app.events.Dispatcher()
    sender.on_enabled.add(lambda: heard.append("on"))
    sender.on_disabled.add(lambda: heard.append("off"))

    sender.disable()
    sender.disable()
    sender.enable()

    assert heard == ["off", "on"]
    assert app.events.Dispatcher().on_enabled == set()


def test_an_event_may_be_sent_by_a_producer_of_ones_own(app):
    class Producer:
        def publish(self, body, **options):
            self.sent = body, options

    producer = Producer()
    app.events.Dispatcher(hostname="a@b").publish(
        "shop-sold", {"item": 5, "timestamp": 3.0}, producer, retry=True
    )

    body, options = producer.sent
    assert {"type": "shop-sold", "item": 5, "timestamp": 3.0, "hostname": "a@b"}.items() <= (
        body.items()
    )
    assert options == {
        "routing_key": "shop.sold",
        "exchange": "celeryev",
        "serializer": "json",
        "headers": {"hostname": "a@b"},
        "retry": True,
    }


def test_what_one_dispatcher_kept_another_one_may_send(app):
    heard = []
    first, second = app.events.Dispatcher(), app.events.Dispatcher()
    first._kept.append("kept")

    second.extend_buffer(first)
    second._bus = lambda: type("Bus", (), {"broadcast": staticmethod(heard.append)})()
    second.flush()

    assert heard == [["kept"]]


def test_a_beat_is_called_as_it_was_told():
    host = socket.gethostname()

    assert beat_nodename() == f"celerybeat@{host}"
    assert beat_nodename("noon@%h") == f"noon@{host}"


def test_a_dispatchers_own_producer_publishes_too(app):
    heard = []
    receiver = app.events.Receiver(handlers={"shop-sold": heard.append})
    dispatcher = app.events.Dispatcher(hostname="a@b")

    capturing = receiver.itercapture(limit=1, timeout=20, wakeup=False)
    dispatcher.publish("shop-sold", {"item": 5}, dispatcher.publisher)

    assert list(capturing) == [1]
    assert (heard[0]["item"], heard[0]["hostname"]) == (5, "a@b")


def test_a_dispatcher_says_nothing_over_brokers_that_its_class_excludes(app):
    class Quiet(type(app.events.Dispatcher())):
        DISABLED_TRANSPORTS = frozenset({"memory"})

    assert not Quiet(app=app).enabled
    assert app.events.Dispatcher().enabled


def test_a_camera_goes_by_the_timer_it_is_given(app):
    class Timer:
        asked: ClassVar = []

        def call_repeatedly(self, seconds, act):
            self.asked.append((seconds, act))
            return self

        def cancel(self):
            self.asked.append("cancelled")

    class Camera(Polaroid):
        taken = 0

        def on_shutter(self, state):
            self.taken += 1

    with Camera(app.events.State(), freq=3, cleanup_freq=7, timer=Timer(), app=app) as camera:
        (often, capture), (seldom, _) = Timer.asked
        capture()
        capture()

    assert (often, seldom, Timer.asked[2:]) == (3, 7, ["cancelled"] * 2)
    assert camera.taken == 3  # and a last one


def test_a_clock_that_differs_is_told_of_once(caplog):
    worker = Worker("a@b")

    with caplog.at_level(logging.WARNING, "celery.events.state"):
        for heard in (200.0, 202.0):
            worker.event("heartbeat", heard - 100, heard, {"freq": 5})

    assert (worker.hostname, worker.heartbeats, worker.freq) == ("a@b", [200.0, 202.0], 5)
    (record,) = caplog.records
    assert "a@b differs from the one here" in record.getMessage()


def test_heirs_say_what_late_events_add_and_know_events_of_their_own():
    class Sale(Task):
        merge_rules: ClassVar = {"RECEIVED": ("name",)}

    task = Sale("u")
    task.event("started", 2.0, 2.0, {})
    task.event("received", 1.0, 1.0, {"name": "sell", "args": "(1,)"})
    other = Task("v")
    other.event("paid", 1.0, task_event_to_state={"paid": "SUCCESS"}.get)

    assert (task.state, task.name, task.args) == ("STARTED", "sell", None)
    assert (other.state, other.ready) == ("SUCCESS", True)


def test_a_state_may_begin_with_what_is_known():
    task = Task("u", name="sell", clock=3)
    state = State(workers={"a@b": Worker("a@b", heartbeats=[5.0])}, tasks={"u": task})

    assert (list(state.workers), list(state.tasks_by_time())) == (["a@b"], [("u", task)])
    assert (state.workers["a@b"].heartbeats, state.task_types()) == ([5.0], ["sell"])


def test_a_mapping_may_be_called():
    index = CallableDefaultdict(lambda name: f"called {name}", list)

    assert (index("x"), index["y"]) == ("called x", [])
    with pytest.raises(KeyError):
        CallableDefaultdict(print)["z"]


def test_heartbeats_may_be_kept_as_decimals():
    assert heartbeat_expires(Decimal(5), Decimal(2)) == 9.0
