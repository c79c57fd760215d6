"""Events, from those who send them to those who watch."""

from __future__ import annotations

import threading
import time

import pytest

from celeriac import Celeriac
from celeriac.domain.cluster.speech import Topic
from celeriac.domain.errors import BrokerUnavailable
from celeriac.entrypoints.library.snapshots import Polaroid, evcam
from celeriac.entrypoints.testing import running_worker

NODE = "w1@host"


@pytest.fixture
def app():
    app = Celeriac("shop", broker="memory://", backend="memory://", set_as_current=False)
    app.task(name="add")(add)
    app.task(name="fail")(fail)
    app.task(name="quiet", send_events=False)(add)
    yield app
    app.close()


def add(x, y):
    return x + y


def fail():
    raise ValueError("closed")


class Watcher:
    """Captures events on a thread; `until` waits for one."""

    def __init__(self, app, routing_key="#"):
        self.heard, self._news = [], threading.Condition()
        self.receiver = app.events.Receiver(handlers={"*": self._hear}, routing_key=routing_key)
        self.receiver.itercapture(wakeup=False)  # listens from here on
        self._thread = threading.Thread(target=self._capture, args=(app,))
        self._thread.start()

    def _capture(self, app):
        self.receiver.capture(wakeup=False)

    def _hear(self, event):
        with self._news:
            self.heard.append(event)
            self._news.notify_all()

    def until(self, kind, count=1):
        with self._news:
            assert self._news.wait_for(lambda: len(self.of(kind)) >= count, 20), self.heard
        return self.of(kind)

    def of(self, kind):
        return [event for event in self.heard if event["type"] == kind]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.receiver.close()
        self._thread.join(20)


def test_workers_come_beat_and_go(app):
    with Watcher(app) as watcher:
        with running_worker(app, hostname=NODE, heartbeat_interval=0.05):
            (online,) = watcher.until("worker-online")
            watcher.until("worker-heartbeat", 2)
        (offline,) = watcher.until("worker-offline")

    assert (online["hostname"], online["freq"]) == (NODE, 0.05)
    assert offline["processed"] == offline["active"] == 0
    assert watcher.of("task-received") == []
    clocks = [event["clock"] for event in watcher.heard]
    assert clocks == sorted(clocks)


def test_a_worker_without_heartbeat_says_nothing_but_answers_who_asks(app):
    with (
        Watcher(app) as watcher,
        running_worker(app, hostname=NODE, heartbeat=False, heartbeat_interval=0.01),
    ):
        app.control.heartbeat()
        (beat,) = watcher.until("worker-heartbeat")

    assert (beat["freq"], beat["hostname"]) == (5, NODE)
    assert [event["type"] for event in watcher.heard] == ["worker-heartbeat"]


def test_tasks_are_told_of_once_that_is_asked_for(app):
    with Watcher(app, "task.#") as watcher, running_worker(app, hostname=NODE):
        app.send_task("add", (1, 2)).get(timeout=20)
        assert app.control.enable_events(reply=True, limit=1, timeout=20) == [
            {NODE: {"ok": "task events enabled"}}
        ]
        app.send_task("quiet", (1, 2)).get(timeout=20)
        told = [app.send_task("add", (3, 4)), app.send_task("fail")]
        watcher.until("task-succeeded")
        watcher.until("task-failed")
        app.control.disable_events(reply=True, limit=1, timeout=20)
        app.send_task("add", (5, 6)).get(timeout=20)

    ids = [result.id for result in told]
    assert {event["uuid"] for event in watcher.heard} == set(ids)
    assert [event["type"] for event in watcher.heard if event["uuid"] == ids[0]] == [
        "task-received",
        "task-started",
        "task-succeeded",
    ]
    assert watcher.of("task-failed")[0]["exception"] == "ValueError('closed')"


def test_clients_tell_what_they_send_if_that_is_asked_for(app):
    app.conf.task_send_sent_event = True
    with Watcher(app, "task.sent") as watcher:
        result = app.send_task("add", (1, 2))
        many = app.publish_many(app.signature("add", (n, n)) for n in range(3))
        watcher.until("task-sent", 4)

    assert [event["uuid"] for event in watcher.heard] == [result.id, *(one.id for one in many)]
    assert watcher.heard[0]["queue"] == "celery"
    assert watcher.heard[0]["hostname"].startswith("gen")


