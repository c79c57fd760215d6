"""What apps have beside tasks because Celery's apps have it: thin, and true."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from celeriac import Celeriac, Task
from celeriac.entrypoints.library.amqp import AMQP
from celeriac.entrypoints.library.backend import DisabledBackend
from celeriac.entrypoints.library.loader import Loader
from celeriac.entrypoints.testing import running_worker, work_off
from celeriac.entrypoints.worker import AppWorker
from celeriac.exceptions import ImproperlyConfigured, NotSupported
from celeriac.exceptions import TimeoutError as NotInTime
from celeriac.signals import celeryd_after_setup, import_modules


@pytest.fixture
def app() -> Iterator[Celeriac]:
    with Celeriac("shop", broker="memory://", backend="memory://", set_as_current=False) as app:
        yield app


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages that can be imported."""
    for name, text in {
        "first/__init__.py": "",
        "first/tasks.py": "loaded = True",
        "first/jobs.py": "",
        "second/__init__.py": "",
        "broken/__init__.py": "",
        "broken/tasks.py": "import nothing_of_that_name",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


class TestAutodiscover:
    def test_modules_are_found_at_once_if_forced(self, app, packages):
        found = app.autodiscover_tasks(["first", "second"], force=True)

        assert [module.__name__ for module in found] == ["first.tasks"]

    def test_they_are_found_when_modules_are_imported_otherwise(self, app, packages):
        asked = []

        def later():
            asked.append(1)
            return ["first"]

        assert app.autodiscover_tasks(later, related_name="jobs") is None
        assert asked == []
        found = [answer for _, answer in import_modules.send(sender=app)]

        assert [[module.__name__ for module in modules] for modules in found] == [["first.jobs"]]

    def test_a_package_may_itself_be_what_is_wanted(self, app, packages):
        (module,) = app.autodiscover_tasks(["first"], related_name=None, force=True)

        assert module.__name__ == "first"

    def test_a_class_in_a_package_stands_for_the_package(self, app, packages):
        (module,) = app.autodiscover_tasks(["first.FirstConfig"], force=True)

        assert module.__name__ == "first.tasks"

    def test_a_broken_module_is_not_a_missing_one(self, app, packages):
        with pytest.raises(ModuleNotFoundError, match="nothing_of_that_name"):
            app.autodiscover_tasks(["broken"], force=True)

    def test_a_worker_ends_over_it(self, app, packages):
        app.autodiscover_tasks(["broken"])

        with pytest.raises(ModuleNotFoundError, match="nothing_of_that_name"):
            app.loader.import_default_modules()


class TestLoader:
    def test_it_imports_what_settings_name(self, app, packages):
        app.conf.imports = ["first.jobs"]
        app.conf.include = ["first.tasks"]

        modules = app.loader.import_default_modules()

        assert [module.__name__ for module in modules] == ["first.jobs", "first.tasks"]
        assert app.loader.task_modules == {"first.jobs", "first.tasks"}

    def test_a_loader_of_ones_own_is_told_of_tasks(self):
        begun = []

        class Mine(Loader):
            def on_task_init(self, task_id, task):
                begun.append(task.name)

        with Celeriac("a", loader=Mine, broker="memory://", set_as_current=False) as app:
            app.task(name="a.note")(lambda: None).delay()
            work_off(app)

        assert begun == ["a.note"]


class TestAmqp:
    def test_queues_are_those_of_the_settings(self, app):
        app.conf.task_queues = {"mail": {"exchange": "post", "routing_key": "letters"}}

        queue = app.amqp.queues["mail"]

        assert (queue.exchange.name, queue.routing_key) == ("post", "letters")
        assert set(app.amqp.queues) == {"mail", "celery"}
        assert "mail" in app.amqp.queues.format()

    def test_choosing_among_them_is_for_workers_made_later(self, app):
        app.select_queues(["mail", "video"])
        app.amqp.queues.deselect("video")

        assert set(app.amqp.queues.consume_from) == {"mail"}
        assert AppWorker(app).queues == ["mail"]

    def test_a_worker_may_get_a_queue_of_its_own_when_it_is_set_up(self, app):
        @celeryd_after_setup.connect
        def direct(sender, instance, **_):
            instance.app.amqp.queues.select_add(f"{sender}.dq")

        @app.task(name="shop.add")
        def add(x, y):
            return x + y

        with running_worker(app, hostname="w1@here"):
            assert add.apply_async((1, 1), queue="w1@here.dq").get(timeout=10) == 2
            assert add.delay(1, 2).get(timeout=10) == 3

    def test_a_message_made_by_hand_is_sent(self, app):
        @app.task(name="shop.add")
        def add(x, y):
            return x + y

        made = app.amqp.as_task_v2("id-1", "shop.add", (1,), {"y": 2}, expires=60)
        result = app.amqp.send_task_message(None, "shop.add", made, priority=3)
        work_off(app)

        assert (made.headers["id"], made.headers["task"]) == ("id-1", "shop.add")
        assert made.body[:2] == ([1], {"y": 2})
        assert (result.id, result.get(timeout=1)) == ("id-1", 3)


class TestConnections:
    def test_a_connection_tells_what_waits(self, app):
        app.send_task("any")

        with app.connection_for_read() as connection, connection.channel() as channel:
            declared = channel.queue_declare("celery", passive=True)

        assert declared == ("celery", 1, 0)
        assert connection.ensure_connection(max_retries=1).connected
        assert connection.default_channel.queue_purge("celery") == 1
        assert connection.as_uri() == "memory://"

    def test_a_password_is_hidden(self):
        with Celeriac("a", broker="redis://u:secret@h/0", set_as_current=False) as app:
            uri = app.connection().as_uri()

        assert "secret" not in uri
        assert uri.startswith("redis://")

    def test_another_url_only_says_what_it_is(self, app):
        connection = app.connection("sqlite:///other.db")

        assert connection.transport_cls == "sqlite"
        assert connection.get_transport_cls().__name__ == "SqlBroker"
        with pytest.raises(NotSupported, match="is not the broker of"):
            connection.connect()

    def test_an_unknown_scheme_is_no_transport(self, app):
        with pytest.raises(KeyError, match="No such transport: carrier-pigeon"):
            app.connection("carrier-pigeon://").get_transport_cls()

    def test_what_only_a_driver_has_is_refused_in_words(self, app):
        with pytest.raises(AttributeError, match="a view of the app's broker"):
            _ = app.connection().drain_events

    def test_a_producer_publishes_a_tasks_message(self, app):
        done = []
        app.task(name="shop.note")(done.append)

        with app.producer_or_acquire() as producer:
            producer.publish(
                [["x"], {}, {}], routing_key="celery", headers={"task": "shop.note", "id": "id-1"}
            )
        work_off(app)

        assert done == ["x"]

    def test_what_is_no_tasks_message_is_refused(self, app):
        with app.producer_pool.acquire(block=True) as producer, pytest.raises(NotSupported):
            producer.publish({"hello": "world"}, routing_key="celery")

    def test_what_is_given_is_used_and_left_open(self, app):
        given = app.connection()

        with app.connection_or_acquire(given) as connection:
            assert connection is given


class TestBackend:
    def test_states_are_kept_and_read(self, app):
        app.backend.mark_as_started("id-1", pid=7)
        started = app.backend.get_task_meta("id-1")
        app.backend.mark_as_done("id-1", {"x": 1})

        assert (started["status"], started["result"]) == ("STARTED", {"pid": 7})
        assert app.backend.get_state("id-1") == "SUCCESS"
        assert app.backend.get_result("id-1") == {"x": 1}
        assert app.AsyncResult("id-1").get(timeout=1) == {"x": 1}
        assert app.backend.task_result_exists("id-1")

    def test_what_nobody_knows_is_pending(self, app):
        assert app.backend.get_task_meta("nobody") == {
            "task_id": "nobody",
            "status": "PENDING",
            "result": None,
        }

    def test_a_failure_is_an_exception_again(self, app):
        app.backend.mark_as_failure("id-1", KeyError("gone"), traceback="Traceback …")

        assert repr(app.backend.get_result("id-1")) == "KeyError('gone')"
        assert app.backend.get_traceback("id-1") == "Traceback …"
        with pytest.raises(KeyError, match="gone"):
            app.AsyncResult("id-1").get(timeout=1)

    def test_revoked_and_retried_tasks(self, app):
        app.backend.mark_as_retry("id-1", ValueError("again"))
        app.backend.mark_as_revoked("id-2", "by hand")

        assert [app.backend.get_state(id_) for id_ in ("id-1", "id-2")] == ["RETRY", "REVOKED"]

    def test_results_are_forgotten_and_cleaned_up(self, app):
        app.backend.store_result("id-1", 1, "SUCCESS")
        app.backend.store_result("id-2", 1, "SUCCESS")
        app.backend.forget("id-1")
        app.conf.result_expires = 0.000001
        app.backend.cleanup()

        assert [app.backend.get_state(id_) for id_ in ("id-1", "id-2")] == ["PENDING", "PENDING"]

    def test_failures_are_cleaned_up_in_a_time_of_their_own(self, app):
        app.backend.store_result("id-1", 1, "SUCCESS")
        app.backend.store_result("id-2", ValueError("no"), "FAILURE")
        app.conf.update(result_expires=None, result_failure_expires=0.000001)
        app.backend.cleanup()

        assert [app.backend.get_state(id_) for id_ in ("id-1", "id-2")] == ["SUCCESS", "PENDING"]

    def test_the_task_that_cleans_up_knows_failures_too(self, app):
        app.backend.store_result("id-1", 1, "SUCCESS")
        app.backend.store_result("id-2", ValueError("no"), "FAILURE")
        app.conf.update(result_expires=0.000001, result_failure_expires=0)
        app.tasks["celery.backend_cleanup"]()

        assert [app.backend.get_state(id_) for id_ in ("id-1", "id-2")] == ["PENDING", "FAILURE"]

    def test_waiting_has_an_end(self, app):
        with pytest.raises(NotInTime):
            app.backend.wait_for("nobody", timeout=0.01)

    def test_a_backend_that_keeps_nothing_says_so(self):
        with Celeriac("a", broker="memory://", set_as_current=False) as app:
            assert isinstance(app.backend, DisabledBackend)
            with pytest.raises(NotSupported, match="chords need a result backend"):
                app.backend.ensure_chords_allowed()

    def test_times_to_live_are_seconds(self, app):
        app.conf.result_expires = timedelta(hours=1)

        assert app.backend.supports_failure_expires
        assert (app.backend.expires, app.backend.failure_expires) == (3600.0, 3600.0)
        app.conf.result_failure_expires = timedelta(hours=2)
        assert (app.backend.expires, app.backend.failure_expires) == (3600.0, 7200.0)
        assert app.backend.prepare_expires(timedelta(minutes=1), int) == 60

    def test_what_else_it_is_asked_it_asks_the_store(self, app):
        assert app.backend.capabilities is not None
        assert app.backend.fetch(["nobody"]) == [None]


class TestSmallThings:
    def test_classes_are_bound_to_the_app(self, app):
        class Summing(app.Task):
            name = "shop.summing"

            def run(self, numbers):
                return sum(numbers)

        class Thing:
            pass

        summing = app.register_task(Summing())

        assert issubclass(Summing, Task)
        assert app.Task is app.Task
        assert summing.apply(([1, 2],)).get() == 3
        assert app.subclass_with_self(Thing).app is app

    def test_the_class_of_tasks_may_be_named(self):
        app = Celeriac("a", task_cls="celeriac.entrypoints.library.task:Task", set_as_current=False)

        assert app.task_cls is Task

    def test_classes_of_parts_may_be_ones_own(self):
        class MyAmqp(AMQP):
            pass

        class MyApp(Celeriac):
            log_cls = "celeriac.entrypoints.celery_modules.contrib_testing_app:UnitLogging"

        fixed = []
        app = MyApp("a", amqp=MyAmqp, fixups=[fixed.append], set_as_current=False)

        assert type(app.amqp) is MyAmqp
        assert type(app.log).__name__ == "UnitLogging"
        assert fixed == [app]

    def test_a_task_may_be_run_under_a_request_of_ones_own(self, app):
        @app.task(bind=True)
        def who(self):
            return self.request.id

        who.push_request(id="mine")
        mine = who.request_stack.top
        outside = who.request.id
        who.pop_request()

        assert (mine.id, outside, who.request.id) == ("mine", "mine", None)

    def test_a_method_may_be_wrapped(self, app):
        @app.task
        def add(x, y):
            return x + y

        add.add_around("run", lambda run: lambda *args: run(*args) * 10)

        assert add(1, 2) == 30
        assert add.backend is app.backend

    def test_ids_of_an_app_stay(self, app):
        assert app.oid == app.oid
        assert app.thread_oid == app.thread_oid != app.oid

    def test_steps_and_options_are_sets_by_name(self, app):
        app.steps["worker"].add(object)
        app.user_options["preload"].add("x")

        assert app.steps["worker"] == {object}
        assert app.user_options["worker"] == set()

    def test_settings_are_chosen_by_either(self, app):
        assert app.either("task_default_queue", None) == "celery"
        assert app.either("task_default_queue", None, "mail") == "mail"

    def test_the_zone_is_told(self, app):
        assert app.uses_utc_timezone()

    def test_arguments_are_checked(self, app):
        check = app.type_checker(lambda x, y: None)

        check(1, 2)
        with pytest.raises(TypeError):
            check(1)

    def test_a_bug_report_names_versions_and_no_secret(self, app):
        app.conf.redis_password = "hush"

        report = app.bugreport()

        assert "celeriac" in report
        assert "hush" not in report

    def test_a_worker_is_made(self, app):
        assert app.Worker(hostname="w@here").hostname == "w@here"

    def test_a_class_that_leads_nowhere_is_an_error_that_names_it(self):
        with pytest.raises((ImproperlyConfigured, ImportError), match="nowhere"):
            Celeriac("a", task_cls="nowhere.to:Be", set_as_current=False)
