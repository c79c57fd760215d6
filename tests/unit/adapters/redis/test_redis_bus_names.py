"""What is said on Redis's channels is named and written as kombu does."""

from __future__ import annotations

import base64
import json

import pytest

from celeriac.adapters.memory import VirtualClock
from celeriac.adapters.redis.bus import Channels
from celeriac.adapters.redis.bus_envelope import raw_of, said_in
from celeriac.adapters.redis.store import RedisStore
from celeriac.application.bus_bodies import CodedBodies
from celeriac.application.encoding import SerializerCodec
from celeriac.domain.cluster.speech import BusMessage, Topic
from celeriac.domain.errors import EncodeError
from celeriac.entrypoints.codecs import find_serializer

BEAT = BusMessage("celeryev", {"type": "x"}, "worker.heartbeat", {"hostname": "w@h"})
PING = BusMessage("celery.pidbox", {"method": "ping"})


def channels(url="redis://nowhere:1/3", **options):
    return Channels(RedisStore(url, clock=VirtualClock(), options=options))


@pytest.mark.parametrize(
    ("options", "keyed", "bare"),
    [
        ({}, "/3.celeryev/worker.heartbeat", "/3.celery.pidbox"),
        (
            {"global_keyprefix": "site:"},
            "site:/3.celeryev/worker.heartbeat",
            "site:/3.celery.pidbox",
        ),
        ({"fanout_prefix": False}, "celeryev/worker.heartbeat", "celery.pidbox"),
        ({"fanout_prefix": "shop."}, "shop.celeryev/worker.heartbeat", "shop.celery.pidbox"),
        ({"fanout_prefix": "{db}-"}, "3-celeryev/worker.heartbeat", "3-celery.pidbox"),
        ({"fanout_patterns": False}, "/3.celeryev", "/3.celery.pidbox"),
    ],
)
def test_channels_are_named_as_kombus_options_say(options, keyed, bare):
    names = channels(**options)

    assert (names.of(BEAT), names.of(PING)) == (keyed, bare)


@pytest.mark.parametrize(
    ("pattern", "options", "heard"),
    [
        ("", {}, ["/3.celeryev"]),
        ("#", {}, ["/3.celeryev", "/3.celeryev/*"]),
        ("worker.#", {}, ["/3.celeryev/worker.*"]),
        ("*.sent", {}, ["/3.celeryev/*.sent"]),
        ("worker.#", {"fanout_patterns": False}, ["/3.celeryev"]),
        ("odd[1].*", {"global_keyprefix": "a?"}, [r"a\?/3.celeryev/odd\[1\].*"]),
    ],
)
def test_topics_are_heard_by_patterns_of_redis(pattern, options, heard):
    assert list(channels(**options).heard([Topic("celeryev", pattern)])) == heard


def test_a_message_travels_in_kombus_envelope():
    envelope = json.loads(raw_of(BEAT))
    tag = envelope["properties"].pop("delivery_tag")

    assert len(tag) == 36
    assert json.loads(base64.b64decode(envelope.pop("body"))) == {"type": "x"}
    assert envelope == {
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"hostname": "w@h"},
        "properties": {
            "delivery_mode": 1,
            "delivery_info": {"exchange": "celeryev", "routing_key": "worker.heartbeat"},
            "priority": 0,
            "body_encoding": "base64",
        },
    }
    assert said_in(raw_of(BEAT)) == BEAT


def test_what_json_cannot_say_is_refused_by_name():
    with pytest.raises(EncodeError, match="celeryev"):
        raw_of(BusMessage("celeryev", {1, 2}))


CODEC = SerializerCodec(find_serializer, "pickle", ["pickle", "json"])


def test_bodies_travel_in_the_serializers_of_the_site():
    bodies = CodedBodies(CODEC, "pickle", "json")
    ping, beat = raw_of(PING, bodies), raw_of(BEAT, bodies)

    assert json.loads(ping)["content-type"] == "application/x-python-serialize"
    assert json.loads(beat)["content-type"] == "application/json"
    assert (said_in(ping, bodies), said_in(beat, bodies)) == (PING, BEAT)


def test_bodies_that_are_not_accepted_are_nothing():
    raw = raw_of(PING, CodedBodies(CODEC, "pickle", "json"))
    strict = CodedBodies(SerializerCodec(find_serializer, "json", ["json"]), "json", "json")

    assert said_in(raw, strict) is None
    assert said_in(raw) is None


def test_bodies_that_were_not_packed_are_read():
    envelope = json.loads(raw_of(PING))
    envelope["body"] = '{"method": "ping"}'
    envelope["properties"]["body_encoding"] = "utf-8"

    assert said_in(json.dumps(envelope).encode()) == PING


@pytest.mark.parametrize(
    "change",
    [
        {"body": "%%%"},
        {"body": 5},
        {"content-type": "application/x-python-serialize"},
        {"headers": [1]},
        {"properties": None},
        {"properties": {}},
        {"properties": {"delivery_info": 5}},
    ],
)
def test_what_cannot_be_read_is_nothing(change):
    envelope = json.loads(raw_of(PING)) | change

    assert said_in(json.dumps(envelope).encode()) is None
    assert said_in(b"\xff") is None