def test_a_state_pictures_the_cluster(app):
    state = app.events.State(max_tasks_in_memory=10)
    app.conf.worker_send_task_events = True
    with Watcher(app) as watcher:
        watcher.receiver.handlers["worker-online"] = state.event
        with running_worker(app, hostname=NODE):
            result = app.send_task("add", (1, 2))
            watcher.until("task-succeeded")
            for event in list(watcher.heard):
                state.event(event)
            alive = [worker.hostname for worker in state.alive_workers()]

    assert alive == [NODE]
    assert state.tasks[result.id].state == "SUCCESS"
    assert state.freeze_while(lambda: list(state.tasks), clear_after=True) == [result.id]
    assert not state.workers


def test_receivers_end_when_they_have_heard_enough(app):
    heard = []
    receiver = app.events.Receiver(handlers={"shop-sold": heard.append})
    capturing = receiver.itercapture(limit=2, wakeup=False)
    with app.events.default_dispatcher(hostname="till@shop") as dispatcher:
        for item in range(5):
            dispatcher.send("shop-sold", item=item)

    assert list(capturing) == [1, 2]
    assert [(event["item"], event["hostname"]) for event in heard] == [
        (0, "till@shop"),
        (1, "till@shop"),
    ]
    receiver.close()


def test_receivers_end_when_nothing_comes(app):
    with app.events.Receiver() as receiver, pytest.raises(TimeoutError, match="no event came"):
        receiver.capture(timeout=0.05)


def test_dispatchers_send_only_the_groups_they_are_given(app):
    ear = app.container.bus().subscribe([Topic("celeryev")])
    dispatcher = app.events.Dispatcher(groups=["shop"], hostname="till@shop")

    dispatcher.send("shop-sold", item=1)
    dispatcher.send("task-sent", uuid="t")
    dispatcher.disable()
    dispatcher.send("shop-sold", item=2)
    dispatcher.enable()
    dispatcher.send("shop-sold", item=3, blind=True, timestamp=4.5)

    first, second = (said.body for said in ear.receive(0))
    assert (first["item"], first["type"]) == (1, "shop-sold")
    assert (second["item"], second["timestamp"], second["clock"]) == (3, 4.5, None)


def test_events_are_kept_while_the_store_is_away(app):
    bus, away = app.container.bus(), [True]
    broadcast = bus.broadcast

    def sometimes(messages):
        if away[0]:
            raise BrokerUnavailable("it is away")
        broadcast(messages)

    bus.broadcast = sometimes
    ear = bus.subscribe([Topic("celeryev")])
    dispatcher = app.events.Dispatcher(hostname="till@shop")
    dispatcher.send("shop-sold", item=1)
    with pytest.raises(BrokerUnavailable):
        app.events.Dispatcher(buffer_while_offline=False).send("shop-sold")
    away[0] = False

    dispatcher.flush()

    assert [said.body["item"] for said in ear.receive(0)] == [1]


def test_an_event_exchange_of_its_own_keeps_sites_apart(app):
    app.conf.event_exchange = "other"
    ear = app.container.bus().subscribe([Topic("other"), Topic("celeryev")])

    app.events.Dispatcher().send("shop-sold")

    assert [said.channel for said in ear.receive(0)] == ["other"]


class Camera(Polaroid):
    pictures: list[int]
    cleanups = 0

    def on_shutter(self, state):
        self.pictures.append(state.event_count)

    def on_cleanup(self):
        type(self).cleanups += 1


def test_a_camera_takes_pictures_again_and_again(app):
    Camera.pictures = []
    state = app.events.State()
    state.event({"type": "worker-online", "hostname": NODE})
    camera = Camera(state, freq=0.01, cleanup_freq=0.01, app=app)
    with camera:
        end = time.monotonic() + 20
        while len(Camera.pictures) < 2 or not Camera.cleanups:
            assert time.monotonic() < end
            time.sleep(0.005)

    assert set(Camera.pictures) == {1}


def test_a_camera_takes_no_more_pictures_than_it_may(app):
    Camera.pictures = []
    camera = Camera(app.events.State(), maxrate="1/h", app=app)

    for _ in range(5):
        camera.capture()

    assert len(Camera.pictures) == 1


def test_a_camera_pictures_what_is_heard(app):
    Camera.pictures = []
    bus, dispatcher = app.container.bus(), app.events.Dispatcher()
    over = threading.Event()

    def sell():
        while not over.wait(0.01):
            dispatcher.send("shop-sold")

    selling = threading.Thread(target=sell)
    selling.start()
    try:
        evcam(f"{__name__}:Camera", app=app, limit=3)
    finally:
        over.set()
        selling.join(20)
        bus.close()

    assert Camera.pictures[-1] >= 3
