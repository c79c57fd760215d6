"""Result backends that a site has written for Celery."""

import json
import threading
from typing import Any, ClassVar

import pytest

from celeriac import Celeriac, chord, group
from celeriac.domain.errors import (
    BackendGetMetaError,
    BackendUnavailable,
    ImproperlyConfigured,
    NotSupported,
)
from celeriac.domain.messaging.message import TaskMessage
from celeriac.entrypoints.celery_modules import app_backends
from celeriac.entrypoints.celery_modules.backends_base import BaseDictBackend, KeyValueStoreBackend
from celeriac.entrypoints.testing import running_worker


class Dict(KeyValueStoreBackend):
    shelf: ClassVar[dict[bytes, Any]] = {}

    def get(self, key):
        return self.shelf.get(key)

    def set(self, key, value):
        self.shelf[key] = value

    def delete(self, key):
        self.shelf.pop(key, None)


class Table(BaseDictBackend):
    """Keeps rows, with the content encoded in a column, as those over databases do."""

    rows: ClassVar[dict[str, dict[str, Any]]] = {}
    told: ClassVar[list[str]] = []

    def store_result(self, task_id, result, state, traceback=None, request=None, **kwargs):
        self.told.append(state)
        return super().store_result(task_id, result, state, traceback, request, **kwargs)

    def _store_result(self, task_id, result, state, traceback=None, request=None, **kwargs):
        meta = self._get_result_meta(result, state, traceback, request, encode=True)
        self.rows[task_id] = {**meta, "result": self.encode(result), "task_id": task_id}

    def _get_task_meta_for(self, task_id):
        row = self.rows.get(task_id)
        if row is None:
            return {"status": "PENDING", "result": None}
        meta = {**row, "result": self.decode(row["result"])}
        if meta.get("args"):
            meta |= {key: self.decode(row[key]) for key in ("args", "kwargs")}
        return self.meta_from_decoded(meta)

    def _forget(self, task_id):
        self.rows.pop(task_id, None)

    def _save_group(self, group_id, result):
        self.rows[group_id] = {"result": result.as_tuple()}

    def _restore_group(self, group_id):
        return self.rows.get(group_id)

    def _delete_group(self, group_id):
        self.rows.pop(group_id, None)


@pytest.fixture(autouse=True)
def empty():
    Dict.shelf.clear()
    Table.rows.clear()
    Table.told.clear()


def make(backend: Any, broker: str = "memory://", **settings: Any) -> Celeriac:
    app = Celeriac("shop", broker=broker, backend=backend, set_as_current=False, **settings)

    @app.task(name="add")
    def add(x, y):
        return x + y

    @app.task(name="total")
    def total(numbers):
        return sum(numbers)

    @app.task(name="fail")
    def fail():
        raise KeyError("gone")

    return app


@pytest.fixture(params=["Dict", "Table"])
def app(request):
    with make(f"{__name__}:{request.param}") as app, running_worker(app):
        yield app


def test_values_and_failures_are_kept_by_a_backend_named_by_its_place(app):
    kept, failed = app.tasks["add"].delay(1, 2), app.tasks["fail"].delay()

    assert kept.get(timeout=10) == 3
    with pytest.raises(KeyError, match="gone"):
        failed.get(timeout=10)
    assert "KeyError: 'gone'" in failed.traceback
    assert type(app.backend).__name__ in ("Dict", "Table")
    assert app.backend.get_state(kept.id) == "SUCCESS"
    kept.forget()
    assert app.backend.get_state(kept.id) == "PENDING"


def test_groups_are_saved_and_restored(app):
    add = app.tasks["add"]
    sent = group(add.s(n, n) for n in range(3)).delay()

    assert sent.get(timeout=10) == [0, 2, 4]
    sent.save()
    restored = app.GroupResult.restore(sent.id)
    assert (restored.id, restored.get(timeout=1)) == (sent.id, [0, 2, 4])
    restored.delete()
    assert app.GroupResult.restore(sent.id) is None


def test_chords_are_counted_in_the_brokers_store(app):
    add, total = app.tasks["add"], app.tasks["total"]

    assert chord(add.s(n, n) for n in range(10))(total.s()).get(timeout=10) == 90


def test_without_a_store_that_counts_chords_are_refused_with_what_to_do():
    app = make(f"{__name__}:Dict", broker="filesystem://")

    with pytest.raises(NotSupported, match=r"counts its parts.*Dict'.*set it to a URL"):
        chord([app.tasks["add"].s(1, 1)])(app.tasks["total"].s())
    app.close()


@pytest.fixture
def on_files(tmp_path):
    """An app whose broker keeps messages only."""
    app = make(f"{__name__}:Dict", broker="filesystem://")
    app.conf.broker_transport_options = {
        "data_folder_in": f"{tmp_path}",
        "data_folder_out": f"{tmp_path}",
        "control_folder": f"{tmp_path}/control",
    }
    with app, running_worker(app, pool="threads"):
        yield app


def test_without_a_store_that_counts_chords_can_be_polled_for(on_files):
    on_files.conf.update(result_chord_polling=True, result_chord_retry_interval=0.05)
    add, total = on_files.tasks["add"], on_files.tasks["total"]

    assert chord([add.s(1, 1), add.s(2, 2)])(total.s()).get(timeout=20) == 6


