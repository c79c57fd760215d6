"""The app itself: settings, parts, control, time."""

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from celeriac import Celeriac
from celeriac.adapters.memory import MemoryBroker, MemoryResults, MemorySettler, MemoryStore
from celeriac.application.settle import ResultlessSettler, SeparateSettler
from celeriac.entrypoints.testing import running_worker, work_off
from celeriac.exceptions import ImproperlyConfigured, UnknownScheme, UnknownSetting


def test_settings_are_keywords_objects_and_changes(shop_with):
    class Config:
        task_default_queue = "own"
        timezone = "Europe/Berlin"

    app = Celeriac("a", config_source=Config, task_default_priority=3, set_as_current=False)
    app.conf.update(task_acks_late=True)
    app.add_defaults({"worker_lease": 20})

    assert (app.conf.task_default_queue, app.conf.task_default_priority) == ("own", 3)
    assert (app.conf.task_acks_late, app.timezone) == (True, ZoneInfo("Europe/Berlin"))


def test_an_unknown_setting_is_refused_with_the_nearest():
    with pytest.raises(UnknownSetting, match="task_always_eager"):
        Celeriac("a", task_allways_eager=True, set_as_current=False)


def test_urls_given_to_the_app_are_settings():
    app = Celeriac("a", broker="memory://", backend="cache+memory://", set_as_current=False)

    assert (app.conf.broker_url, app.conf.result_backend) == ("memory://", "cache+memory://")
    assert (app.broker.url, app.results.url) == ("memory://", "memory://")


def test_the_environment_beats_the_code(monkeypatch):
    monkeypatch.setenv("CELERY_BROKER_URL", "memory://")

    app = Celeriac("a", broker="redis://far", set_as_current=False)

    assert app.conf.broker_url == "memory://"


def test_ready_adapters_are_used_as_they_are():
    store = MemoryStore()
    broker, results = MemoryBroker(store), MemoryResults(store)

    app = Celeriac("a", broker=broker, backend=results, set_as_current=False)

    assert (app.broker, app.results) == (broker, results)
    assert isinstance(app.container.settler(), MemorySettler)


def test_the_settler_follows_from_where_messages_and_results_are(tmp_path):
    def settler(**places):
        app = Celeriac("a", set_as_current=False, **places)
        try:
            found = app.container.settler()
            return type(found), found.atomic
        finally:
            app.close()

    one, two = f"sqlite:///{tmp_path}/one.db", f"sqlite:///{tmp_path}/two.db"
    apart = MemoryBroker(MemoryStore())

    assert settler(broker="memory://", backend="memory://") == (MemorySettler, True)
    assert settler(broker=apart, backend=MemoryResults()) == (SeparateSettler, False)
    assert settler(broker="memory://") == (ResultlessSettler, True)
    assert settler(broker=one) == (ResultlessSettler, True)
    assert settler(broker=one, backend=two) == (SeparateSettler, False)
    assert settler(broker=one, backend=one)[1]
    assert settler(broker="memory://", backend=one) == (SeparateSettler, False)


@pytest.mark.parametrize("places", ["apart", "sql-and-memory", "two-files", "no-results"])
def test_tasks_run_wherever_messages_and_results_are(tmp_path, places):
    one, two = f"sqlite:///{tmp_path}/one.db", f"sqlite:///{tmp_path}/two.db"
    given = {
        "apart": {"broker": MemoryBroker(), "backend": MemoryResults()},
        "sql-and-memory": {"broker": one, "backend": "memory://"},
        "two-files": {"broker": one, "backend": f"db+{two}"},
        "no-results": {"broker": one},
    }[places]
    app = Celeriac("a", set_as_current=False, **given)
    seen = []
    after = app.task(name="after")(seen.append)
    five = app.task(name="five")(lambda: 5)

    result = five.apply_async(link=after.s())
    work_off(app)

    assert seen == [5]
    if places != "no-results":
        assert result.get(timeout=0) == 5
    app.close()


