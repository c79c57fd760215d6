"""Messages as AMQP carries them: total reading, marks of ours, what the ledger keeps."""

from datetime import UTC, datetime

import pytest
from amqp.basic_message import Message
from hypothesis import given
from hypothesis import strategies as st

from celeriac.adapters.kombu.packet import (
    MARK,
    Packet,
    delivery_of,
    from_amqp,
    from_bytes,
    packet_of,
    properties_written,
    to_bytes,
)
from celeriac.domain.errors import EncodeError
from celeriac.domain.messaging.delivery import Delivery, Token, Undecodable
from celeriac.domain.messaging.message import TaskMessage

TOKEN = Token(1, 1)
CAME = ("", "jobs")
SENT = TaskMessage(
    "a",
    "tasks.add",
    b"\x00 body",
    queue="jobs",
    routing_key="jobs",
    priority=3,
    eta=datetime(2030, 1, 1, tzinfo=UTC),
    headers={"retries": 1, "mine": {"deep": [1, None, 2.5, "ä"]}},
    properties={"reply_to": "r"},
)


def read(packet):
    return delivery_of(packet, TOKEN, "jobs", CAME)


def test_what_is_written_is_read_again():
    assert read(packet_of(SENT)) == Delivery(SENT, TOKEN, "jobs")


def test_what_the_ledger_keeps_is_the_whole_message():
    packet = packet_of(SENT).marked(crashes=2)

    again = read(from_bytes(to_bytes(packet)))

    assert again == Delivery(SENT, TOKEN, "jobs", crashes=2, redelivered=True)


def test_marks_of_ours_are_no_headers_of_the_message():
    packet = packet_of(SENT).marked(crashes=1, redelivered=True)

    assert packet.headers[MARK] == {"crashes": 1, "redelivered": True}
    assert read(packet) == Delivery(SENT, TOKEN, "jobs", crashes=1, redelivered=True)
    assert MARK not in packet.marked(crashes=None, redelivered=None).headers


def test_what_rabbitmq_adds_on_the_way_is_no_header_of_the_message():
    packet = packet_of(SENT)
    packet.properties["application_headers"].update(
        {"x-death": [{"count": 1}], "x-first-death-queue": "q", "x-delivery-count": 2, "x-own": 1}
    )

    message = read(packet).message

    assert message.headers == {**SENT.headers, "x-own": 1}


def test_a_message_that_waits_is_not_deleted_by_the_server():
    packet = Packet(b"", {"expiration": "100", "priority": 1})

    assert packet.lasting().properties == {"priority": 1}


@pytest.mark.parametrize("value", [object(), {1, 2}, 2**70, {"deep": [object()]}])
def test_what_no_table_can_hold_is_refused(value):
    message = TaskMessage("a", "tasks.add", b"", headers={"mine": value})

    with pytest.raises(EncodeError, match="message a"):
        properties_written(packet_of(message))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.binary(), inner),
    max_leaves=5,
)


@given(
    st.binary(),
    st.dictionaries(
        st.sampled_from(
            ["application_headers", "content_type", "content_encoding", "priority", "reply_to"]
        ),
        anything
        | st.dictionaries(
            st.sampled_from(["id", "task", "eta", "retries", "timelimit", MARK, "x-death"]),
            anything,
        ),
    ),
)
def test_no_message_stops_a_claim(body, properties):
    found = read(Packet(body, properties))

    assert isinstance(found, Delivery | Undecodable)
    if isinstance(found, Undecodable):
        assert found.raw == body
        assert found.reason


def test_what_the_driver_gives_is_taken_as_it_is():
    written = packet_of(SENT)
    made = Message(written.body, **written.properties)
    made.delivery_info = {"exchange": "", "routing_key": "jobs", "redelivered": True}

    packet = from_amqp(made)

    assert (packet.body, packet.routing_key, packet.redelivered) == (b"\x00 body", "jobs", True)
    assert packet.task_id == "a"