def test_a_part_of_a_chord_that_another_polls_for_is_settled(on_files, caplog):
    body = {"task": "total", "args": [], "kwargs": {}, "options": {"task_id": "b"}}
    raw = json.dumps([[1, 2], {}, {"chord": {**body, "subtask_type": None}}]).encode()
    where = {"queue": "celery", "routing_key": "celery"}

    part = TaskMessage("p", "add", raw, **where, headers={"group": "g"})
    on_files.broker.publish([part], deadline=5)

    assert on_files.AsyncResult("p").get(timeout=20) == 3
    assert on_files.tasks["add"].delay(1, 1).get(timeout=20) == 2
    assert [line.message for line in caplog.records if line.levelname == "ERROR"] == []


def test_the_document_is_celerys():
    with make(Dict, result_extended=True) as app, running_worker(app, hostname="w@here"):
        sent = app.tasks["add"].delay(1, 2)
        sent.get(timeout=10)

    document = json.loads(Dict.shelf[f"celery-task-meta-{sent.id}".encode()])
    assert document.pop("date_done")
    assert document == {
        "task_id": sent.id,
        "status": "SUCCESS",
        "result": 3,
        "traceback": None,
        "children": [],
        "name": "add",
        "args": [1, 2],
        "kwargs": {},
        "worker": "w@here",
        "retries": 0,
        "queue": "celery",
    }


def test_a_store_result_of_ones_own_is_called_for_each_state():
    with make(Table, task_track_started=True) as app, running_worker(app):
        app.tasks["add"].delay(1, 2).get(timeout=10)

    assert Table.told == ["STARTED", "SUCCESS"]


def test_a_success_is_not_replaced_by_what_comes_late():
    with make(Dict) as app:
        app.backend.mark_as_done("an-id", 5)
        app.store_state("an-id", "STARTED", {})

        assert app.AsyncResult("an-id").state == "SUCCESS"


def test_each_thread_has_a_backend_of_its_own_unless_it_is_said_to_be_safe():
    found: list[Any] = []
    with make(Dict) as app, make(Dict, result_backend_thread_safe=True) as safe:
        for one in (app, safe):
            thread = threading.Thread(target=lambda one=one: found.append(one.backend))
            thread.start()
            thread.join()
            found.append(one.backend)

    assert found[0] is not found[1]
    assert found[2] is found[3]


def test_what_a_backend_raises_says_which_backend_it_was():
    class Broken(Dict):
        def get(self, key):
            raise OSError("no route to host")

    with make(Broken) as app, pytest.raises(BackendUnavailable, match=r"Broken:// raised OSError"):
        app.backend.get_state("an-id")


class DataError(Exception):
    """A value that a column does not take, as drivers of databases call it."""


class Choosy(Dict):
    """Takes no text of the number 13, and is away when it is told to be."""

    refusal: ClassVar[type[Exception]] = ValueError
    away: ClassVar[list[Exception]] = []

    def set(self, key, value):
        if self.away:
            raise self.away.pop()
        if '"result": 13' in str(value):
            raise self.refusal("not that one")
        super().set(key, value)


@pytest.mark.parametrize("refusal", [ValueError, DataError])
def test_a_value_that_a_backend_does_not_take_fails_its_task_and_holds_nobody_up(
    monkeypatch, refusal
):
    monkeypatch.setattr(Choosy, "refusal", refusal)
    with make(f"{__name__}:Choosy") as app, running_worker(app):
        refused, kept = app.tasks["add"].delay(6, 7), app.tasks["add"].delay(1, 2)

        assert kept.get(timeout=20) == 3
        with pytest.raises(Exception, match=r"Choosy.*not that one"):
            refused.get(timeout=20)
        Choosy.away[:] = [OSError("unplugged")] * 2
        assert app.tasks["add"].delay(2, 2).get(timeout=20) == 4


def test_a_url_behind_the_class_reaches_it():
    with make(f"{__name__}.Dict://user:secret@host/3") as app:
        backend = app.backend

        assert backend.url.endswith("://user:secret@host/3")
        assert "secret" not in app.results.url


def test_a_name_that_a_loader_knows_is_that_class():
    app = make("cupboard")
    app.loader.override_backends = {"cupboard": f"{__name__}:Dict"}

    assert isinstance(app.backend, Dict)
    assert app_backends.by_name("cupboard", app.loader) is Dict
    assert app_backends.by_name(f"{__name__}:Dict") is Dict
    app.close()


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("nowhere.results:Backend", r"result_backend='nowhere.*cannot be imported: No module"),
        ("datetime:timedelta", r"expected a class derived from celery.backends.base.BaseBackend"),
        ("cupboard", r"cupboard"),
    ],
)
def test_what_is_no_backend_is_refused(asked, why):
    app = make(asked)

    with pytest.raises(ImproperlyConfigured, match=why):
        app.results.open()
    app.close()


def test_a_backend_that_defines_too_little_says_what_is_missing():
    class Half(BaseDictBackend):
        pass

    with make(Half) as app, pytest.raises(BackendGetMetaError, match=r"Half.*_get_task_meta_for"):
        app.backend.get_state("an-id")
