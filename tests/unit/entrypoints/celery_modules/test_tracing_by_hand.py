"""`celery.app.trace` for those who run tasks, and settle their ends, by themselves."""

import json

import pytest

from celeriac import Celeriac, Task, states
from celeriac.application.signals import task_failure, task_retry
from celeriac.domain.errors import Ignore, ImproperlyConfigured, NotSupported, Reject, Retry
from celeriac.entrypoints.celery_modules import app_trace
from celeriac.entrypoints.celery_modules.app_task import Context
from celeriac.entrypoints.celery_modules.app_trace import TraceInfo, trace_task_ret

HEADERS = {"id": "i1", "task": "shop.add", "retries": 3}


class Telling(Task):
    abstract = True

    def on_failure(self, exc, task_id, args, kwargs, einfo):
        self.told.append(("on_failure", exc, task_id, args, kwargs))

    def on_retry(self, exc, task_id, args, kwargs, einfo):
        self.told.append(("on_retry", exc, task_id, args, kwargs))


@pytest.fixture
def app():
    with Celeriac("shop", broker="memory://", backend="memory://", set_as_current=False) as app:
        yield app


@pytest.fixture
def add(app):
    @app.task(name="shop.add", base=Telling, bind=True)
    def add(self, x, y=0):
        return [x + y, self.request.retries, self.request.hostname, self.request.called_directly]

    add.told = []
    return add


def raised(exc):
    try:
        raise exc
    except type(exc) as caught:
        return caught


def body(*args, **embed):
    return json.dumps([args, {}, embed])


class TestBodies:
    def test_a_message_is_run_and_its_result_stored(self, app, add):
        request = {**HEADERS, "hostname": "w1@here"}

        failed, text, seconds = trace_task_ret(
            "shop.add", "i1", request, body(1, 2), "application/json", "utf-8", app=app
        )

        assert (failed, text) == (0, "[3, 3, 'w1@here', False]")
        assert seconds >= 0
        assert app.AsyncResult("i1").get(timeout=1) == [3, 3, "w1@here", False]

    def test_a_body_without_a_type_is_decoded_already(self, app, add):
        told = trace_task_ret("shop.add", "i1", HEADERS, ([1], {"y": 5}, {}), None, None, app=app)

        assert told[1].startswith("[6, 3, ")

    def test_a_body_may_be_decoded_by_somebody_else(self, app, add):
        def loads(body, content_type, content_encoding):
            return [[int(body)], {}, None]

        told = trace_task_ret("shop.add", "i1", HEADERS, b"7", "text/own", "utf-8", loads, app=app)

        assert told[1].startswith("[7, ")

    def test_what_a_task_raises_is_told_as_handlers_get_it(self, app, add):
        failed, info, seconds = trace_task_ret(
            "shop.add", "i1", HEADERS, body("x"), "application/json", "utf-8", app=app
        )

        assert (failed, seconds) == (1, None)
        assert isinstance(info.exception, TypeError)
        assert "TypeError" in info.traceback
        assert app.AsyncResult("i1").state == states.FAILURE
        assert add.told[0][0] == "on_failure"

    def test_what_others_lay_around_runs_is_laid_around_these(self, app, add, monkeypatch):
        built = []

        def build_tracer(name, task, **options):
            built.append(name)
            return app_trace.OWN(name, task, **options)

        monkeypatch.setattr(app_trace, "build_tracer", build_tracer)
        trace_task_ret("shop.add", "i1", HEADERS, ([1], {}, {}), None, None, app=app)

        assert built == ["shop.add"]

    def test_links_of_chains_are_for_workers(self, app, add):
        chained = body(1, chain=[{"task": "shop.add"}])

        with pytest.raises(NotSupported, match=r"shop\.add\[i1\] is part of a chain"):
            trace_task_ret("shop.add", "i1", HEADERS, chained, "application/json", "utf-8", app=app)

    def test_an_app_may_be_prepared_once(self, app, add, monkeypatch):
        monkeypatch.setattr(app_trace, "_prepared", None)
        message = ("shop.add", "i1", HEADERS, body(1), "application/json", "utf-8")

        with pytest.raises(ImproperlyConfigured, match="setup_worker_optimizations"):
            app_trace.fast_trace_task(*message)
        app_trace.setup_worker_optimizations(app, "w9@here")
        assert app_trace.fast_trace_task(*message)[1] == "[1, 3, 'w9@here', False]"
        assert app.use_fast_trace_task
        app_trace.reset_worker_optimizations(app)
        assert not app.use_fast_trace_task


class TestEnds:
    def request(self, **more):
        return Context(id="i1", args=(1,), kwargs={"y": 2}, task="shop.add", **more)

    def test_a_failure_is_stored_and_told_to_all(self, app, add):
        heard = []
        exc = raised(KeyError("x"))

        @task_failure.connect
        def hear(sender, task_id, exception, einfo, **_):
            heard.append((sender.name, task_id, exception))

        info = TraceInfo(states.FAILURE, exc).handle_error_state(add, self.request())

        assert add.told == [("on_failure", exc, "i1", (1,), {"y": 2})]
        assert heard == [("shop.add", "i1", exc)]
        assert info.exception is exc
        assert app.AsyncResult("i1").state == states.FAILURE
        assert "KeyError" in app.AsyncResult("i1").traceback

    def test_errbacks_are_called_unless_nobody_wants_it(self, app, add):
        called = []

        @app.task(name="shop.mourn")
        def mourn(request, exc, traceback):
            called.append((request.id, type(exc)))

        request = self.request(errbacks=[mourn.s()])
        end = TraceInfo(states.FAILURE, raised(KeyError("x")))
        end.handle_failure(add, request, store_errors=False, call_errbacks=False)
        assert called == []

        end.handle_failure(add, request, store_errors=False)
        assert called == [("i1", KeyError)]
        assert app.AsyncResult("i1").state == states.PENDING

    def test_nothing_is_stored_of_an_eager_run_or_an_ignored_result(self, app, add):
        end = TraceInfo(states.FAILURE, raised(KeyError("x")))

        end.handle_error_state(add, self.request(), eager=True)
        ignored = app.task(name="shop.ignored", ignore_result=True)(lambda: None)
        end.handle_error_state(ignored, self.request())

        assert app.AsyncResult("i1").state == states.PENDING

    def test_a_retry_is_stored_and_told_to_all(self, app, add):
        heard, cause = [], KeyError("x")

        @task_retry.connect
        def hear(sender, request, reason, einfo, **_):
            heard.append((sender.name, request.id, reason))

        asked = raised(Retry("later", cause))
        TraceInfo(states.RETRY, asked).handle_error_state(add, self.request())

        assert add.told == [("on_retry", cause, "i1", (1,), {"y": 2})]
        assert heard == [("shop.add", "i1", asked)]
        assert app.AsyncResult("i1").state == states.RETRY

    @pytest.mark.parametrize(
        ("state", "exc"), [(states.IGNORED, Ignore()), (states.REJECTED, Reject("why"))]
    )
    def test_of_the_ignored_and_the_rejected_nothing_is_stored(self, app, add, state, exc):
        info = TraceInfo(state, raised(exc)).handle_error_state(add, self.request())

        assert (info.exception, add.told) == (exc, [])
        assert app.AsyncResult("i1").state == states.PENDING

    def test_an_internal_error_is_warned_of(self, add):
        exc = raised(ValueError("inside"))

        with pytest.warns(RuntimeWarning, match=r"shop\.add: raised outside .*inside"):
            info = app_trace.report_internal_error(add, exc)
        assert info.exception is exc
