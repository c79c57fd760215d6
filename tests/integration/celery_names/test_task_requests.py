"""A task's own Request class is told what happens to it, also when the task's process dies."""

import os
import signal
import time
from pathlib import Path

import pytest

from celeriac import Celeriac, Task
from celeriac.application.requests import Request
from celeriac.domain.errors import ImproperlyConfigured
from celeriac.entrypoints.testing import running_worker
from celeriac.entrypoints.worker import AppWorker, WorkerOptions
from celeriac.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded, WorkerLostError

TOLD: list[tuple[object, ...]] = []


class Watched(Request):
    def on_accepted(self, pid, time_accepted):
        super().on_accepted(pid, time_accepted)
        TOLD.append(("accepted", self.name, pid != os.getpid()))

    def on_timeout(self, soft, timeout):
        super().on_timeout(soft, timeout)
        TOLD.append(("timeout", self.name, soft, timeout))

    def on_success(self, failed__retval__runtime, **kwargs):
        failed, value, _ = failed__retval__runtime
        TOLD.append(("success", self.name, None if failed else value))
        super().on_success(failed__retval__runtime, **kwargs)

    def on_failure(self, exc_info, send_failed_event=True, return_ok=False):
        super().on_failure(exc_info, send_failed_event, return_ok)
        TOLD.append(("failure", self.name, exc_info.exception))

    def on_retry(self, exc_info):
        TOLD.append(("retry", self.name, repr(exc_info.exception.exc)))


class MyTask(Task):
    Request = f"{__name__}:Watched"


@pytest.fixture
def app(tmp_path: Path):
    store = f"sqlite:///{tmp_path / 'shop.sqlite3'}"
    app = Celeriac("shop", broker=store, backend=store, set_as_current=False, task_cls=MyTask)
    TOLD.clear()

    @app.task(name="add")
    def add(x, y):
        return x + y

    @app.task(name="fail")
    def fail():
        raise KeyError("gone")

    @app.task(name="again", bind=True, max_retries=1)
    def again(self):
        if not self.request.retries:
            raise self.retry(exc=ValueError("later"), countdown=0)

    @app.task(name="die")
    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    @app.task(name="dawdle", soft_time_limit=0.2)
    def dawdle():
        time.sleep(30)

    @app.task(name="shrug", soft_time_limit=0.2, time_limit=60)
    def shrug():
        try:
            while True:
                time.sleep(0.005)  # a thread is not woken from a long one
        except SoftTimeLimitExceeded:
            return "late"

    @app.task(name="ignore_limits", time_limit=0.3)
    def ignore_limits():
        time.sleep(30)

    @app.task(name="plain", base=Task)
    def plain():
        return 1

    yield app
    app.close()


def came_to(
    app: Celeriac, name: str, *args: object, pool: str = "prefork"
) -> list[tuple[object, ...]]:
    with running_worker(app, pool=pool, concurrency=1):
        result = app.tasks[name].delay(*args)
        result.get(timeout=30, propagate=False)
    return [told for told in TOLD if told[0] != "accepted"]


def test_it_is_told_of_success_with_the_values_repr(app):
    assert came_to(app, "add", 1, 2) == [("success", "add", "3")]


def test_it_is_told_of_a_failure_with_its_exception(app):
    [success, (what, name, error)] = came_to(app, "fail")

    assert success == ("success", "fail", None)
    assert (what, name, type(error), error.args) == ("failure", "fail", KeyError, ("gone",))


def test_it_is_told_of_a_retry_with_its_cause(app):
    told = came_to(app, "again")

    assert ("retry", "again", "ValueError('later')") in told
    assert told[-1] == ("success", "again", "None")


def test_it_is_told_when_its_process_dies(app):
    [(what, _, error)] = came_to(app, "die")

    assert (what, type(error)) == ("failure", WorkerLostError)


def test_it_is_told_of_a_soft_time_limit_that_ended_the_task(app):
    timeout, success, failure = came_to(app, "dawdle")

    assert timeout == ("timeout", "dawdle", True, 0.2)
    assert success == ("success", "dawdle", None)
    assert type(failure[2]) is SoftTimeLimitExceeded


@pytest.mark.parametrize("pool", ["prefork", "asyncio"])
def test_it_is_told_of_a_soft_time_limit_that_the_task_catches(app, pool):
    told = came_to(app, "shrug", pool=pool)

    assert told == [("timeout", "shrug", True, 0.2), ("success", "shrug", "'late'")]


def test_it_is_told_of_a_hard_time_limit_and_of_the_start_before(app):
    timeout, failure = came_to(app, "ignore_limits")

    assert timeout == ("timeout", "ignore_limits", False, 0.3)
    assert type(failure[2]) is TimeLimitExceeded
    assert ("accepted", "ignore_limits", True) in TOLD


def test_a_task_without_one_is_told_to_nobody(app):
    assert came_to(app, "plain") == []


def test_one_that_raises_changes_nothing_but_the_log(app, caplog):
    class Raising(Request):
        def on_success(self, failed__retval__runtime, **kwargs):
            raise RuntimeError("mine")

    app.tasks["add"].Request = Raising

    with running_worker(app, concurrency=1):
        assert app.tasks["add"].delay(1, 2).get(timeout=10) == 3

    assert "on_success of <Request: add" in caplog.text


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("nowhere:Request", r"add.Request='nowhere:Request': No module"),
        (dict, r"expected a class derived from celery.worker.request.Request"),
    ],
)
def test_what_is_no_request_class_is_refused_when_the_worker_starts(app, asked, why):
    app.tasks["add"].Request = asked

    with pytest.raises(ImproperlyConfigured, match=why):
        AppWorker(app, WorkerOptions(pool="threads", concurrency=1)).start()
