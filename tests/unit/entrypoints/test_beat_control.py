"""A beat that answers remote control: ping, while it looks at its schedule."""

import logging
import threading
from heapq import heapify, heappop, heappush

import pytest

from celeriac import Celeriac
from celeriac.adapters.memory import MemoryBroker, VirtualClock
from celeriac.entrypoints.beat import AppBeat, BeatOptions
from celeriac.entrypoints.celery_modules import beat as celery_beat
from tests.waiting import eventually

NODE = "celerybeat@here"


@pytest.fixture
def app():
    with Celeriac("shop", broker="memory://", backend="memory://", set_as_current=False) as app:
        app.conf.beat_max_loop_interval = 0.02
        yield app


@pytest.fixture
def running():
    begun = []

    def run(beat):
        thread = threading.Thread(target=beat.run)
        begun.append((beat, thread))
        beat.start()
        thread.start()
        return beat

    yield run
    for beat, thread in begun:
        beat.stop()
        thread.join(20)
        assert not thread.is_alive()


def answers(app, **options):
    return app.control.ping(timeout=0.5, **options)


def test_a_beat_answers_ping_if_it_is_to(app, running):
    beat = running(AppBeat(app, BeatOptions(hostname=NODE, remote_control=True)))
    eventually(lambda: beat.beat.age() is not None)

    assert app.control.ping(timeout=10, limit=1) == [{NODE: {"ok": "pong"}}]
    assert app.control.ping(timeout=10, destination=[NODE]) == [{NODE: {"ok": "pong"}}]


def test_it_passes_over_what_is_for_workers_and_for_others(app, running):
    running(AppBeat(app, BeatOptions(hostname=NODE, remote_control=True)))

    assert not app.control.broadcast("stats", reply=True, timeout=0.3)
    assert not app.control.broadcast("shutdown", reply=True, timeout=0.1)
    assert not answers(app, destination=["celerybeat@there"])
    assert app.control.ping(timeout=10, limit=1) == [{NODE: {"ok": "pong"}}]


@pytest.mark.parametrize(("setting", "asked"), [(False, None), (True, False)])
def test_it_keeps_silent_unless_it_is_asked_to_answer(app, running, setting, asked):
    app.conf.beat_enable_remote_control = setting
    running(AppBeat(app, BeatOptions(hostname=NODE, remote_control=asked)))

    assert not answers(app)


def test_the_setting_lets_it_answer(app, running):
    app.conf.beat_enable_remote_control = True
    running(AppBeat(app, BeatOptions(hostname=NODE)))

    assert app.control.ping(timeout=10, limit=1) == [{NODE: {"ok": "pong"}}]


def test_a_beat_that_hangs_says_nothing(caplog):
    clock = VirtualClock()
    broker = MemoryBroker()
    with Celeriac("shop", broker=broker, clock=clock, set_as_current=False) as app:
        beat = AppBeat(app, BeatOptions(max_interval=20))
        control = beat.control
        heard = app.container.bus().open_mailbox("replies")
        asked = {
            "method": "ping",
            "ticket": "t",
            "reply_to": {
                "exchange": heard.address.exchange,
                "routing_key": heard.address.routing_key,
            },
        }
        beat.beat.step()
        beat.beat._looked_at = clock.monotonic()

        clock.advance(60)
        control.on_message(asked, None)
        fresh = [said.body for said in heard.receive(0)]
        clock.advance(1)
        with caplog.at_level(logging.WARNING, "celeriac.beat"):
            control.on_message(asked, None)
        stale = list(heard.receive(0))
        app.conf.beat_remote_control_max_tick_age = 0
        control.on_message(asked, None)
        never = [said.body for said in heard.receive(0)]

    pong = {control.hostname: {"ok": "pong"}}
    assert (fresh, stale, never) == ([pong], [], [pong])
    assert "it has not looked at the schedule for 61 s, which is more than 60 s" in caplog.text


@pytest.mark.parametrize(
    ("max_interval", "setting", "most"),
    [(20, None, 60.0), (300, None, 600.0), (300, 5.0, 5.0), (1, 0.0, 0.0)],
)
def test_how_long_it_may_be_away_follows_from_how_often_it_looks(app, max_interval, setting, most):
    app.conf.beat_remote_control_max_tick_age = setting

    assert AppBeat(app, BeatOptions(max_interval=max_interval)).control.max_tick_age == most


def test_a_broker_without_remote_control_is_told_of(tmp_path, caplog, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs = f"sqlite:///{tmp_path}/runs.db"
    with Celeriac("shop", broker="filesystem://", backend=runs, set_as_current=False) as app:
        control = AppBeat(app, BeatOptions(remote_control=True)).control
        with caplog.at_level(logging.WARNING, "celeriac.beat"):
            control.start()
        control.stop()

    assert not control.fanout_support()[0]
    assert "carries none" in caplog.text


def test_a_service_of_celerys_has_a_pidbox(app):
    service = celery_beat.Service(app, max_interval=300, hostname=NODE, remote_control=True)
    pidbox = celery_beat.BeatPidbox(service)
    pidbox.start()
    try:
        assert app.control.ping(timeout=10, limit=1) == [{NODE: {"ok": "pong"}}]
    finally:
        pidbox.stop()

    assert (pidbox.tick_age(), pidbox.is_stale(), pidbox.max_tick_age) == (None, False, 600.0)
    assert pidbox.fanout_support() == (True, "memory")
    assert pidbox.state == {"app": app, "service": service}


def test_heirs_of_the_scheduler_may_pass_on_what_they_were_given(app):
    used = []

    class Mine(celery_beat.Scheduler):
        def tick(self, event_t=celery_beat.event_t, min=min, **others):  # noqa: A002 - Celery's word
            push = lambda heap, item: used.append("push") or heappush(heap, item)  # noqa: E731
            return super().tick(event_t, min, heappop, push)

        def populate_heap(self, event_t=celery_beat.event_t, heapify=heapify):
            used.append("populate")
            super().populate_heap(event_t, heapify)

    app.task(name="shop.look")(lambda: None)
    app.conf.beat_schedule = {"often": {"task": "shop.look", "schedule": 0.001}}
    scheduler = Mine(app)
    eventually(lambda: scheduler.schedule["often"].is_due().is_due)
    scheduler.tick()

    assert used == ["populate", "push"]
    assert app.broker.depth(["celery"])["celery"] == 1
