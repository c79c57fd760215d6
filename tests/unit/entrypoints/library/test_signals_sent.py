"""What the signals around tasks are sent with, and by whom."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any

import pytest

from celeriac import Celeriac, signals
from celeriac.entrypoints.testing import running_worker, work_off
from celeriac.exceptions import Retry, UnserializableArguments


@pytest.fixture
def app() -> Iterator[Celeriac]:
    with Celeriac("shop", broker="memory://", backend="memory://", set_as_current=False) as app:
        yield app


@contextmanager
def heard(*names: str) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """Collect what these signals are sent with."""
    calls: list[tuple[str, dict[str, Any]]] = []

    def listener(name: str) -> Any:
        def hear(signal: Any, **named: Any) -> None:
            calls.append((name, named))

        return hear

    connected = [(getattr(signals, name), listener(name)) for name in names]
    for signal, hear in connected:
        signal.connect(hear, weak=False)
    try:
        yield calls
    finally:
        for signal, hear in connected:
            signal.disconnect(hear)


RUNNING = ("task_prerun", "task_postrun", "task_success", "task_failure", "task_retry")


class TestPublishing:
    def test_a_receiver_may_change_headers_arguments_and_properties(self, app):
        @app.task(bind=True)
        def add(self, x, y=0):
            return x + y, self.request.tenant, self.request.properties["app_id"]

        @signals.before_task_publish.connect(sender="shop.add")
        def change(body, headers, properties, **_):
            headers["tenant"] = "acme"
            properties["app_id"] = "till"
            body[1]["y"] = 10

        add.name = "shop.add"
        app.tasks.register(add)
        result = add.delay(1)
        work_off(app)

        assert result.get(timeout=1) == [11, "acme", "till"]

    def test_both_signals_carry_the_message(self, app):
        @app.task(name="shop.note")
        def note(what, loud=False):
            pass

        with heard("before_task_publish", "after_task_publish") as calls:
            result = note.apply_async(("x",), {"loud": True}, retry_policy={"max_retries": 1})

        before, after = (named for _, named in calls)
        assert before["sender"] == after["sender"] == "shop.note"
        assert before["body"][:2] == (["x"], {"loud": True})
        assert before["headers"]["id"] == after["headers"]["id"] == result.id
        assert (before["exchange"], before["routing_key"]) == ("", "celery")
        assert before["retry_policy"] == {"max_retries": 1}
        assert before["properties"]["correlation_id"] == result.id
        assert set(before) == {
            *("sender", "body", "exchange", "routing_key", "headers", "properties"),
            *("declare", "retry_policy"),
        }
        assert after["body"] == (
            ["x"],
            {"loud": True},
            {"callbacks": None, "errbacks": None, "chain": None, "chord": None},
        )
        assert set(after) == {"sender", "body", "headers", "exchange", "routing_key"}

    def test_what_a_worker_publishes_is_told_of_too(self, app):
        @app.task(name="shop.double")
        def double(x):
            return 2 * x

        with heard("after_task_publish") as calls:
            (double.s(1) | double.s()).apply_async()
            work_off(app)

        assert [named["body"][0] for _, named in calls] == [[1], [2]]

    def test_both_signals_about_a_message_come_from_the_same_thread(self, app):
        threads: dict[str, list[int]] = {"before": [], "after": []}

        @app.task(bind=True, name="shop.flaky", default_retry_delay=0, max_retries=1)
        def flaky(self):
            if not self.request.retries:
                raise self.retry()

        @signals.before_task_publish.connect
        def before(**_):
            threads["before"].append(get_ident())

        @signals.after_task_publish.connect
        def after(**_):
            threads["after"].append(get_ident())

        with running_worker(app):
            flaky.delay().get(timeout=10)

        assert threads["before"] == threads["after"]
        assert len(set(threads["after"])) == 2

    def test_what_nobody_confirmed_is_not_told_of(self, app):
        with heard("after_task_publish") as calls, pytest.raises(UnserializableArguments):
            app.send_task("shop.note", (object(),))

        assert calls == []


class TestRunning:
    def test_a_success(self, app):
        @app.task
        def add(x, y):
            return x + y

        with heard(*RUNNING) as calls:
            result = add.delay(2, y=3)
            work_off(app)

        prerun, success, postrun = calls
        common = {"sender": add, "task_id": result.id, "task": add, "args": [2], "kwargs": {"y": 3}}
        assert prerun == ("task_prerun", common)
        assert success[1].pop("runtime") >= 0
        assert success == ("task_success", {"sender": add, "result": 5})
        assert postrun == ("task_postrun", {**common, "retval": 5, "state": "SUCCESS"})

    def test_a_failure(self, app):
        @app.task
        def fail():
            raise KeyError("gone")

        with heard(*RUNNING) as calls:
            result = fail.delay()
            work_off(app)

        names = [name for name, _ in calls]
        failure = calls[1][1]
        assert names == ["task_prerun", "task_failure", "task_postrun"]
        assert failure["sender"] is fail
        assert (failure["task_id"], failure["args"], failure["kwargs"]) == (result.id, [], {})
        assert isinstance(failure["exception"], KeyError)
        assert failure["traceback"].tb_frame is not None
        assert "KeyError: 'gone'" in str(failure["einfo"])
        assert (calls[2][1]["state"], calls[2][1]["retval"]) == ("FAILURE", failure["exception"])

    def test_a_retry(self, app):
        @app.task(bind=True, default_retry_delay=0, max_retries=1)
        def flaky(self):
            if not self.request.retries:
                raise self.retry(exc=ValueError("not yet"))

        with heard(*RUNNING) as calls:
            result = flaky.delay()
            work_off(app)

        (retry,) = [named for name, named in calls if name == "task_retry"]
        assert set(retry) == {"sender", "request", "reason", "einfo"}
        assert (retry["sender"], retry["request"].id) == (flaky, result.id)
        assert isinstance(retry["reason"], Retry)
        assert isinstance(retry["einfo"].exception, ValueError)

    def test_an_eager_call_tells_the_same(self, app):
        @app.task
        def add(x, y):
            return x + y

        with heard(*RUNNING) as calls:
            add.apply((1, 1))

        assert [name for name, _ in calls] == ["task_prerun", "task_success", "task_postrun"]

    def test_a_handler_that_raises_is_an_internal_error(self, app):
        @app.task(on_success=lambda *_: 1 / 0)
        def add(x):
            return x

        with heard("task_internal_error") as calls:
            result = add.delay(1)
            work_off(app)

        ((_, named),) = calls
        assert named["task_id"] == result.id
        assert isinstance(named["exception"], ZeroDivisionError)
        assert result.get(timeout=1) == 1

    def test_a_listener_that_raises_harms_no_task(self, app):
        @app.task
        def add(x, y):
            return x + y

        @signals.task_prerun.connect(sender=add)
        def broken(**_):
            raise OSError("listener")

        result = add.delay(1, 1)
        work_off(app)

        assert result.get(timeout=1) == 2


class TestArriving:
    def test_a_worker_tells_of_what_it_receives(self, app):
        @app.task
        def add(x, y):
            return x + y

        with heard("task_received") as calls:
            result = add.apply_async((1,), {"y": 2})
            work_off(app)

        ((_, named),) = calls
        request = named["request"]
        assert (request.id, request.name, request.task) == (result.id, add.name, add)
        assert (request.args, request.kwargs) == ([1], {"y": 2})
        assert request.info()["hostname"] == named["sender"].hostname == request.hostname
        assert request.info(safe=True)["args"] == "(1,)"

    def test_a_revoked_and_an_expired_task(self, app):
        @app.task
        def add(x, y):
            return x + y

        with heard("task_revoked") as calls:
            expired = add.apply_async((1, 1), expires=-1)
            work_off(app)

        ((_, named),) = calls
        assert named.pop("request").id == expired.id
        assert named == {"sender": add, "terminated": False, "signum": None, "expired": True}

    def test_an_unknown_task(self, app):
        with heard("task_unknown") as calls:
            result = app.send_task("nobody.knows")
            work_off(app)

        ((_, named),) = calls
        assert (named["name"], named["id"]) == ("nobody.knows", result.id)
        assert named["message"].headers["task"] == "nobody.knows"
        assert named["exc"].args == ("nobody.knows",)


class TestApp:
    def test_settings_and_tasks_are_announced_once_and_in_order(self, app):
        calls = []
        app.on_configure.connect(lambda **_: calls.append("configure"), weak=False)
        app.on_after_configure.connect(
            lambda sender, source, **_: calls.append(source is sender.conf), weak=False
        )
        app.on_after_finalize.connect(lambda **_: calls.append("finalize"), weak=False)

        app.send_task("any")
        app.finalize()

        assert calls == ["configure", True, "finalize"]
        assert app.configured
        assert app.finalized

    def test_a_listener_may_still_choose_the_broker(self):
        with Celeriac("late", set_as_current=False) as app:

            @app.on_configure.connect
            def choose(sender, **_):
                sender.conf.broker_url = sender.conf.result_backend = "memory://"

            app.send_task("any")

            assert app.broker.depth(["celery"]) == {"celery": 1}
