"""Whoever replaces `celery.app.trace.build_tracer` is around every run of a task."""

from collections.abc import Iterator
from functools import wraps
from typing import Any

import pytest

from celeriac import Celeriac
from celeriac.entrypoints.celery_modules import app_trace
from celeriac.entrypoints.testing import running_worker


class Watching:
    """What a tracer saw."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.results: list[Any] = []
        self.raises: Exception | None = None
        self.skips = False

    def build_tracer(self, build: Any) -> Any:
        @wraps(build)
        def watching(name: str, task: Any, *args: Any, **kwargs: Any) -> Any:
            tracer = build(name, task, *args, **kwargs)

            def watch(uuid: str, args: Any, kwargs: Any, request: Any) -> Any:
                self.calls.append((name, args, kwargs, request["id"] == uuid))
                if self.skips:
                    return None
                result = tracer(uuid, args, kwargs, request)
                self.results.append(result)
                if self.raises:
                    raise self.raises
                return result

            return watch

        return watching


@pytest.fixture
def watching(monkeypatch: pytest.MonkeyPatch) -> Watching:
    found = Watching()
    monkeypatch.setattr(app_trace, "build_tracer", found.build_tracer(app_trace.build_tracer))
    return found


@pytest.fixture
def app() -> Iterator[Celeriac]:
    with Celeriac("shop", broker="memory://", backend="memory://", set_as_current=False) as app:

        @app.task(name="shop.add")
        def add(x: int, y: int) -> int:
            return x + y

        @app.task(name="shop.fail")
        def fail() -> None:
            raise KeyError("gone")

        @app.task(name="shop.later")
        async def later(x: int) -> int:
            return x

        yield app


def came_to(app: Celeriac, name: str, *args: Any) -> Any:
    with running_worker(app):
        return app.tasks[f"shop.{name}"].delay(*args).get(timeout=10, propagate=False)


def test_a_tracer_sees_the_call_and_what_came_of_it(app, watching):
    assert came_to(app, "add", 1, 2) == 3

    assert watching.calls == [("shop.add", [1, 2], {}, True)]
    [result] = watching.results
    assert (result.retval, result.info, result.retstr) == (3, None, "3")


def test_a_tracer_sees_a_failure_as_a_state_and_not_as_something_raised(app, watching):
    assert isinstance(came_to(app, "fail"), KeyError)

    [result] = watching.results
    assert (result.info.state, repr(result.retval)) == ("FAILURE", "KeyError('gone')")


def test_a_coroutine_has_ended_when_its_tracer_ends(app, watching):
    assert came_to(app, "later", 5) == 5

    assert watching.results[0].retval == 5


def test_what_a_tracer_raises_after_the_run_does_no_harm(app, watching):
    watching.raises = RuntimeError("the tracer's own")

    assert came_to(app, "add", 1, 2) == 3


def test_a_tracer_that_does_not_run_the_task_fails_it_and_is_named(app, watching):
    watching.skips = True

    with pytest.raises(RuntimeError, match=r"build_tracer has made for .*add, did not run"):
        app.tasks["shop.add"].apply((1, 2))


def test_a_task_that_is_applied_here_is_traced_too(app, watching):
    result = app.tasks["shop.add"].apply((1, 2))

    assert (result.get(), len(watching.calls)) == (3, 1)


def test_without_anybodys_tracer_nothing_is_laid_around_runs(app):
    assert came_to(app, "add", 1, 2) == 3


def test_a_tracer_called_by_others_runs_the_task_and_keeps_its_result(app):
    task = app.tasks["shop.add"]

    done = app_trace.build_tracer(task.name, task, app=app)("an-id", (1, 2), {}, {})

    assert (done.retval, done.info) == (3, None)
    assert app.AsyncResult("an-id").get(timeout=1) == 3


def test_a_tracer_that_is_to_be_eager_keeps_no_result(app):
    task = app.tasks["shop.fail"]

    done = app_trace.trace_task(task, "an-id", (), {}, eager=True)

    assert done.info.state == "FAILURE"
    assert app.AsyncResult("an-id").state == "PENDING"


def test_it_is_known_whether_a_task_has_something_of_its_own(app):
    from celeriac import Task

    class Own(Task):
        def __call__(self, *args, **kwargs):
            return super().__call__(*args, **kwargs)

    assert app_trace.task_has_custom(Own(), "__call__")
    assert not app_trace.task_has_custom(app.tasks["shop.add"], "__call__")
