"""What every bus promises: all who listen hear it, in order, at most once."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from threading import Thread
from time import monotonic

from .samples import at_once

PORT = "bus"


def heard(ear):
    """Return what an ear has heard so far."""
    return list(ear.receive(0))


def test_what_is_said_is_heard_by_all_who_listen(place):
    speaker, one, two = (
        place.bus(),
        place.bus().subscribe(["news"]),
        place.bus().subscribe(["news"]),
    )

    speaker.broadcast("news", [{"n": 1}, {"n": 2}])
    speaker.broadcast("news", [{"n": 3}])

    expected = [("news", {"n": 1}), ("news", {"n": 2}), ("news", {"n": 3})]
    assert heard(one) == expected
    assert heard(two) == expected


def test_what_was_heard_is_not_heard_again(place):
    bus = place.bus()
    ear = bus.subscribe(["news"])
    bus.broadcast("news", [{"n": 1}])
    heard(ear)

    bus.broadcast("news", [{"n": 2}])

    assert heard(ear) == [("news", {"n": 2})]
    assert heard(ear) == []


def test_whoever_speaks_hears_itself(place):
    bus = place.bus()
    ear = bus.subscribe(["news"])

    bus.broadcast("news", [{"n": 1}])

    assert heard(ear) == [("news", {"n": 1})]


def test_only_the_channels_asked_for_are_heard(place):
    bus = place.bus()
    ear = bus.subscribe(["news", "control"])

    bus.broadcast("gossip", [{"n": 1}])
    bus.broadcast("control", [{"n": 2}])
    bus.broadcast("news", [{"n": 3}])

    assert heard(ear) == [("control", {"n": 2}), ("news", {"n": 3})]


def test_what_was_said_before_is_not_heard(place):
    bus = place.bus()
    bus.broadcast("news", [{"n": 1}])

    ear = bus.subscribe(["news"])
    bus.broadcast("news", [{"n": 2}])

    assert heard(ear) == [("news", {"n": 2})]


def test_saying_something_to_nobody_does_no_harm(place):
    bus = place.bus()

    bus.broadcast("news", [{"n": 1}])
    bus.broadcast("news", [])

    assert heard(bus.subscribe(["news"])) == []


def test_messages_are_any_json(place):
    bus = place.bus()
    ear = bus.subscribe(["news"])
    message = {"text": "ä€\n'\"", "deep": {"list": [1, 2.5, None, True, {}]}, "big": 2**53}

    bus.broadcast("news", [message])

    assert heard(ear) == [("news", message)]


def test_listeners_share_nothing(place):
    bus = place.bus()
    one, two = bus.subscribe(["news"]), bus.subscribe(["news"])
    message = {"list": [1]}
    bus.broadcast("news", [message])

    ((_, got),) = heard(one)
    got["list"].append(2)

    assert heard(two) == [("news", {"list": [1]})]
    assert message == {"list": [1]}


def test_a_closed_ear_hears_nothing(place):
    bus = place.bus()
    ear = bus.subscribe(["news"])
    bus.broadcast("news", [{"n": 1}])

    ear.close()
    ear.close()
    bus.broadcast("news", [{"n": 2}])

    assert heard(ear) == []


def test_closing_a_bus_leaves_the_others_speaking(place):
    bus, other = place.bus(), place.bus()
    ear = other.subscribe(["news"])

    bus.close()
    bus.close()
    other.broadcast("news", [{"n": 1}])

    assert heard(ear) == [("news", {"n": 1})]


def test_many_may_speak_at_once(place):
    speakers = [place.bus() for _ in range(8)]
    ear = place.bus().subscribe(["news"])

    at_once(
        [
            partial(speaker.broadcast, "news", [{"who": who, "n": n} for n in range(25)])
            for who, speaker in enumerate(speakers)
        ]
    )

    said = [message for _, message in heard(ear)]
    assert len(said) == 200
    for who in range(8):
        assert [one["n"] for one in said if one["who"] == who] == list(range(25))


def test_a_blocked_ear_returns_when_something_is_said(place):
    speaker = place.bus(host_time=True)
    with closing(place.bus(host_time=True).subscribe(["news"])) as ear:
        caught = []
        listening = Thread(target=lambda: caught.extend(ear.receive(wait=30)))
        began = monotonic()

        listening.start()
        speaker.broadcast("news", [{"n": 1}])
        listening.join(timeout=30)

    assert caught == [("news", {"n": 1})]
    assert monotonic() - began < 10


def test_closing_makes_a_blocked_ear_return(place):
    ear = place.bus(host_time=True).subscribe(["news"])
    caught = []
    listening = Thread(target=lambda: caught.append(list(ear.receive(wait=50))))
    began = monotonic()

    listening.start()
    ear.close()
    listening.join(timeout=40)

    assert caught == [[]]
    assert monotonic() - began < 10


def test_listening_in_vain_returns_when_the_time_is_up(place):
    with closing(place.bus(host_time=True).subscribe(["news"])) as ear:
        began = monotonic()

        caught = ear.receive(wait=0.3)

    assert list(caught) == []
    assert 0.25 <= monotonic() - began < 10
