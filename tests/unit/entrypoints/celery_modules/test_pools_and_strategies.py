"""Tasks and pools of Celery's shape: `celery.worker.strategy`, `celery.concurrency.base`."""

import os

import pytest

from celeriac import Celeriac, Task
from celeriac.domain.errors import (
    ImproperlyConfigured,
    InvalidTaskError,
    NotSupported,
    WorkerLostError,
)
from celeriac.entrypoints.celery_modules.concurrency_base import BasePool, apply_target
from celeriac.entrypoints.celery_modules.worker_request import Request, create_request_cls
from celeriac.entrypoints.celery_modules.worker_strategy import (
    default,
    hybrid_to_proto2,
    proto1_to_proto2,
)
from celeriac.entrypoints.worker import AppWorker, WorkerOptions

EMBED = {"callbacks": [{"task": "next"}], "errbacks": None, "chord": None, "chain": None}


BODY = {
    "task": "shop.add",
    "id": "i1",
    "args": [1],
    "kwargs": {"y": 2},
    "retries": 1,
    "taskset": "g",
    "callbacks": [{"task": "next"}],
    "utc": False,
}


class Message:
    def __init__(self, **headers):
        self.headers = headers


class Recording(BasePool):
    """Writes down what it is asked for."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.asked = []

    def on_start(self):
        self.asked.append("start")

    def on_apply(self, *args, **options):
        self.asked.append((*args, options))
        return "handle"

    def on_close(self):
        self.asked.append("close")

    def on_stop(self):
        self.asked.append("stop")

    def on_terminate(self):
        self.asked.append("terminate")


class TestOlderMessages:
    def test_of_protocol_1_say_all_in_their_body(self):
        message, body = Message(lang="py"), dict(BODY)

        parts, headers, decoded, utc = proto1_to_proto2(message, body)

        assert parts == ([1], {"y": 2}, EMBED)
        assert headers is body
        assert headers == {
            **BODY,
            "group": "g",
            "argsrepr": "[1]",
            "kwargsrepr": "{'y': 2}",
            "headers": {"lang": "py"},
        }
        assert (decoded, utc) == (True, False)

    def test_of_both_protocols_say_it_in_their_headers_first(self):
        message = Message(id="i2", root_id="r", mine=1)

        parts, headers, decoded, utc = hybrid_to_proto2(message, BODY)

        assert parts == ([1], {"y": 2}, EMBED)
        assert headers == {
            "lang": None,
            "task": "shop.add",
            "id": "i2",
            "root_id": "r",
            "parent_id": None,
            "group": None,
            "meth": None,
            "shadow": None,
            "eta": None,
            "expires": None,
            "retries": 1,
            "timelimit": (None, None),
            "argsrepr": None,
            "kwargsrepr": None,
            "origin": None,
            "mine": 1,
        }
        assert (decoded, utc) == (True, False)

    def test_may_leave_out_what_they_do_not_need(self):
        parts, headers, _, utc = proto1_to_proto2(Message(), {"task": "t", "id": "i"})

        assert parts[:2] == ((), {})
        assert (headers["kwargsrepr"], "group" in headers, utc) == ("{}", False, True)

    @pytest.mark.parametrize("read", [proto1_to_proto2, hybrid_to_proto2])
    @pytest.mark.parametrize("body", [{"args": [], "kwargs": 3}, [1]])
    def test_with_arguments_that_are_none_are_refused(self, read, body):
        with pytest.raises(InvalidTaskError, match="kwargs"):
            read(Message(), body)


class TestStrategies:
    def test_one_that_leads_to_the_usual_one_is_refused_when_a_worker_starts(self):
        class Mine(Task):
            def Strategy(self, task, app, consumer):
                return default(task, app, consumer)

        with Celeriac("a", broker="memory://", backend="memory://", set_as_current=False) as app:
            gather = app.task(name="a.gather", base=Mine)(lambda: None)
            usual = app.task(name="a.usual")(lambda: None)

            with pytest.raises(NotSupported, match=r"a\.gather.*task_received"):
                AppWorker(app, WorkerOptions(pool="threads", concurrency=1)).start()
            with pytest.raises(NotSupported, match=r"a\.gather.*task_received"):
                gather.start_strategy(app, None)
            with pytest.raises(NotSupported, match="messages of an ordinary task"):
                usual.start_strategy(app, None)

    def test_requests_are_made_of_what_a_worker_hands_over_and_nothing_else(self):
        made = create_request_cls(Request, "a.gather", None, "w1@here", None, app=None)

        assert issubclass(made, Request)
        with pytest.raises(NotSupported, match="Message is no message of a worker"):
            made(Message())
        with pytest.raises(ImproperlyConfigured, match="derived from it"):
            create_request_cls(dict, "a.gather", None, "w1@here", None, app=None)


class TestPools:
    def test_an_heir_is_asked_for_everything(self):
        pool = Recording(2, putlocks=False, app="app", colour="blue")

        assert (pool.active, pool.num_processes, pool.options) == (False, 2, {"colour": "blue"})
        pool.start()
        assert pool.active
        assert pool.apply_async(print, (1,), {"end": ""}, callback=None) == "handle"
        pool.apply_async(print)
        pool.close()
        assert not pool.active
        pool.stop()
        pool.terminate()

        told = {"waitforslot": False, "callbacks_propagate": ()}
        assert pool.asked == [
            "start",
            (print, (1,), {"end": ""}, {**told, "callback": None}),
            (print, [], {}, told),
            "close",
            "stop",
            "terminate",
        ]

    def test_what_it_cannot_do_it_says(self):
        pool = Recording(4)

        assert pool.info["implementation"].endswith(":Recording")
        assert pool.info["max-concurrency"] == 4
        assert pool.did_start_ok()
        with pytest.raises(NotImplementedError, match="Recording"):
            pool.terminate_job(1)
        with pytest.raises(NotImplementedError, match="Recording"):
            pool.restart()

    def test_workers_refuse_it(self):
        path = f"{__name__}:Recording"
        with (
            Celeriac("a", broker="memory://", worker_pool=path, set_as_current=False) as app,
            pytest.raises(ImproperlyConfigured, match=r"Recording derives from .*ports\.pool"),
        ):
            AppWorker(app).start()


class TestApplyTarget:
    def test_a_function_is_called_here_and_now(self):
        told = []

        apply_target(
            lambda x, y: x + y,
            (1,),
            {"y": 2},
            callback=told.append,
            accept_callback=lambda pid, when: told.append((pid, when)),
            monotonic=lambda: 12.5,
        )

        assert told == [(os.getpid(), 12.5), 3]

    def test_what_it_raises_is_raised(self):
        told = []

        with pytest.raises(ZeroDivisionError):
            apply_target(lambda: 1 / 0, callback=told.append)
        assert told == []

    def test_an_attempt_to_leave_is_a_lost_worker(self):
        def leave():
            raise SystemExit(3)

        told = []
        apply_target(leave, callback=told.append)

        assert isinstance(told[0].exception, WorkerLostError)
        assert "SystemExit(3)" in str(told[0].exception)
        with pytest.raises(SystemExit):
            apply_target(leave, propagate=(SystemExit,))