def test_without_urls_everything_is_in_one_file_where_the_app_was_started(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app = Celeriac("a", set_as_current=False)
    add = app.task(name="add")(lambda x, y: x + y)

    with running_worker(app):
        assert add.delay(1, 2).get(timeout=20) == 3

    app.close()
    assert [path.name for path in tmp_path.glob("*.sqlite3")] == ["celeriac.sqlite3"]


def test_an_app_that_was_closed_opens_again_when_it_is_used(tmp_path):
    app = Celeriac("a", broker=f"sqlite:///{tmp_path}/a.db", set_as_current=False)
    add = app.task(name="add")(lambda x: x)
    add.delay(1)
    app.close()
    app.close()
    add.delay(2)

    assert app.broker.depth(["celery"]) == {"celery": 2}
    app.close()


def test_an_unknown_scheme_is_an_error_of_the_first_use_and_not_of_closing():
    app = Celeriac("a", broker="nats://user:secret@host", set_as_current=False)
    add = app.task(name="add")(lambda x: x)

    with pytest.raises(UnknownScheme, match=r"memory, .*sqlite") as refused:
        add.delay(1)
    assert "secret" not in str(refused.value)
    app.close()


def test_a_timezone_is_checked_when_it_is_needed(shop, shop_with):
    assert shop.app.timezone is UTC
    assert shop.app.now() == shop.clock.now()
    with pytest.raises(ImproperlyConfigured, match="Europe/Berlin"):
        _ = shop_with(timezone="Mars/Olympus").app.timezone


def test_a_route_that_cannot_be_imported_is_named(shop_with):
    shop = shop_with(task_routes=["no.such.router"])

    with pytest.raises(ImproperlyConfigured, match=r"task_routes names 'no\.such\.router'"):
        shop.app.send_task("t")


def test_old_results_are_deleted_by_the_built_in_task(shop):
    result = shop.app.task(name="five")(lambda: 5).delay()
    shop.work_off()
    cleanup = shop.app.tasks["celery.backend_cleanup"]

    shop.clock.advance(24 * 3600 + 1)
    cleanup.delay()
    shop.work_off()

    assert shop.app.AsyncResult(result.id).state == "PENDING"


def test_queues_are_purged(shop):
    task = shop.app.task(name="t")(lambda: None)
    for _ in range(3):
        task.delay()

    assert (shop.app.control.purge(), shop.app.control.purge()) == (3, 0)


def test_workers_answer_a_ping_and_stop_when_they_are_told():
    app = Celeriac("a", broker="memory://", backend="memory://", set_as_current=False)

    with running_worker(app, hostname="w1@host") as worker:
        answers = app.control.ping(limit=1, timeout=20)
        nobody = app.control.ping(destination=["other@host"], timeout=0.05)
        app.control.shutdown()
        assert worker.worker.finished.wait(20)

    assert (answers, nobody) == ([{"w1@host": {"ok": "pong"}}], [])


def test_unknown_commands_and_failing_ones_are_answered_with_their_error():
    app = Celeriac("a", broker="memory://", backend="memory://", set_as_current=False)

    with running_worker(app, hostname="w1@host"):
        unknown = app.control.broadcast("dance", reply=True, limit=1, timeout=20)
        broken = app.control.broadcast("revoke", {"task_id": 5}, reply=True, limit=1, timeout=20)
        after = app.control.ping(limit=1, timeout=20)

    assert unknown == [{"w1@host": {"error": "KeyError('dance')"}}]
    assert "TypeError" in broken[0]["w1@host"]["error"]
    assert after


def test_a_revoked_task_that_comes_later_is_not_run():
    app = Celeriac("a", broker="memory://", backend="memory://", set_as_current=False)
    seen = []
    note = app.task(name="note")(seen.append)

    with running_worker(app) as worker:
        app.control.broadcast("revoke", {"task_id": ["t"]}, reply=True, limit=1, timeout=20)
        result = note.apply_async((1,), task_id="t")
        state = result.get(timeout=20, propagate=False)

    assert (type(state).__name__, result.state, seen) == ("TaskRevokedError", "REVOKED", [])
    assert worker.worker.completed == 0


def test_what_a_pool_of_threads_cannot_terminate_goes_on(live):
    import threading

    begun, let_go = threading.Event(), threading.Event()

    @live.task(name="slow")
    def slow():
        begun.set()
        return let_go.wait(20)

    result = slow.delay()
    assert begun.wait(20)
    live.control.broadcast(
        "revoke", {"task_id": [result.id], "terminate": True}, reply=True, limit=1, timeout=20
    )
    let_go.set()

    assert result.get(timeout=20) is True


def test_the_worker_that_is_embedded_brings_its_own_error_out():
    app = Celeriac("a", broker="memory://", set_as_current=False)

    refused = pytest.raises(ImproperlyConfigured, match="worker_pool='nonsense'")
    with refused, running_worker(app, pool="nonsense"):
        pass
