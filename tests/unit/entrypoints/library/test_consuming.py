"""Receivers of events as users derive from them: what they override is called."""

from contextlib import contextmanager

import pytest

from celeriac import Celeriac
from celeriac.domain.errors import BrokerUnavailable, NotSupported
from celeriac.domain.messaging.queues import Exchange, Queue
from celeriac.entrypoints.library.event_receiving import EventReceiver


@pytest.fixture
def app():
    with Celeriac("shop", broker="memory://", backend="memory://", set_as_current=False) as app:
        yield app


class Telling(EventReceiver):
    """Notes what it is told, and has an event sent when it hears."""

    def __init__(self, app, *kinds, **options):
        self.told, self.kinds = [], kinds
        super().__init__(app=app, handlers={"*": self.note}, **options)

    def note(self, event):
        self.told.append(event["type"])

    def on_consume_ready(self, connection, channel, consumers, **kwargs):
        self.told.append(("ready", len(consumers), kwargs))
        with self.app.events.default_dispatcher(hostname="a@b") as dispatcher:
            for kind in self.kinds:
                dispatcher.send(kind)

    def on_consume_end(self, connection, channel):
        self.told.append("end")

    def on_connection_revived(self):
        self.told.append("there")

    def on_iteration(self):
        self.told.append("look")

    @contextmanager
    def extra_context(self, connection, channel):
        self.told.append("in")
        yield
        self.told.append("out")


def test_a_receiver_is_told_how_it_goes(app):
    receiver = Telling(app, "shop-sold")

    receiver.capture(limit=1, timeout=20)

    ready = ("ready", 1, {"wakeup": True})
    assert receiver.told == ["there", "in", ready, "look", "shop-sold", "end", "out"]


def test_it_is_told_of_the_end_when_nothing_comes(app):
    receiver = Telling(app)

    with pytest.raises(TimeoutError, match="no event came"):
        receiver.capture(timeout=0.01, wakeup=False)

    assert receiver.told[-1] == "end"


def test_it_runs_until_it_should_stop(app):
    receiver = Telling(app, "shop-sold", "shop-closed")
    receiver.handlers["shop-closed"] = lambda event: setattr(receiver, "should_stop", True)

    receiver.run()

    assert ("ready", 1, {}) in receiver.told
    assert receiver.told[-3:] == ["shop-sold", "end", "out"]


def test_it_may_hear_more_than_its_own_queue(app):
    heard = []

    class Both(Telling):
        def get_consumers(self, Consumer, channel):
            other = Queue("any", Exchange(self.app.conf.event_exchange, "topic"), "till.#")
            call = [lambda body, message: heard.append((body["type"], message.delivery_info))]
            return [*super().get_consumers(Consumer, channel), Consumer([other], callbacks=call)]

    receiver = Both(app, "shop-sold", "till-opened", routing_key="shop.#")
    receiver.capture(limit=2, timeout=20)

    assert [kind for kind in receiver.told if kind in ("shop-sold", "till-opened")] == ["shop-sold"]
    assert heard == [("till-opened", {"exchange": "celeryev", "routing_key": "till.opened"})]


def test_a_queue_whose_messages_are_one_workers_cannot_be_heard(app):
    class Greedy(EventReceiver):
        def get_consumers(self, Consumer, channel):
            return [Consumer(queues=self.app.amqp.queues["celery"], callbacks=[])]

    with pytest.raises(NotSupported, match=r"bootsteps\.ConsumerStep"):
        Greedy(app=app).capture(timeout=1)


def test_consumers_of_kombu_are_refused(app):
    class Own(EventReceiver):
        def get_consumers(self, Consumer, channel):
            return [object()]

    with pytest.raises(NotSupported, match="by the Consumer that it is given"):
        Own(app=app).capture(timeout=1)


