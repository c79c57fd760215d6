"""A task's own Strategy receives its messages: gathers them, has a function run, settles them."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from celeriac import Celeriac, Task
from celeriac.application.call_function import packed
from celeriac.domain.errors import ImproperlyConfigured
from celeriac.domain.messaging.message import TaskMessage
from celeriac.entrypoints.celery_modules.worker_request import Request, create_request_cls
from celeriac.entrypoints.testing import running_worker
from celeriac.entrypoints.worker import AppWorker, WorkerOptions
from celeriac.signals import task_received
from tests.waiting import eventually

POOLS = ["prefork", "threads", "solo"]


def work(task: "Gathering", calls: list[tuple[str, Any]]) -> int:
    """Run where tasks run: keep a result for each call."""
    values = [value for _, value in calls]
    if "raise" in values:
        raise ValueError("one was bad")
    if "die once" in values and not Path(task.mark).exists():
        Path(task.mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    for id_, value in calls:
        task.backend.mark_as_done(id_, [value, len(calls), os.getpid() == task.hub])
    return len(calls)


class Gathering(Task[..., Any]):
    """Runs one function for so many calls, or when nothing has come for a while."""

    flush_every, flush_interval = 3, 0.3
    mark, hub = "", os.getpid()

    def Strategy(self, task: Any, app: Any, consumer: Any) -> Callable[..., None]:
        self.requests: list[Any] = []
        self.told: list[tuple[str, Any]] = []
        self.consumer, self.timer = consumer, None
        made = create_request_cls(Request, task, consumer.pool, consumer.hostname, None, app=app)

        def handle(message: Any, body: Any, ack: Any, reject: Any, callbacks: Any) -> None:
            request = made(message, on_ack=ack, on_reject=reject, app=app, body=body)
            [value] = message.payload[0]
            if value == "unfit":
                raise LookupError("not mine")
            if value in ("drop", "back"):
                self.told.append((value, request.delivery_info["redelivered"]))
                if not request.delivery_info["redelivered"]:
                    request.reject(requeue=value == "back")
                    return
            task_received.send(sender=consumer, request=request)
            self.requests.append(request)
            if len(self.requests) >= self.flush_every:
                self.flush()
            elif self.timer is None:
                self.timer = consumer.timer.call_repeatedly(self.flush_interval, self.flush)

        return handle

    def flush(self) -> None:
        self.told.append(("thread", threading.current_thread().name))
        requests, self.requests = self.requests, []
        if not requests:
            self.timer.cancel()  # type: ignore[attr-defined]
            self.timer = None
            return

        def accepted(pid: int, when: float) -> None:
            self.told.append(("accepted", pid != os.getpid()))
            for request in requests:
                if not request.task.acks_late:
                    request.acknowledge()

        def returned(value: Any) -> None:
            self.told.append(("returned", value))
            for request in requests:
                request.acknowledge()

        calls = [(request.id, request._payload[0][0]) for request in requests]
        self.consumer.pool.apply_async(
            work, (self, calls), accept_callback=accepted, callback=returned
        )


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Celeriac]:
    store = f"sqlite:///{tmp_path / 'shop.sqlite3'}"
    app = Celeriac("shop", broker=store, backend=store, set_as_current=False)
    declare(app, str(tmp_path / "died"))
    yield app
    app.close()


def declare(app: Celeriac, mark: str) -> None:
    options = {"base": Gathering, "mark": mark}
    app.task(name="gather", **options)(lambda value: None)
    app.task(name="late", acks_late=True, **options)(lambda value: None)
    app.task(name="patient", acks_late=True, flush_every=100, flush_interval=60, **options)(
        lambda value: None
    )
    app.task(name="add")(lambda x, y: x + y)


def dead(app: Celeriac) -> list[tuple[str, str]]:
    return [(one.reason, one.message.id) for one in app.broker.dead("celery", 10) if one.message]


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("name", ["gather", "late"])
def test_calls_are_gathered_by_number_and_by_time_beside_ordinary_tasks(app, pool, name):
    task = app.tasks[name]
    with running_worker(app, pool=pool, concurrency=1):
        results = [task.delay(n) for n in range(4)]
        assert app.tasks["add"].delay(1, 2).get(timeout=30) == 3
        values = [result.get(timeout=30) for result in results]
        eventually(lambda: [what for what, _ in task.told].count("returned") == 2)

    here = pool != "prefork"
    assert values == [[0, 3, here], [1, 3, here], [2, 3, here], [3, 1, here]]
    assert [told for told in task.told if told[0] == "accepted"] == [("accepted", not here)] * 2
    assert [value for what, value in task.told if what == "returned"] == [3, 1]
    assert len({thread for what, thread in task.told if what == "thread"}) == 1  # the hub's
    assert app.broker.depth(["celery"]) == {"celery": 0}
    assert dead(app) == []


@pytest.mark.parametrize("kind", ["memory", "redis", "rabbitmq"])
def test_they_work_with_other_brokers(kind, request, tmp_path):
    broker = "memory://" if kind == "memory" else request.getfixturevalue(f"{kind}_url")
    results = broker if kind != "rabbitmq" else request.getfixturevalue("redis_url")
    queue = f"gathered-{uuid4().hex[:8]}"
    app = Celeriac("shop", broker=broker, backend=results, set_as_current=False)
    with app:
        app.conf.task_default_queue = queue
        declare(app, str(tmp_path / "died"))
        pool = "threads" if kind == "memory" else "prefork"
        with running_worker(app, pool=pool, concurrency=1) as worker:
            first = [app.tasks["gather"].delay(value) for value in (1, 2, "back")]
            late = [app.tasks["late"].delay(value) for value in (1, "drop", 2, 3)]
            if kind != "memory":
                late += [app.tasks["late"].delay(value) for value in ("die once", 4, 5)]
            done = [result for result in (*first, *late) if result.id != late[1].id]
            for result in done:
                result.get(timeout=30)
            eventually(lambda: worker.worker.core.idle)
            for value in range(5):
                app.tasks["patient"].delay(value)
            eventually(lambda: len(app.tasks["patient"].requests) == 5)

        assert app.broker.depth([queue]) == {queue: 5}
        if app.broker.capabilities.peek:
            assert [one.reason for one in app.broker.dead(queue, 9)] == ["rejected"]


def test_more_is_claimed_than_is_to_be_prefetched_if_that_is_gathered(app):
    app.conf.worker_prefetch_multiplier = 1
    task = app.tasks["gather"]
    task.flush_every, task.flush_interval = 7, 60

    with running_worker(app, concurrency=1):
        results = [task.delay(n) for n in range(7)]
        assert [result.get(timeout=30)[1] for result in results] == [7] * 7


def test_a_late_call_whose_process_died_is_delivered_again(app):
    task = app.tasks["late"]
    with running_worker(app, pool="prefork", concurrency=1):
        results = [task.delay(value) for value in ("die once", 1, 2)]
        assert [result.get(timeout=30)[0] for result in results] == ["die once", 1, 2]
        eventually(lambda: ("returned", 3) in task.told)

    assert app.broker.depth(["celery"]) == {"celery": 0}


def test_what_a_function_raises_the_calls_it_was_about_come_to(app):
    with running_worker(app, concurrency=1):
        results = [app.tasks["late"].delay(value) for value in ("raise", 1, 2)]
        for result in results:
            with pytest.raises(ValueError, match="one was bad"):
                result.get(timeout=30)

    assert app.broker.depth(["celery"]) == {"celery": 0}


def test_what_a_handler_raises_its_call_comes_to_and_is_kept_as_a_dead_letter(app, caplog):
    with running_worker(app, concurrency=1):
        result = app.tasks["gather"].delay("unfit")
        with pytest.raises(LookupError, match="not mine"):
            result.get(timeout=30)
        eventually(lambda: dead(app) == [("strategy", result.id)])

    assert "the strategy of gather failed" in caplog.text


def test_what_is_rejected_is_given_back_or_put_aside(app):
    task = app.tasks["gather"]
    with running_worker(app, concurrency=1):
        dropped = task.delay("drop")
        task.delay("back")
        eventually(lambda: [what for what, _ in task.told].count("back") > 1)
        eventually(lambda: dead(app) == [("rejected", dropped.id)])


def test_a_worker_that_stops_gives_back_what_was_gathered_and_not_run(app):
    with running_worker(app, concurrency=1):
        for value in range(5):
            app.tasks["patient"].delay(value)
        eventually(lambda: len(getattr(app.tasks["patient"], "requests", ())) == 5)

    assert app.broker.depth(["celery"]) == {"celery": 5}
    assert {message.id for message in app.broker.peek("celery", 9)} == {
        request.id for request in app.tasks["patient"].requests
    }


def test_receivers_tell_of_what_they_received_and_the_worker_does_not(app):
    heard: list[str] = []

    def hear(sender: Any, request: Any, **_: Any) -> None:
        heard.append(request.name)

    task_received.connect(hear)
    try:
        with running_worker(app, concurrency=1):
            app.tasks["add"].delay(1, 2).get(timeout=30)
            app.tasks["gather"].delay(1).get(timeout=30)
    finally:
        task_received.disconnect(hear)

    assert heard == ["add", "gather"]


def test_a_function_that_comes_out_of_a_queue_is_called_by_nobody(app, tmp_path):
    mark = tmp_path / "called"
    message, _ = packed("evil", Path.touch, (mark,), {}, Task, ())
    app.broker.publish(
        [TaskMessage(message.id, message.task, message.body, *_how(message), queue="celery")],
        deadline=9.0,
    )

    with running_worker(app, concurrency=1):
        app.tasks["gather"].delay(1).get(timeout=30)
        eventually(lambda: dead(app) == [("unknown-task", "evil")])

    assert not mark.exists()


def _how(message: TaskMessage) -> tuple[str, str]:
    return message.content_type, message.content_encoding


@pytest.mark.parametrize(
    ("strategy", "why"),
    [
        ("nowhere:Strategy", r"add\.Strategy='nowhere:Strategy': No module"),
        (lambda task, app, consumer: None, r"add\.Strategy=.*returned None: expected a function"),
    ],
)
def test_what_is_no_strategy_is_refused_when_the_worker_starts(app, strategy, why):
    app.tasks["add"].Strategy = strategy

    with pytest.raises(ImproperlyConfigured, match=why):
        AppWorker(app, WorkerOptions(pool="threads", concurrency=1)).start()


def test_one_may_be_named_by_where_it_is(app):
    app.tasks["add"].Strategy = f"{__name__}:acknowledge"

    with running_worker(app, concurrency=1) as worker:
        app.tasks["add"].delay(1, 2)
        eventually(lambda: ACKNOWLEDGED == ["add"] and worker.worker.core.idle)

    assert app.broker.depth(["celery"]) == {"celery": 0}


ACKNOWLEDGED: list[str] = []


def acknowledge(task: Any, app: Any, consumer: Any) -> Callable[..., None]:
    def handle(message: Any, body: Any, ack: Any, reject: Any, callbacks: Any) -> None:
        ACKNOWLEDGED.append(message.headers["task"])
        threading.Thread(target=ack).start()  # from anywhere

    return handle
