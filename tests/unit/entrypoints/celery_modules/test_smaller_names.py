"""Smaller things that projects import from Celery: threads, embedded beat, events of tasks."""

import socket
import threading

import pytest

from celeriac import Celeriac, Task
from celeriac.domain.errors import NotSupported
from celeriac.entrypoints.celery_modules import app_autoretry, beat, state, threads
from celeriac.entrypoints.testing import running_worker, work_off


@pytest.fixture
def app():
    with Celeriac("shop", broker="memory://", backend="memory://", set_as_current=False) as app:
        yield app


def test_a_thread_goes_round_until_it_is_stopped_whatever_its_body_raises(caplog):
    went, rounds = threading.Event(), []

    class Counting(threads.bgThread):
        def body(self):
            rounds.append(1)
            if len(rounds) == 1:
                raise OSError("the first time")
            went.set()
            threading.Event().wait(0.001)

    thread = Counting()
    thread.start()
    assert went.wait(20)
    thread.stop()

    assert not thread.is_alive()
    assert "'Counting' raised: OSError('the first time')" in caplog.text


def test_a_socket_timeout_holds_for_a_while():
    with threads.default_socket_timeout(3.5):
        assert socket.getdefaulttimeout() == 3.5
    assert socket.getdefaulttimeout() is None


def test_beat_can_be_run_on_a_thread_of_a_program(app):
    app.conf.beat_schedule = {"often": {"task": "shop.look", "schedule": 0.01}}
    app.conf.beat_max_loop_interval = 0.05
    ends = threading.Event()
    service = beat.EmbeddedService(app, thread=True)

    service.start()
    for _ in range(2000):
        if app.broker.depth(["celery"])["celery"]:
            break
        ends.wait(0.01)
    service.stop()

    assert not service.is_alive()
    assert app.broker.depth(["celery"])["celery"] > 0


def test_a_task_tells_of_its_own_progress_by_events(app):
    heard, there = [], threading.Event()

    @app.task(name="shop.work", bind=True)
    def work(self):
        self.send_event("task-progress", done=5)

    def note(event):
        heard.append((event["uuid"], event["done"]))
        there.set()

    receiver = app.events.Receiver(handlers={"task-progress": note})
    receiver.itercapture(wakeup=False)  # listens from here on
    listening = threading.Thread(target=lambda: receiver.capture(wakeup=False))
    listening.start()
    with running_worker(app):
        sent = work.delay()
        sent.get(timeout=10)
        there.wait(20)
    receiver.close()
    listening.join(20)

    assert heard == [(sent.id, 5)]


def test_a_task_may_look_at_what_replaces_it(app):
    seen = []

    class Looking(Task):
        def on_replace(self, sig):
            seen.append(sig.task)
            return super().on_replace(sig)

    add = app.task(name="add")(lambda x, y: x + y)

    @app.task(base=Looking, bind=True)
    def other(self):
        return self.replace(add.s(1, 2))

    sent = other.delay()
    work_off(app)

    assert (sent.get(timeout=1), seen) == (3, ["add"])


def test_a_task_can_be_retried_by_itself_after_it_was_declared(app):
    attempts = []

    @app.task(name="flaky")
    def flaky():
        attempts.append(1)
        if len(attempts) < 3:
            raise ConnectionError("later")
        return len(attempts)

    app_autoretry.add_autoretry_behaviour(
        flaky, autoretry_for=(ConnectionError,), retry_kwargs={"countdown": 0}
    )
    sent = flaky.delay()
    work_off(app)

    assert sent.get(timeout=1) == 3


def test_an_ordinary_task_is_told_that_it_cannot_receive_messages(app):
    with pytest.raises(NotSupported, match="given the messages of an ordinary task"):
        app.task(lambda: None).start_strategy(app, None)


def test_it_is_known_whether_waiting_for_a_result_would_block(app):
    @app.task
    def ask():
        return state.task_join_will_block()

    sent = ask.delay()
    work_off(app)

    assert (sent.get(timeout=1), state.task_join_will_block()) == (True, False)
