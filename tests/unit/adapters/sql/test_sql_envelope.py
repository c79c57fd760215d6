"""A message as columns: nothing is lost on the way, and no content stops the reader."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celeriac.adapters.sql.envelope import delivery_of, head_of, milliseconds, row_of
from celeriac.adapters.sql.schema import PARKED, READY
from celeriac.domain.errors import EncodeError
from celeriac.domain.messaging.delivery import Delivery, Token, Undecodable
from celeriac.domain.messaging.message import TaskMessage

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

texts = st.text(max_size=20)
moments = st.datetimes(timezones=st.just(UTC))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
tables = st.dictionaries(texts, values, max_size=4)
messages = st.builds(
    TaskMessage,
    id=texts,
    task=texts,
    body=st.binary(max_size=50),
    content_type=texts,
    content_encoding=texts,
    queue=texts,
    exchange=texts,
    routing_key=texts,
    priority=st.integers(0, 255),
    eta=st.none() | moments,
    expires=st.none() | moments,
    headers=tables,
    properties=tables,
)


def claimed(row, **changed):
    """The row as a claim reads it."""
    queue, _, place, task_id, _, head, body = row
    read = {"id": 7, "queue": queue, "task_id": task_id, "place": place, "claims": 1}
    return tuple((read | {"crashes": 0, "head": head, "body": body} | changed).values())


@given(messages, texts)
def test_a_message_comes_back_as_it_was(message, queue):
    row = row_of(message, queue, milliseconds(NOON))

    assert delivery_of(claimed(row), 9) == Delivery(message, Token(7, 9), queue)


@given(
    st.none() | st.integers() | st.text() | st.binary() | values.map(str),
    st.none() | st.text() | st.binary(),
)
def test_whatever_stands_in_a_row_becomes_a_delivery_or_an_undecodable(head, body):
    row = claimed(row_of(TaskMessage("a", "t", b""), "q", 0), head=head, body=body)

    assert isinstance(delivery_of(row, 9), Delivery | Undecodable)


@pytest.mark.parametrize(
    "head",
    [
        "",
        "{}",
        "[]",
        '{"task": 1}',
        '{"task": "t"} and more',
        '{"task": "t", "headers": []}',
        '{"task": "t", "eta": "soon"}',
        '{"task": "t", "eta": 5}',
        "[" * 100_000,
    ],
)
def test_what_is_no_envelope_is_kept_as_it_is(head):
    row = claimed(row_of(TaskMessage("a", "t", b""), "q", 0), head=head, body=b"\xff")

    found = delivery_of(row, 9)

    assert isinstance(found, Undecodable)
    assert found.raw == b"\n".join(part for part in (head.encode(), b"\xff") if part)
    assert found.reason.startswith("its envelope is unreadable")


def test_the_envelope_holds_only_what_is_not_said_elsewhere():
    usual = TaskMessage("a", "tasks.add", b"[]", queue="jobs", routing_key="jobs")

    assert head_of(usual, "jobs") == '{"task":"tasks.add"}'


def test_a_message_is_parked_until_its_time_and_ready_when_that_is_over():
    now = milliseconds(NOON)
    future = TaskMessage("a", "t", b"", eta=NOON + timedelta(microseconds=1))

    assert row_of(future, "q", now)[1] == PARKED
    assert row_of(future, "q", now)[4] == now + 1
    assert row_of(future, "q", now + 1)[1] == READY
    assert row_of(TaskMessage("a", "t", b""), "q", now)[1] == READY


def test_a_claim_before_makes_a_redelivery():
    row = row_of(TaskMessage("a", "t", b""), "q", 0)

    assert delivery_of(claimed(row, claims=2, crashes=1), 9) == Delivery(
        TaskMessage("a", "t", b""), Token(7, 9), "q", crashes=1, redelivered=True
    )


def test_headers_that_are_no_data_are_refused_with_the_tasks_name():
    message = TaskMessage("a", "tasks.add", b"", headers={"mine": object()})

    with pytest.raises(EncodeError, match=r"message a \(tasks\.add\): .*plain data"):
        head_of(message, "q")
