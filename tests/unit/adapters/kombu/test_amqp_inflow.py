"""Frames as they come in: in any pieces, each to whom it is for."""

import socket
from contextlib import ExitStack, closing
from types import SimpleNamespace

import pytest

from celeriac.adapters.kombu import frames
from celeriac.adapters.kombu.inflow import Inflow
from celeriac.adapters.kombu.packet import Packet
from celeriac.adapters.kombu.tables import properties_to_bytes

SAID = {"content_type": "application/json", "application_headers": {"id": "a", "retries": 1}}


class Wire:
    """Two ends of a socket: what is sent at one comes in at the other."""

    def __init__(self, *channels):
        self.server, self.sock = socket.socketpair()
        self.left_to_the_driver, self.came, self.confirmed = [], [], []
        transport = SimpleNamespace(sock=self.sock, _read_buffer=b"")
        connection = SimpleNamespace(
            transport=transport, bytes_recv=0, on_inbound_frame=self.left_to_the_driver.append
        )
        self.inflow = Inflow(connection)
        for channel in channels:
            self.inflow.receivers[channel] = self.came.append
            self.inflow.confirmed[channel] = lambda *found: self.confirmed.append(found)

    def close(self):
        self.server.close()
        self.sock.close()

    def take_in(self, raw):
        self.server.sendall(raw)
        return self.inflow.take_in()


@pytest.fixture
def wired():
    with ExitStack() as stack:
        yield lambda *channels: stack.enter_context(closing(Wire(*channels)))


def frame(kind, channel, payload):
    return frames.frame_head.pack(kind, channel, len(payload)) + payload + b"\xce"


def content(body, channel=1, most=100):
    head = b"\x00\x3c\x00\x00" + len(body).to_bytes(8, "big") + properties_to_bytes(SAID)
    parts = [body[at : at + most] for at in range(0, len(body), most)]
    bodies = [frame(frames.BODY, channel, part) for part in parts]
    return frame(frames.HEADER, channel, head) + b"".join(bodies)


def delivery(body, channel=1, tag=7):
    method = b"\x00\x3c\x00\x3c\x01c" + tag.to_bytes(8, "big") + b"\x01" + b"\x01x" + b"\x04jobs"
    return frame(frames.METHOD, channel, method) + content(body, channel)


def expected(body, tag=7):
    return frames.Delivered(tag, "c", Packet(body, SAID, "x", "jobs", True))


@pytest.mark.parametrize("body", [b"", b"short", b"longer than a frame " * 30])
def test_a_delivery_comes_whole_in_whatever_pieces_it_was_sent(wired, body):
    raw = delivery(body)
    for at in range(1, len(raw)):
        wire = wired(1)

        wire.take_in(raw[:at])
        assert wire.came == []
        wire.take_in(raw[at:])

        assert wire.came == [expected(body)]
        assert wire.left_to_the_driver == []


def test_many_frames_come_in_their_order(wired):
    wire = wired(1)
    heartbeat = frame(8, 0, b"")

    wire.take_in(b"".join([delivery(b"a", tag=1), heartbeat, delivery(b"b", tag=2)]))

    assert wire.came == [expected(b"a", 1), expected(b"b", 2)]
    assert wire.left_to_the_driver == [(8, 0, b"")]


def test_confirmations_go_to_whoever_publishes_on_their_channel(wired):
    wire = wired(1)

    wire.take_in(frames.acknowledge(1, 5, multiple=True) + frames.acknowledge(1, 6, multiple=False))

    assert wire.confirmed == [(5, True), (6, False)]


def test_a_sign_goes_once_to_whoever_asked_for_it(wired):
    wire, signs, sign = wired(1), [], frame(frames.METHOD, 1, frames.SIGN)
    wire.inflow.lookouts[1] = lambda: signs.append("taken in")

    wire.take_in(delivery(b"a") + sign + sign)

    assert wire.came == [expected(b"a")]
    assert signs == ["taken in"]
    assert wire.left_to_the_driver == [(frames.METHOD, 1, frames.SIGN)]


def test_what_other_channels_get_is_left_to_py_amqp(wired):
    wire = wired(2)

    wire.take_in(delivery(b"a"))

    assert wire.came == []
    assert [kind for kind, _, _ in wire.left_to_the_driver] == [1, 2, 3]


def test_a_delivery_with_another_channels_frames_in_between_is_left_to_py_amqp(wired):
    wire, other = wired(1), frame(frames.METHOD, 2, b"\x00\x0a\x00\x0b")
    raw = delivery(b"a")
    method = len(raw) - len(content(b"a"))

    wire.take_in(raw[:method] + other + raw[method:])

    assert wire.came == []
    assert [channel for _, channel, _ in wire.left_to_the_driver] == [1, 2, 1, 1]


def test_properties_that_cannot_be_read_do_not_stop_what_comes_after(wired):
    wire = wired(1)
    method = b"\x00\x3c\x00\x3c\x01c" + (1).to_bytes(8, "big") + b"\x00" + b"\x00" + b"\x04jobs"
    broken = frame(frames.HEADER, 1, b"\x00\x3c\x00\x00" + (1).to_bytes(8, "big") + b"\xff\xff\xff")
    garbage = frame(frames.METHOD, 1, method) + broken + frame(frames.BODY, 1, b"!")

    wire.take_in(garbage + delivery(b"a"))

    assert [found.packet.body for found in wire.came] == [b"!", b"a"]


def test_what_came_before_the_end_is_taken_in_before_it_is_told(wired):
    wire = wired(1)
    wire.server.sendall(delivery(b"a"))
    wire.server.close()

    with pytest.raises(ConnectionResetError, match="closed the connection"):
        wire.inflow.take_in()

    assert wire.came == [expected(b"a")]


def test_waiting_ends_with_a_whole_frame_or_its_time(wired):
    wire = wired(1)
    raw = delivery(b"a")

    wire.server.sendall(raw[:-1])
    assert wire.inflow.wait(0.01) is False
    wire.server.sendall(raw[-1:])

    assert wire.inflow.wait(5.0) is True
    assert wire.came == [expected(b"a")]
