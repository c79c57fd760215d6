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


def test_waiting_tasks_are_shown_one_by_one_and_stay(app):
    for n in range(3):
        app.send_task("add", (n, n))
    seen, queues = [], []

    state = migrate.start_filter(
        app,
        app.connection(),
        lambda body, message: seen.append((body["args"], message.headers["task"])),
        timeout=0,
        on_declare_queue=lambda queue: queues.append(queue.name),
    )

    assert seen == [([n, n], "add") for n in range(3)]
    assert (state.count, state.total_apx, queues) == (3, 3, ["celery"])
    assert waiting(app, "celery") == [["add"] * 3]


def test_a_filter_takes_out_what_it_acknowledges(app):
    for task in ("add", "mail", "add"):
        app.send_task(task, (1, 2))

    def drop_mails(body, message):
        if body["task"] == "mail":
            message.ack()
            message.ack()

    migrate.start_filter(app, None, drop_mails, timeout=0)

    assert waiting(app, "celery") == [["add", "add"]]


def test_all_that_was_shown_is_taken_out_if_asked_for_up_to_a_limit(app):
    for task in ("mail", "add", "add", "add"):
        app.send_task(task, (1, 2))
    shown, told = [], []

    state = migrate.Filterer(
        app,
        app.connection(),
        lambda body, message: shown.append(body["task"]),
        limit=3,
        ack_messages=True,
        tasks="add",
        callback=lambda state, body, message: told.append((state.count, message.acknowledged)),
    ).start()

    assert (shown, told) == (["add", "add"], [(1, True), (2, True), (3, True)])
    assert (repr(state), waiting(app, "celery")) == ("3/4", [["add"]])


def test_a_filter_goes_on_for_ever_until_it_is_told_to_stop(app):
    app.send_task("add", (0, 0))

    def one_more(body, message):
        if body["args"] == [3, 3]:
            raise migrate.StopFiltering
        n = body["args"][0] + 1
        app.send_task("add", (n, n))

    assert migrate.start_filter(app, None, one_more, timeout=0, forever=True).count == 3


def test_a_derived_filter_says_what_is_read_and_counted(app):
    app.send_task("add", (1, 1), queue="sums")

    class Mine(migrate.Filterer):
        def prepare_consumer(self, consumer):
            self.named = [queue.name for queue in consumer.queues]
            return super().prepare_consumer(consumer)

        def update_state(self, body, message):
            self.state.filtered += 1
            super().update_state(body, message)

    mine = Mine(app, None, lambda body, message: None, timeout=0, consume_from=["sums"])

    assert (repr(mine.start()), mine.named) == ("^1", ["sums"])


def test_a_message_is_published_again_with_all_that_it_says(app):
    sent = app.send_task("add", (1, 2), countdown=0, priority=3, headers={"shop": "x"})
    producer = app.producer_pool.acquire()

    migrate.start_filter(
        app,
        None,
        lambda body, message: migrate.migrate_task(producer, body, message, {"celery": "sums"}),
        timeout=0,
        ack_messages=False,
        queues="celery",
    )

    (moved,) = app.broker.peek("sums", 10)
    (left,) = app.broker.peek("celery", 10)
    assert (moved.id, moved.body, moved.priority) == (sent.id, left.body, 3)
    assert moved.headers == left.headers
    assert (moved.content_type, moved.content_encoding) == (
        left.content_type,
        left.content_encoding,
    )


def test_a_message_is_published_again_by_a_producer_of_kombus_too(app):
    sent = app.send_task("add", (1, 2))

    class Producer:
        def publish(self, body, **options):
            self.sent = body, options

    producer = Producer()
    migrate.start_filter(
        app,
        None,
        lambda body, message: migrate.republish(producer, message, exchange="other"),
        timeout=0,
    )

    body, options = producer.sent
    assert app.broker.peek("celery", 1)[0].body == body
    assert (options["exchange"], options["routing_key"]) == ("other", "celery")
    assert (options["headers"]["id"], options["correlation_id"]) == (sent.id, sent.id)
    assert not {"delivery_info", "delivery_tag"} & options.keys()


def test_tasks_go_to_another_broker_by_a_function_of_ones_own(app, tmp_path):
    there = f"sqlite:///{tmp_path}/two.db"
    for task in ("add", "mail"):
        app.send_task(task, (1, 2))

    def only_sums(producer, body, message, queues):
        if body["task"] == "add":
            migrate.migrate_task(producer, body, message, queues)

    migrate.migrate_tasks(
        app.connection(), there, only_sums, app=app, timeout=0, queues="celery:new"
    )

    assert waiting(app, "celery") == [["add", "mail"]]
    with Celeriac("b", broker=there, set_as_current=False) as other:
        assert waiting(other, "new") == [["add"]]
