"""What every bus promises: all who listen hear it, in order, at most once."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from threading import Thread
from time import monotonic

import pytest

from celeriac.application.bus_bodies import CodedBodies
from celeriac.application.encoding import SerializerCodec
from celeriac.domain.cluster.speech import BusMessage, ReplyAddress, Topic
from celeriac.entrypoints.codecs import find_serializer

from .samples import at_once, said

PORT = "bus"
NEWS = Topic("news")


def heard(ear):
    """Return what an ear has heard so far."""
    return list(ear.receive(0))


def test_what_is_said_is_heard_by_all_who_listen(place):
    speaker, one, two = (
        place.bus(),
        place.bus().subscribe([NEWS]),
        place.bus().subscribe([NEWS]),
    )

    speaker.broadcast(said("news", {"n": 1}, {"n": 2}))
    speaker.broadcast(said("news", {"n": 3}))

    expected = said("news", {"n": 1}, {"n": 2}, {"n": 3})
    assert heard(one) == expected
    assert heard(two) == expected


def test_what_was_heard_is_not_heard_again(place):
    bus = place.bus()
    ear = bus.subscribe([NEWS])
    bus.broadcast(said("news", {"n": 1}))
    heard(ear)

    bus.broadcast(said("news", {"n": 2}))

    assert heard(ear) == said("news", {"n": 2})
    assert heard(ear) == []


@pytest.mark.parametrize("serializer", ["pickle", "yaml"])
def test_those_who_share_serializers_understand_each_other(place, serializer):
    speaker, listener = place.bus(), place.bus()
    codec = SerializerCodec(find_serializer, serializer, [serializer, "json"])
    speaker.bodies = listener.bodies = CodedBodies(codec, serializer, serializer)
    ear, box = listener.subscribe([NEWS]), listener.open_mailbox("reply.celery.pidbox")

    speaker.broadcast(said("news", {"n": 1}))
    speaker.reply(box.address, said("ignored", {"pong": 1}))

    assert heard(ear) == said("news", {"n": 1})
    (reply,) = heard(box)
    assert reply.body == {"pong": 1}


def test_whoever_speaks_hears_itself(place):
    bus = place.bus()
    ear = bus.subscribe([NEWS])

    bus.broadcast(said("news", {"n": 1}))

    assert heard(ear) == said("news", {"n": 1})


def test_only_the_channels_asked_for_are_heard(place):
    bus = place.bus()
    ear = bus.subscribe([NEWS, Topic("control")])

    bus.broadcast(said("gossip", {"n": 1}))
    bus.broadcast(said("control", {"n": 2}))
    bus.broadcast(said("news", {"n": 3}))

    assert heard(ear) == [*said("control", {"n": 2}), *said("news", {"n": 3})]


def test_what_was_said_before_is_not_heard(place):
    bus = place.bus()
    bus.broadcast(said("news", {"n": 1}))

    ear = bus.subscribe([NEWS])
    bus.broadcast(said("news", {"n": 2}))

    assert heard(ear) == said("news", {"n": 2})


def test_saying_something_to_nobody_does_no_harm(place):
    bus = place.bus()

    bus.broadcast(said("news", {"n": 1}))
    bus.broadcast([])

    assert heard(bus.subscribe([NEWS])) == []


def test_messages_are_any_json(place):
    bus = place.bus()
    ear = bus.subscribe([NEWS])
    message = {"text": "ä€\n'\"", "deep": {"list": [1, 2.5, None, True, {}]}, "big": 2**53}

    bus.broadcast(said("news", message))

    assert heard(ear) == said("news", message)


def test_listeners_share_nothing(place):
    bus = place.bus()
    one, two = bus.subscribe([NEWS]), bus.subscribe([NEWS])
    message = {"list": [1]}
    bus.broadcast(said("news", message))

    (got,) = heard(one)
    got.body["list"].append(2)

    assert heard(two) == said("news", {"list": [1]})
    assert message == {"list": [1]}


def test_keys_and_headers_travel_with_the_body(place):
    bus = place.bus()
    ear = bus.subscribe([NEWS])
    message = BusMessage("news", [1, "two", None], "worker.online", {"clock": 4, "who": "a@h"})

    bus.broadcast([message])

    assert heard(ear) == [message]


def test_a_batch_may_speak_on_several_channels(place):
    bus = place.bus()
    ear = bus.subscribe([NEWS, Topic("control")])
    batch = [*said("news", 1), *said("control", 2), *said("news", 3, key="k")]

    bus.broadcast(batch)

    assert heard(ear) == batch


@pytest.mark.parametrize(
    ("pattern", "keys"),
    [
        ("#", ["", "task.sent", "worker.elect", "worker.elect.ack"]),
        ("", [""]),
        ("worker.*", ["worker.elect"]),
        ("worker.#", ["worker.elect", "worker.elect.ack"]),
        ("*.sent", ["task.sent"]),
        ("task.sent", ["task.sent"]),
        ("task.other", []),
    ],
)
def test_keys_are_chosen_by_patterns(place, pattern, keys):
    bus = place.bus()
    ear = bus.subscribe([Topic("events", pattern)])

    for key in ("", "task.sent", "worker.elect", "worker.elect.ack"):
        bus.broadcast(said("events", 1, key=key))

    assert [message.key for message in heard(ear)] == keys


def test_topics_that_overlap_let_each_message_be_heard_once(place):
    bus = place.bus()
    ear = bus.subscribe([Topic("events", "worker.#"), Topic("events"), Topic("events", "#.online")])

    bus.broadcast(said("events", 1, 2, key="worker.online"))

    assert [message.body for message in heard(ear)] == [1, 2]


def test_a_reply_reaches_the_mailbox_it_is_sent_to_only(place):
    asking, answering = place.bus(), place.bus()
    mailbox, other = asking.open_mailbox("reply.pidbox"), asking.open_mailbox("reply.pidbox")

    answering.reply(mailbox.address, said("", {"a@h": 1}, ticket="t"))
    answering.reply(mailbox.address, said("", {"b@h": 2}, {"c@h": 3}))

    address = mailbox.address
    assert address.exchange == "reply.pidbox"
    assert heard(mailbox) == [
        *said(address.exchange, {"a@h": 1}, key=address.routing_key, ticket="t"),
        *said(address.exchange, {"b@h": 2}, {"c@h": 3}, key=address.routing_key),
    ]
    assert heard(mailbox) == []
    assert heard(other) == []


def test_replies_to_nobody_do_no_harm(place):
    bus = place.bus()
    mailbox = bus.open_mailbox("reply.pidbox")
    gone = mailbox.address
    mailbox.close()
    mailbox.close()

    bus.reply(gone, said("", 1))
    bus.reply(ReplyAddress("reply.pidbox", "never-was"), said("", 1))
    bus.reply(ReplyAddress("nowhere", "never-was"), said("", 1))

    assert heard(mailbox) == []


def test_a_blocked_mailbox_returns_when_a_reply_comes(place):
    bus = place.bus(host_time=True)
    with closing(bus.open_mailbox("reply.pidbox")) as mailbox:
        caught = []
        listening = Thread(target=lambda: caught.extend(mailbox.receive(wait=30)))
        began = monotonic()

        listening.start()
        bus.reply(mailbox.address, said("", 1))
        listening.join(timeout=30)

    assert [message.body for message in caught] == [1]
    assert monotonic() - began < 10


def test_closing_makes_a_blocked_mailbox_return(place):
    mailbox = place.bus(host_time=True).open_mailbox("reply.pidbox")
    caught = []
    listening = Thread(target=lambda: caught.append(list(mailbox.receive(wait=50))))
    began = monotonic()

    listening.start()
    mailbox.close()
    listening.join(timeout=40)

    assert caught == [[]]
    assert monotonic() - began < 10


def test_a_closed_ear_hears_nothing(place):
    bus = place.bus()
    ear = bus.subscribe([NEWS])
    bus.broadcast(said("news", {"n": 1}))

    ear.close()
    ear.close()
    bus.broadcast(said("news", {"n": 2}))

    assert heard(ear) == []


def test_closing_a_bus_leaves_the_others_speaking(place):
    bus, other = place.bus(), place.bus()
    ear = other.subscribe([NEWS])

    bus.close()
    bus.close()
    other.broadcast(said("news", {"n": 1}))

    assert heard(ear) == said("news", {"n": 1})


def test_many_may_speak_at_once(place):
    speakers = [place.bus() for _ in range(8)]
    ear = place.bus().subscribe([NEWS])

    at_once(
        [
            partial(speaker.broadcast, said("news", *({"who": who, "n": n} for n in range(25))))
            for who, speaker in enumerate(speakers)
        ]
    )

    bodies = [message.body for message in heard(ear)]
    assert len(bodies) == 200
    for who in range(8):
        assert [one["n"] for one in bodies if one["who"] == who] == list(range(25))


def test_a_blocked_ear_returns_when_something_is_said(place):
    speaker = place.bus(host_time=True)
    with closing(place.bus(host_time=True).subscribe([NEWS])) as ear:
        caught = []
        listening = Thread(target=lambda: caught.extend(ear.receive(wait=30)))
        began = monotonic()

        listening.start()
        speaker.broadcast(said("news", {"n": 1}))
        listening.join(timeout=30)

    assert caught == said("news", {"n": 1})
    assert monotonic() - began < 10


def test_closing_makes_a_blocked_ear_return(place):
    ear = place.bus(host_time=True).subscribe([NEWS])
    caught = []
    listening = Thread(target=lambda: caught.append(list(ear.receive(wait=50))))
    began = monotonic()

    listening.start()
    ear.close()
    listening.join(timeout=40)

    assert caught == [[]]
    assert monotonic() - began < 10


def test_listening_in_vain_returns_when_the_time_is_up(place):
    with closing(place.bus(host_time=True).subscribe([NEWS])) as ear:
        began = monotonic()

        caught = ear.receive(wait=0.3)

    assert list(caught) == []
    assert 0.25 <= monotonic() - began < 10
