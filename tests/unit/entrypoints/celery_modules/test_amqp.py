"""`celery.app.amqp`: queues, routes and messages by hand, as Celery's users have them."""

from datetime import UTC, datetime

import kombu
import pytest

from celeriac import Celeriac
from celeriac.domain.errors import NotSupported, QueueNotFound
from celeriac.domain.messaging.queues import Exchange, Queue
from celeriac.entrypoints.celery_modules.app_amqp import AMQP, INT_MIN, Queues, utf8dict
from celeriac.entrypoints.testing import work_off

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def app():
    with Celeriac("shop", broker="memory://", backend="memory://", set_as_current=False) as app:
        yield app


class TestQueues:
    def test_they_may_be_described_or_made_of_kombus(self):
        described = Queues({"mail": {"exchange": "post", "routing_key": "letters"}})
        made = Queues([kombu.Queue("mail", kombu.Exchange("post"), routing_key="letters")])

        assert described == made == {"mail": Queue("mail", Exchange("post"), "letters")}

    def test_what_they_do_not_say_themselves_is_said_for_all(self):
        queues = Queues(
            [kombu.Queue("mail"), kombu.Queue("video", kombu.Exchange("v"), routing_key="k")],
            default_exchange=kombu.Exchange("post", type="topic"),
            max_priority=5,
            default_routing_key="letters",
        )

        assert queues["mail"].exchange == Exchange("post", "topic")
        assert queues["mail"].routing_key == "letters"
        assert queues["video"].exchange == Exchange("v")
        assert {queue.max_priority for queue in queues.values()} == {5}

    def test_a_name_that_nobody_declared_stands_for_a_queue(self):
        queues = Queues(
            ["mail"],
            create_missing_queue_type="quorum",
            create_missing_queue_exchange_type="topic",
        )

        new = queues["new"]

        assert (new.exchange, new.routing_key) == (Exchange("new", "topic"), "new")
        assert new.arguments == {"x-queue-type": "quorum"}
        assert list(queues) == ["mail", "new"]
        assert list(queues.consume_from) == ["mail"]

    def test_its_exchange_may_be_made_by_a_function(self):
        queues = Queues(autoexchange=lambda name: kombu.Exchange(f"auto-{name}", type="fanout"))

        assert queues["new"].exchange == Exchange("auto-new", "fanout")

    def test_such_names_may_be_forbidden(self):
        with pytest.raises(KeyError, match="new"):
            Queues(create_missing=False)["new"]

    def test_an_app_knows_those_of_its_settings(self, app):
        app.conf.task_queues = {"mail": {"exchange": "post", "routing_key": "letters"}}

        assert app.amqp.Queues(None) == {"celery": app.amqp.default_queue}
        assert list(app.amqp.Queues([kombu.Queue("video")])) == ["video"]
        assert app.amqp.queues["later"] == Queue("later")

    def test_an_app_may_forbid_such_names_by_its_settings(self, app):
        app.conf.task_create_missing_queues = False

        with pytest.raises(QueueNotFound, match="'new'"):
            app.amqp.queues.new_missing("new")
        with pytest.raises(KeyError):
            app.amqp.queues["new"]


class TestRoutes:
    def test_rules_that_change_are_followed_after_a_flush(self, app):
        app.send_task("shop.pack")
        app.conf.task_routes = {"shop.*": {"queue": "shop"}}

        app.amqp.flush_routes()
        app.send_task("shop.pack")

        assert len(app.amqp.routes) == 1
        assert app.broker.depth(["celery", "shop"]) == {"celery": 1, "shop": 1}

    def test_a_router_answers_with_a_queue(self, app):
        app.conf.task_routes = {"shop.*": {"queue": "shop", "priority": 3}}

        options = app.amqp.Router().route({}, "shop.pack")

        assert (options["queue"].name, options["priority"]) == ("shop", 3)

    def test_a_router_may_be_told_to_make_no_queues(self, app):
        app.conf.task_routes = {"shop.*": {"queue": "shop"}}

        with pytest.raises(QueueNotFound):
            app.amqp.Router(create_missing=False).route({}, "shop.pack")


