"""Replies on each broker that carries them."""

import secrets
import threading
from time import monotonic

import pytest

from celeriac import Celeriac
from celeriac.domain.errors import BrokerUnavailable
from celeriac.domain.messaging.payload import Payload
from celeriac.entrypoints.adapter_table import BROKERS, load, technology
from celeriac.ports.replies import Letter

pytestmark = pytest.mark.needs_server("rabbitmq", "redis")


@pytest.fixture(params=["rabbitmq_url", "redis_url", "folder"])
def make_line(request, tmp_path):
    url = "filesystem://" if request.param == "folder" else request.getfixturevalue(request.param)
    options = dict.fromkeys(("data_folder_in", "data_folder_out"), str(tmp_path))
    options["control_folder"] = str(tmp_path / "control")
    made = []

    def make():
        app = Celeriac("shop", set_as_current=False)
        app.conf.broker_url = url
        if request.param == "folder":
            app.conf.broker_transport_options = options
        kind = technology(url.partition("://")[0], BROKERS, "none")
        line = load(kind.replies)(app.container.broker().store)
        made.append((line, app))
        return line

    yield make
    for line, app in made:
        line.close()
        app.close()


def letters(address, *texts):
    return [Letter(address, text, Payload(f'"{text}"'.encode())) for text in texts]


def received(line, count):
    """What came, once it is so much; the first look may be over a lost connection."""
    came, ends = [], monotonic() + 20
    while len(came) < count and monotonic() < ends:
        try:
            came += [payload.data.decode() for payload in line.receive(0.5)]
        except BrokerUnavailable:
            continue
    return came


def test_letters_reach_their_address_in_order_and_once(make_line):
    reader, other, sender = make_line(), make_line(), make_line()
    mine, others = secrets.token_hex(8), secrets.token_hex(8)
    reader.open(mine, 60)
    other.open(others, 60)

    sender.send(letters(mine, "a", "b"))
    sender.send(letters(others, "c"))

    assert received(reader, 2) == ['"a"', '"b"']
    assert received(other, 1) == ['"c"']
    assert list(reader.receive(0)) == []


def test_a_waiting_reader_hears_what_comes(make_line):
    reader, sender = make_line(), make_line()
    address = secrets.token_hex(8)
    reader.open(address, 60)
    heard = []
    waiting = threading.Thread(target=lambda: heard.extend(reader.receive(20)))
    began = monotonic()

    waiting.start()
    sender.send(letters(address, "a"))
    waiting.join(25)

    assert [payload.data for payload in heard] == [b'"a"']
    assert monotonic() - began < 15


def test_what_comes_while_the_connection_is_lost_is_not(make_line):
    reader, sender = make_line(), make_line()
    address = secrets.token_hex(8)
    reader.open(address, 60)
    link = getattr(reader, "_link", None)
    if link is None:
        pytest.skip("it holds no connection")
    link.connection.transport.sock.close()

    sender.send(letters(address, "a", "b"))

    assert received(reader, 2) == ['"a"', '"b"']


def test_a_letter_to_nobody_is_no_error(make_line):
    sender = make_line()

    sender.send(letters("nobody-" + secrets.token_hex(8), "a"))

    assert list(sender.receive(0)) == []
