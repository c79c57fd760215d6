"""Waiting tasks are moved to other queues and to other brokers."""

import pytest

from celeriac import Celeriac
from celeriac.domain.errors import NotSupported
from celeriac.domain.messaging.queues import Exchange, Queue
from celeriac.entrypoints.celery_modules import contrib_migrate as migrate
from celeriac.entrypoints.testing import work_off


@pytest.fixture
def app(tmp_path):
    with Celeriac("a", broker=f"sqlite:///{tmp_path}/one.db", set_as_current=False) as app:
        app.task(name="add")(lambda x, y: x + y)
        app.task(name="mail")(lambda to: to)
        yield app


def waiting(app, *queues):
    """Return which tasks wait in these queues."""
    return [sorted(one.task for one in app.broker.peek(queue, 100)) for queue in queues]


def test_tasks_are_moved_by_their_names(app):
    for task in ("add", "mail", "add"):
        app.send_task(task, (1, 2))

    state = migrate.move_by_taskmap({"add": "sums"}, app=app)

    assert waiting(app, "celery", "sums") == [["mail"], ["add", "add"]]
    assert (state.filtered, state.count, repr(state)) == (2, 3, "^2")


def test_one_task_is_moved_by_its_id_and_can_be_run_there(app):
    stays, goes = app.send_task("add", (1, 2)), app.send_task("add", (3, 4))

    migrate.move_task_by_id(goes.id, Queue("sums", Exchange("sums"), "sums"), app=app)

    (moved,) = app.broker.peek("sums", 10)
    (left,) = app.broker.peek("celery", 10)
    assert (moved.id, left.id) == (goes.id, stays.id)
    assert app.container.codec().decode(moved.payload)[0] == [3, 4]


def test_a_predicate_sees_what_a_task_is_called_with_and_says_where_it_goes(app):
    for n in range(4):
        app.send_task("add", (n, n))
    seen = []

    migrate.move(
        lambda body, message: body["args"][0] % 2 and ("", "odd"),
        app=app,
        callback=lambda state, body, message: seen.append((state.filtered, body["args"])),
    )

    assert waiting(app, "celery", "odd") == [["add"] * 2, ["add"] * 2]
    assert seen == [(1, [1, 1]), (2, [3, 3])]


def test_no_more_are_moved_than_asked_for_and_only_of_those_named(app):
    for task in ("mail", "add", "add", "add"):
        app.send_task(task, (1, 2))

    migrate.move(lambda *_: True, routing_key="sums", app=app, limit=2, tasks="add")

    assert waiting(app, "celery", "sums") == [["add", "mail"], ["add", "add"]]


def test_a_callback_may_end_it(app):
    for _ in range(3):
        app.send_task("add", (1, 2))

    def enough(state, body, message):
        raise migrate.StopFiltering

    migrate.move(lambda *_: "sums", app=app, callback=enough)

    assert waiting(app, "celery", "sums") == [["add", "add"], ["add"]]


def test_a_predicate_that_names_no_place_is_told_what_to_answer(app):
    app.send_task("add", (1, 2))

    with pytest.raises(ValueError, match="that is no destination"):
        migrate.move(lambda *_: True, app=app)
    assert waiting(app, "celery") == [["add"]]


def test_a_task_that_is_there_already_stays(app):
    app.send_task("add", (1, 2))

    assert migrate.move(lambda *_: "celery", app=app).filtered == 0
    assert waiting(app, "celery") == [["add"]]


def test_a_task_is_moved_to_one_workers_queue(app):
    sent = app.send_task("add", (1, 2))

    migrate.move_direct_by_id(sent.id, "w1@host", app=app)

    assert waiting(app, "celery", "w1@host.dq2") == [[], ["add"]]


def test_tasks_are_moved_to_another_broker_and_run_there(app, tmp_path):
    there = f"sqlite:///{tmp_path}/two.db"
    for task in ("add", "mail"):
        app.send_task(task, (1, 2) if task == "add" else ("me",))
    ran = []

    state = migrate.migrate_tasks(app.connection(), there, app=app, queues="celery:old")

    assert (state.filtered, waiting(app, "celery")) == (2, [[]])
    with Celeriac("b", broker=there, set_as_current=False, task_default_queue="old") as other:
        other.task(name="add")(lambda x, y: ran.append(x + y))
        other.task(name="mail")(lambda to: ran.append(to))
        work_off(other)
    assert sorted(map(str, ran)) == ["3", "me"]


def test_it_is_said_where_tasks_are_moved(app, capsys):
    sent = app.send_task("add", (1, 2))

    migrate.move(lambda *_: "sums", app=app, callback=migrate.filter_status)

    assert capsys.readouterr().out == f"Moving task 1/1: add[{sent.id}]\n"


def test_a_broker_that_cannot_take_out_single_messages_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Celeriac("a", broker="filesystem://", set_as_current=False) as app:
        if app.broker.capabilities.seize and app.broker.capabilities.peek:
            monkeypatch.setattr(
                "celeriac.entrypoints.library.moving.another_owner", lambda broker: None
            )
        with pytest.raises(NotSupported, match="tasks cannot be moved out of"):
            migrate.move(lambda *_: "sums", app=app)


@pytest.mark.parametrize(
    ("said", "meant"),
    [("a:b,c", {"a": "b", "c": "c"}), (["a:b"], {"a": "b"}), ({"a": "b"}, {"a": "b"}), (None, {})],
)
def test_queues_are_renamed_as_written(said, meant):
    assert migrate.prepare_queues(said) == meant


def test_ids_are_compared():
    assert migrate.task_id_eq("x", {"id": "x"}, None)
    assert not migrate.task_id_in({"y"}, {"id": "x"}, None)
