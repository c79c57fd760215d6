"""Names of Celery's apps and of what belongs to them."""

import copy
import sys

import pytest

from celeriac import Celeriac, Task
from celeriac.application.context import Context
from celeriac.canvas import task_name_from
from celeriac.entrypoints.celery_modules import app_annotations, app_base, app_builtins
from celeriac.entrypoints.celery_modules.app_task import get_actual_ignore_result
from celeriac.entrypoints.library.events import EventDispatcher, Events
from celeriac.result import AsyncResult, EagerResult


@pytest.fixture
def app():
    with Celeriac("a", broker="memory://", backend="memory://", set_as_current=False) as app:
        yield app


def test_an_app_may_have_a_method_for_its_configuration_instead_of_the_signal():
    class Mine(Celeriac):
        def on_configure(self):
            self.seen = True

    with Mine("a", broker="memory://", set_as_current=False) as app:
        app.finalize()

        assert app.seen


def test_an_app_is_known_by_the_methods_it_has_replaced(app):
    class Mine(Celeriac):
        def send_task(self, *args, **kwargs):
            return None

    with Mine("b", broker="memory://", set_as_current=False) as mine:
        assert app_base.app_has_custom(mine, "send_task") is Mine
        assert app_base.app_has_custom(mine, "finalize") is None
        assert app_base.app_has_custom(app, "send_task") is None


def test_warnings_are_told_where_code_begins_that_is_not_ours():
    inside = {"__name__": "celery.somewhere", "level": app_base.caller_stacklevel}
    exec("def told(): return level()", inside)  # noqa: S102 - a module of that name

    assert inside["told"]() == 2
    assert not app_base.frame_is_celery(sys._getframe())


def test_a_task_is_told_by_the_function_it_was_made_of(app):
    @app.task
    def add():
        pass

    assert app_base.task_callable_qualname(add).endswith(
        "by_the_function_it_was_made_of.<locals>.add"
    )


def test_a_task_is_named_by_itself_or_by_its_name(app):
    made = app.task(name="a.add")(lambda: None)

    assert (task_name_from(made), task_name_from("a.add")) == ("a.add", "a.add")


def test_a_class_of_results_made_for_an_app_has_it(app):
    made = app.subclass_with_self(AsyncResult)

    assert made("id-1").app is app


def test_a_copy_of_a_result_is_of_the_same_app_and_task(app):
    parent = app.AsyncResult("id-0")
    result = AsyncResult("id-1", task_name="add", app=app, parent=parent)

    twin = copy.copy(result)

    assert (twin, twin.app, twin.task_name, twin.parent) == (result, app, "add", parent)
    assert copy.copy(EagerResult("id-2", 3, "SUCCESS", name="add")).get() == 3


def test_attributes_of_a_base_class_follow_settings_of_its_own(app):
    app.conf.add_defaults({"shop_region": "north"})

    class Base(Task):
        from_config = (*Task.from_config, ("region", "shop_region"))
        region = None

    @app.task(base=Base)
    def add():
        pass

    @app.task(base=Base, region="south")
    def sub():
        pass

    assert add.resolved
    assert sub.resolved
    assert (add.region, sub.region) == ("north", "south")


def test_a_base_class_may_annotate_its_tasks_itself(app):
    class Base(Task):
        def annotate(self):
            super().annotate()
            self.rate_limit = "3/s"

    app.conf.task_annotations = {"*": {"max_retries": 7}}
    made = app.task(base=Base, name="a.add")(lambda: None)

    assert (made.resolved.rate_limit, made.resolved.max_retries) == ("3/s", 7)


def test_annotations_are_resolved_for_a_task_then_for_all(app):
    made = app.task(name="a.add")(lambda: None)
    path = f"{__name__}:Fast"

    prepared = app_annotations.prepare(
        [{"a.add": {"x": 1}}, {"*": {"y": 2}, "a.add": {"z": 3}}, path]
    )

    assert list(app_annotations.resolve_all(prepared, made)) == [{"x": 1}, {"y": 2}]
    assert prepared[2].annotate(made) == {"rate_limit": "9/s"}
    assert list(app_annotations.resolve_all(app_annotations.prepare(None), made)) == []


class Fast:
    def annotate(self, task):
        return {"rate_limit": "9/s"}


def test_a_built_in_task_that_was_taken_out_is_put_back(app):
    known = app.tasks["celery.accumulate"]
    assert app_builtins.add_accumulate_task(app) is known
    app.tasks.unregister("celery.accumulate")

    made = app_builtins.add_accumulate_task(app)

    assert app.tasks["celery.accumulate"] is made is not known


def test_tasks_are_filtered_by_their_type(app):
    @app.task(name="a.often", type="periodic")
    def often():
        pass

    assert app.tasks.periodic() == {"a.often": often}
    assert "a.often" not in app.tasks.filter_types("regular")


@pytest.mark.parametrize(
    ("call", "ignored"),
    [(None, True), (Context(), True), (Context(ignore_result=False), False)],
)
def test_a_call_says_whether_its_result_is_ignored_or_else_its_task(app, call, ignored):
    made = app.task(name="a.add", ignore_result=True)(lambda: None)

    assert get_actual_ignore_result(made, call) is ignored


def test_events_are_sent_by_a_class_of_ones_own():
    class Loud(EventDispatcher):
        pass

    class Mine(Events):
        dispatcher_cls = Loud

    with Celeriac("a", broker="memory://", events=Mine, set_as_current=False) as app:
        assert issubclass(app.events.Dispatcher, Loud)
        assert app.events.Dispatcher.app is app