def test_what_is_no_event_is_told_of(app):
    seen = []

    class Strict(Telling):
        def on_decode_error(self, message, exc):
            seen.append((message.payload, str(exc)))

    receiver = Strict(app)
    capturing = receiver.itercapture(limit=1, timeout=20)
    producer = app.events.Dispatcher().producer
    producer.publish({"no": "event"}, "shop.sold", app.conf.event_exchange)

    assert list(capturing) == [1]
    assert seen == [({"no": "event"}, "no event: a mapping with a type is one")]


def test_each_event_passes_through_what_may_be_overridden(app):
    class Renaming(Telling):
        def event_from_message(self, body, **kwargs):
            kind, event = super().event_from_message(body, localize=False, now=lambda: 77.0)
            return kind, {**event, "type": f"{kind}!"}

        def process(self, type, event):  # noqa: A002 - Celery's word
            super().process(type, {**event, "type": f"{event['type']}{event['local_received']}"})

    receiver = Renaming(app, "shop-sold")
    receiver.capture(limit=1, timeout=20)

    assert "shop-sold!77.0" in receiver.told


def test_times_become_local_as_it_is_told(app):
    receiver = EventReceiver(app=app)
    body = {"type": "x", "timestamp": 5.0, "utcoffset": -3}

    _, own = receiver.event_from_message(dict(body), adjust_timestamp=lambda ts, west: (ts, west))
    _, none = receiver.event_from_message({"type": "x"}, now=lambda: 7)
    receiver.clock.value = 10
    _, sent = receiver.event_from_message({"type": "task-sent"}, CLIENT_CLOCK_SKEW=-4)

    assert own["timestamp"] == (5.0, -3)
    assert none["local_received"] == 7
    assert sent["clock"] == 6


def test_a_store_that_goes_away_and_returns_is_told_of(app, monkeypatch):
    class Patient(Telling):
        def on_connection_error(self, exc, interval):
            self.told.append(("away", str(exc)))

    receiver = Patient(app, "shop-sold")
    looks, look = [], receiver._watching.look

    def fails_at_first(wait):
        looks.append(wait)
        if len(looks) == 1:
            raise BrokerUnavailable("gone")
        return look(wait)

    monkeypatch.setattr(receiver._watching, "look", fails_at_first)
    monkeypatch.setattr("celeriac.entrypoints.library.consuming.PAUSE_SECONDS", 0.001)
    receiver.capture(limit=1, timeout=20)

    after = receiver.told[receiver.told.index(("away", "gone")) :]
    assert after[:3] == [("away", "gone"), "there", "shop-sold"]


def test_reaching_the_broker_is_tried_as_often_as_it_says(app, monkeypatch):
    class Impatient(EventReceiver):
        connect_max_retries = 0

    def away(self):
        raise BrokerUnavailable("nobody there")

    monkeypatch.setattr("celeriac.entrypoints.library.connections.Connection.connect", away)

    with pytest.raises(BrokerUnavailable, match="nobody there"):
        Impatient(app=app).capture()


def test_a_lost_broker_may_be_passed_over(app):
    receiver = EventReceiver(app=app)

    def lost():
        raise BrokerUnavailable("gone")

    assert receiver.maybe_conn_error(lost) is None
    assert receiver.maybe_conn_error(lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        receiver.maybe_conn_error(lambda: 1 / 0)


def test_beginning_anew_is_bounded(app):
    limit = EventReceiver(app=app).restart_limit

    assert limit.can_consume(1)
    assert not limit.can_consume(1)
    assert 0 < limit.expected_time(1) <= 1


def test_as_a_context_it_hears_between_two_captures(app):
    heard, dispatcher = [], app.events.Dispatcher(hostname="a@b")

    def sell():
        dispatcher.send("shop-sold")

    with EventReceiver(app=app, handlers={"*": heard.append}) as receiver:
        list_of = receiver.itercapture(limit=1, timeout=20, wakeup=False)
        sell()
        assert list(list_of) == [1]
        sell()
        receiver.capture(limit=1, timeout=20, wakeup=False)
    assert len(heard) == 2