class TestMessages:
    def test_of_protocol_1(self, app):
        message = app.amqp.as_task_v1(
            "id1",
            "shop.add",
            (1, 2),
            {"k": 3},
            countdown=5,
            expires=10,
            group_id="g",
            retries=2,
            callbacks=[],
            reply_to="r",
            create_sent_event=True,
            time_limit=3,
            soft_time_limit=2,
            root_id="has no place in it",
            now=NOON,
        )

        dates = {"eta": "2026-05-01T12:00:05+00:00", "expires": "2026-05-01T12:00:10+00:00"}
        assert message == (
            {},
            {"correlation_id": "id1", "reply_to": "r"},
            {
                "task": "shop.add",
                "id": "id1",
                "args": (1, 2),
                "kwargs": {"k": 3},
                "group": "g",
                "group_index": None,
                "retries": 2,
                **dates,
                "utc": True,
                "callbacks": [],
                "errbacks": None,
                "timelimit": (3, 2),
                "taskset": "g",
                "chord": None,
            },
            {
                "uuid": "id1",
                "name": "shop.add",
                "args": "(1, 2)",
                "kwargs": "{'k': 3}",
                "retries": 2,
                **dates,
            },
        )

    def test_of_protocol_1_are_run_once_they_are_sent(self, app):
        @app.task(name="shop.add", bind=True)
        def add(self, x, y):
            return [x + y, self.request.retries, self.request.timelimit, self.request.group]

        message = app.amqp.as_task_v1(
            "id1", "shop.add", (1,), {"y": 2}, retries=2, time_limit=9, group_id="g"
        )
        sent = app.amqp.send_task_message(None, "shop.add", message)
        work_off(app)

        assert sent.get(timeout=1) == [3, 2, [9, None], "g"]

    def test_arguments_that_are_none_are_refused(self, app):
        with pytest.raises(TypeError, match=r"shop\.add"):
            app.amqp.as_task_v1("id1", "shop.add", "xx")

    def test_of_protocol_2_tell_what_is_sent(self, app):
        message = app.amqp.as_task_v2(
            "id1", "shop.add", (1,), retries=1, create_sent_event=True, now=NOON
        )

        assert "now" not in message.properties
        assert message.sent_event == {
            "uuid": "id1",
            "root_id": "id1",
            "parent_id": None,
            "name": "shop.add",
            "args": "(1,)",
            "kwargs": "{}",
            "retries": 1,
            "eta": None,
            "expires": None,
        }

    def test_texts_of_arguments_have_one_length(self, app):
        assert app.amqp.argsrepr_maxsize == app.amqp.kwargsrepr_maxsize == 1024
        with pytest.raises(NotSupported, match="argsrepr=…"):
            app.amqp.argsrepr_maxsize = 99


class TestConsumers:
    def test_they_take_from_the_queues_a_worker_would(self, app):
        app.conf.task_queues = {
            "mail": {"exchange": "post", "routing_key": "letters"},
            "video": {"max_priority": 4},
        }
        app.amqp.queues.select(["mail", "video"])

        with kombu.Connection("memory://") as connection:
            consumer = app.amqp.TaskConsumer(connection.default_channel)

            mail, video = consumer.queues
            assert (mail.exchange.name, mail.exchange.type) == ("post", "direct")
            assert (mail.routing_key, video.name, video.max_priority) == ("letters", "video", 4)
            assert consumer.accept == {"application/json"}

    def test_they_may_be_given_others(self, app):
        with kombu.Connection("memory://") as connection:
            other = kombu.Queue("other")
            consumer = app.amqp.TaskConsumer(
                connection.default_channel, [other], accept=["yaml"], callbacks=[print]
            )

            assert [queue.name for queue in consumer.queues] == ["other"]
            assert isinstance(consumer, app.amqp.Consumer)
            assert consumer.callbacks == [print]

    def test_a_view_of_the_broker_has_no_channel_for_them(self, app):
        with pytest.raises(NotSupported, match=r"kombu\.Connection"):
            app.amqp.TaskConsumer(app.connection().default_channel)


def test_an_app_may_have_its_own_exchanges_for_new_queues():
    class Mine(AMQP):
        autoexchange = staticmethod(lambda name: Exchange(f"auto-{name}"))

    with Celeriac("a", broker="memory://", amqp=Mine, set_as_current=False) as app:
        assert app.amqp.queues["new"].exchange == Exchange("auto-new")


def test_names_in_bytes_become_texts():
    assert utf8dict({b"a": b"x", "c": 1}) == {"a": b"x", "c": 1}
    assert INT_MIN == -2147483648
