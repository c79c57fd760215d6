"""What is said on AMQP's bus: in the serializers of the site, and total reading."""

import pytest

from celeriac.adapters.kombu.packet import Packet
from celeriac.adapters.kombu.speech import packet_saying, said_in
from celeriac.application.bus_bodies import CodedBodies
from celeriac.application.encoding import SerializerCodec
from celeriac.domain.cluster.speech import BusMessage
from celeriac.domain.errors import EncodeError
from celeriac.entrypoints.codecs import find_serializer

BEAT = BusMessage("celeryev", {"type": "x"}, headers={"hostname": "w@h"})
PING = BusMessage("celery.pidbox", {"method": "ping"})
TYPES = {"pickle": "application/x-python-serialize", "yaml": "application/x-yaml"}


def site(control, accept, events="json"):
    return CodedBodies(SerializerCodec(find_serializer, control, accept), control, events)


def said(message, bodies=None):
    return packet_saying(message, bodies, lasting=False)


@pytest.mark.parametrize("control", ["pickle", "yaml"])
def test_bodies_travel_in_the_serializers_of_the_site(control):
    bodies = site(control, [control, "json"])
    ping, beat = said(PING, bodies), said(BEAT, bodies)

    assert ping.properties["content_type"] == TYPES[control]
    assert beat.properties["content_type"] == "application/json"
    assert said_in(ping, PING.channel, bodies) == PING
    assert said_in(beat, BEAT.channel, bodies) == BEAT


@pytest.mark.parametrize("control", ["pickle", "yaml"])
def test_bodies_that_are_not_accepted_are_nothing(control):
    packet = said(PING, site(control, [control, "json"]))

    assert said_in(packet, PING.channel, site("json", ["json"])) is None
    assert said_in(packet, PING.channel, None) is None


@pytest.mark.parametrize(
    "packet",
    [
        Packet(b"{", {"content_type": "application/json"}),
        Packet(b"\xff", {}),
        Packet(b"{}", {"content_type": 7}),
        Packet(b"{}", {"content_type": "application/x-never"}),
        Packet(b"x", {"content_type": TYPES["pickle"], "content_encoding": "binary"}),
    ],
)
@pytest.mark.parametrize("bodies", [None, site("pickle", ["pickle", "json"])])
def test_what_cannot_be_read_is_nothing(packet, bodies):
    assert said_in(packet, "celeryev", bodies) is None


def test_what_json_cannot_hold_is_refused():
    with pytest.raises(EncodeError, match=r"celery\.pidbox"):
        said(BusMessage("celery.pidbox", {"x": object()}))
