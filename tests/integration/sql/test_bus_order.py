"""The bus on SQL: nothing is missed, whatever order transactions end in."""

from __future__ import annotations

from threading import Event, Thread

from celeriac.adapters.sql import bus_log
from celeriac.domain.cluster.speech import Topic
from tests.contracts.samples import said

from .places import ON_EACH_DATABASE, empty_place  # noqa: F401 - a fixture

pytestmark = ON_EACH_DATABASE


def test_a_listener_misses_nothing_that_is_committed_late(place):
    slow, quick, ear = place.bus().store, place.bus(), place.bus().subscribe([Topic("news")])
    quick.broadcast(said("news", {"n": 0}))
    is_said, may_commit = Event(), Event()

    def say_slowly(transaction):
        rows = bus_log.encoded(said("news", {"n": 1}))
        bus_log.say(transaction, slow.flavour, rows, slow.now_ms())
        is_said.set()
        assert may_commit.wait(timeout=20)

    first = Thread(target=slow.write, args=(say_slowly,))
    second = Thread(target=quick.broadcast, args=(said("news", {"n": 2}),))
    first.start()
    assert is_said.wait(timeout=20)
    second.start()
    second.join(timeout=0.3)
    heard_meanwhile = [message.body["n"] for message in ear.receive(0)]
    may_commit.set()
    first.join(timeout=20)
    second.join(timeout=20)

    assert heard_meanwhile == [0]
    assert [message.body["n"] for message in ear.receive(0)] == [1, 2]


def test_a_listener_skips_what_was_said_on_other_channels_however_much_it_is(place, monkeypatch):
    monkeypatch.setattr(bus_log, "PAGE", 3)
    bus = place.bus()
    ear = bus.subscribe([Topic("control")])

    for number in range(10):
        bus.broadcast(said("events", {"n": number}))
    bus.broadcast(said("control", *({"n": number} for number in range(2))))

    assert list(ear.receive(0)) == said("control", {"n": 0}, {"n": 1})


def test_a_page_ends_where_the_next_one_begins(place, monkeypatch):
    monkeypatch.setattr(bus_log, "PAGE", 3)
    bus = place.bus()
    ear = bus.subscribe([Topic("news")])
    for number in range(7):
        bus.broadcast(said("news", {"n": number}))

    pages = [[message.body["n"] for message in ear.receive(0)] for _ in range(4)]

    assert pages == [[0, 1, 2], [3, 4, 5], [6], []]


def test_a_large_batch_is_heard_whole_and_in_order(place):
    bus = place.bus()
    ear = bus.subscribe([Topic("events")])
    many = [{"n": number} for number in range(2 * bus_log.ROW_OF + 1)]

    bus.broadcast(said("events", *many))

    assert list(ear.receive(0)) == said("events", *many)
