"""A message and its header table, both ways."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.messaging.payload import Payload
from celeriac.domain.messaging.protocol import DEFAULTS, headers_of, instant, properties_of, read
from tests.unit.domain.samples import NOON, message

words = st.text(min_size=1, max_size=12)
numbers = st.integers(1, 2**40)
instants = st.datetimes(timezones=st.just(UTC))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)
foreign = st.dictionaries(
    words.filter(lambda name: name not in {*DEFAULTS, "id", "task"}), json_values, max_size=3
).filter(lambda extra: json.loads(json.dumps(extra)) == extra)
limits = st.none() | st.floats(0, 1e9)
own_headers = st.fixed_dictionaries(
    {},
    optional={
        "lang": st.just("js"),
        "shadow": words,
        "group": words,
        "group_index": numbers,
        "retries": numbers,
        "root_id": words.map("root-".__add__),
        "parent_id": words,
        "argsrepr": words,
        "origin": words,
        "ignore_result": st.just(True),
        "replaced_task_nesting": numbers,
        "stamped_headers": st.lists(words, min_size=1),
        "stamps": st.dictionaries(words, words, min_size=1),
        "timelimit": st.tuples(st.floats(0, 1e9), limits).map(list),
    },
)
own_properties = st.fixed_dictionaries(
    {},
    optional={
        "correlation_id": words.map("other-".__add__),
        "delivery_mode": st.just(1),
        "reply_to": words,
        "expiration": words,
    },
)
messages = st.builds(
    TaskMessage,
    id=words,
    task=words,
    body=st.binary(),
    content_type=words,
    content_encoding=words,
    queue=words,
    exchange=words,
    routing_key=words,
    priority=st.integers(0, 255),
    eta=st.none() | instants,
    expires=st.none() | instants,
    headers=st.builds(lambda own, extra: own | extra, own_headers, foreign),
    properties=own_properties,
)

KNOWN = [*DEFAULTS, "id", "task"]


@given(sent=messages)
def test_a_message_survives_the_way_over_json(sent: TaskMessage):
    headers = json.loads(json.dumps(headers_of(sent)))
    properties = json.loads(json.dumps(properties_of(sent)))

    got = read(
        headers,
        properties,
        sent.payload,
        queue=sent.queue,
        exchange=sent.exchange,
        routing_key=sent.routing_key,
    )

    assert got == sent


@given(sent=messages)
def test_the_table_names_every_header_of_the_protocol(sent: TaskMessage):
    assert headers_of(sent).keys() >= DEFAULTS.keys() | {"id", "task"}
    assert properties_of(sent).keys() >= {"correlation_id", "delivery_mode", "priority"}


def test_a_message_with_nothing_asked_for_has_the_defaults_of_the_protocol():
    sent = message("id-1", "shop.add")

    assert headers_of(sent) == {**DEFAULTS, "id": "id-1", "task": "shop.add", "root_id": "id-1"}
    assert properties_of(sent) == {"correlation_id": "id-1", "delivery_mode": 2, "priority": 0}


@given(
    headers=st.dictionaries(st.sampled_from(KNOWN) | st.text(), json_values),
    valid=st.booleans(),
    properties=st.dictionaries(
        st.sampled_from(["priority", "delivery_mode", "reply_to"]), json_values
    ),
)
def test_any_table_is_a_message_or_a_value_error(
    headers: dict[str, Any], valid: bool, properties: dict[str, Any]
):
    if valid:
        headers = {**headers, "id": "id-1", "task": "shop.add"}

    try:
        got = read(headers, properties, Payload(b""))
    except ValueError:
        return

    # Nor does anything read out of it later surprise whoever asks.
    assert got.retries >= 0 or got.headers["retries"] < 0
    assert all(limit is None or 0 <= limit <= 1e9 for limit in got.time_limits)
    assert got.delivery_mode in (1, 2)
    assert 0 <= got.priority <= 255
    assert all(
        text is None or isinstance(text, str)
        for text in (got.root_id, got.parent_id, got.group_id, got.shadow)
    )
    json.dumps(headers_of(got))


@pytest.mark.parametrize(
    "headers",
    [
        {"task": "shop.add"},
        {"task": "", "id": "id-1"},
        {"task": 1, "id": "id-1"},
        {"task": "shop.add", "id": None},
        {"task": "shop.add", "id": "id-1", "eta": "soon"},
        {"task": "shop.add", "id": "id-1", "eta": 5},
        {"task": "shop.add", "id": "id-1", "expires": "0001-01-01T00:00:00+14:00"},
        {"task": "shop.add", "id": "id-1", "timelimit": [1]},
        {"task": "shop.add", "id": "id-1", "timelimit": ["1", None]},
        {"task": "shop.add", "id": "id-1", "timelimit": [float("inf"), None]},
        {"task": "shop.add", "id": "id-1", "retries": "three"},
        {"task": "shop.add", "id": "id-1", "stamped_headers": 3},
    ],
)
def test_a_table_that_makes_no_sense_is_refused(headers: dict[str, Any]):
    with pytest.raises(ValueError, match="header "):
        read(headers, {}, Payload(b""))


@pytest.mark.parametrize("headers", [{}, {"id": "id-1"}])
def test_a_table_that_names_no_task_is_left_to_whoever_may_decode_the_body(headers):
    got = read({**headers, "mine": 5}, {"correlation_id": "c"}, Payload(b"body"))

    assert (got.task, got.id, got.body) == ("", "", b"body")
    assert got.headers == {"mine": 5}
    assert got.properties == {"correlation_id": "c"}


@pytest.mark.parametrize(
    "text", ["2026-01-01T12:00:00", "2026-01-01T12:00:00Z", "2026-01-01T14:00:00+02:00"]
)
def test_times_are_read_as_utc(text: str):
    assert instant(text, "eta") == NOON


def test_a_datetime_that_a_transport_has_read_already_is_taken():
    assert instant(datetime(2026, 1, 1, 12), "eta") == NOON  # noqa: DTZ001 - naive on purpose


@pytest.mark.parametrize("priority", [None, "high", -1, 256, 1.5])
def test_a_priority_that_is_none_counts_as_zero(priority: object):
    got = read({"task": "shop.add", "id": "id-1"}, {"priority": priority}, Payload(b""))

    assert got.priority == 0
