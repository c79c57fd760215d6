"""The bus on SQL: nothing is missed, whatever order transactions end in."""

from __future__ import annotations

from threading import Event, Thread

from celeriac.adapters.sql import bus_log

from .places import ON_EACH_DATABASE, empty_place  # noqa: F401 - a fixture

pytestmark = ON_EACH_DATABASE


def test_a_listener_misses_nothing_that_is_committed_late(place):
    slow, quick, ear = place.bus().store, place.bus(), place.bus().subscribe(["news"])
    quick.broadcast("news", [{"n": 0}])
    said, may_commit = Event(), Event()

    def say_slowly(transaction):
        bus_log.say(transaction, slow.flavour, "news", ['[{"n":1}]'], slow.now_ms())
        said.set()
        assert may_commit.wait(timeout=20)

    first = Thread(target=slow.write, args=(say_slowly,))
    second = Thread(target=quick.broadcast, args=("news", [{"n": 2}]))
    first.start()
    assert said.wait(timeout=20)
    second.start()
    second.join(timeout=0.3)
    heard_meanwhile = [message["n"] for _, message in ear.receive(0)]
    may_commit.set()
    first.join(timeout=20)
    second.join(timeout=20)

    assert heard_meanwhile == [0]
    assert [message["n"] for _, message in ear.receive(0)] == [1, 2]


def test_a_listener_skips_what_was_said_on_other_channels_however_much_it_is(place, monkeypatch):
    monkeypatch.setattr(bus_log, "PAGE", 3)
    bus = place.bus()
    ear = bus.subscribe(["control"])

    for number in range(10):
        bus.broadcast("events", [{"n": number}])
    bus.broadcast("control", [{"n": number} for number in range(2)])

    assert list(ear.receive(0)) == [("control", {"n": 0}), ("control", {"n": 1})]


def test_a_page_ends_where_the_next_one_begins(place, monkeypatch):
    monkeypatch.setattr(bus_log, "PAGE", 3)
    bus = place.bus()
    ear = bus.subscribe(["news"])
    for number in range(7):
        bus.broadcast("news", [{"n": number}])

    pages = [[message["n"] for _, message in ear.receive(0)] for _ in range(4)]

    assert pages == [[0, 1, 2], [3, 4, 5], [6], []]


def test_a_large_batch_is_heard_whole_and_in_order(place):
    bus = place.bus()
    ear = bus.subscribe(["events"])
    many = [{"n": number} for number in range(2 * bus_log.ROW_OF + 1)]

    bus.broadcast("events", many)

    assert [message for _, message in ear.receive(0)] == many
