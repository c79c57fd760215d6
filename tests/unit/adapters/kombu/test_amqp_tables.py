"""Properties and tables as bytes: the same as py-amqp's, both ways."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from amqp.basic_message import Message
from hypothesis import given
from hypothesis import strategies as st

from celeriac.adapters.kombu.tables import properties_from_bytes, properties_to_bytes

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.just(Decimal("1.5"))
    | st.just(datetime(2030, 1, 1, tzinfo=UTC)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=60), inner),
    max_leaves=8,
)
texts = st.text(max_size=60)
properties = st.fixed_dictionaries(
    {},
    optional={
        "content_type": texts,
        "application_headers": st.dictionaries(st.text(max_size=60), values),
        "delivery_mode": st.integers(0, 255),
        "priority": st.integers(0, 255),
        "correlation_id": texts,
        "expiration": texts,
        "timestamp": st.integers(0, 2**64 - 1),
        "cluster_id": texts,
    },
)


def of_the_driver(said):
    return Message(b"", **said)._serialize_properties()


def read_by_the_driver(raw):
    message = Message()
    message._load_properties(60, raw, 0)
    return message.properties


@given(properties)
def test_properties_are_written_as_py_amqp_writes_them(said):
    assert properties_to_bytes(said) == of_the_driver(said)


@given(properties)
def test_properties_are_read_as_py_amqp_reads_them(said):
    raw = of_the_driver(said)

    assert properties_from_bytes(b"before" + raw, 6) == read_by_the_driver(raw)


HEADERS = {
    "lang": "py",
    "task": "tasks.add",
    "id": "a",
    "eta": None,
    "retries": 0,
    "timelimit": [None, 5],
    "root_id": "a",
    "argsrepr": "(1, 2)",
    "ignore_result": False,
    "stamps": {},
}
changes = st.dictionaries(
    st.sampled_from([*HEADERS, "group", "mine"]),
    st.none() | st.text(max_size=60) | st.integers(0, 9) | st.lists(st.lists(st.none())),
    max_size=2,
)


@given(st.lists(st.builds(lambda more: {**HEADERS, **more}, changes), min_size=40, max_size=60))
def test_tables_that_are_alike_are_read_each_as_it_is(tables):
    for table in tables:
        raw = of_the_driver({"application_headers": table})

        assert properties_from_bytes(raw, 0) == {"application_headers": table}


@pytest.mark.parametrize("stamps", [{}, {"mine": [1]}])
def test_what_is_changed_in_one_table_is_not_seen_in_the_next(stamps):
    said = {**HEADERS, "stamps": stamps}
    raw = of_the_driver({"application_headers": said})
    for _ in range(40):
        table = properties_from_bytes(raw, 0)["application_headers"]
        assert table == said

        table["stamps"].setdefault("mine", []).append(2)
        table["timelimit"].clear()
        table["id"] = "another"


@pytest.mark.parametrize("raw", [b"s\x00\x05", b"x\x00\x00\x00\x02ab", b"S\x00\x00\x00\x01\xff"])
def test_kinds_that_tasks_do_not_use_are_read_as_well(raw):
    item = b"\x01k" + raw
    table = b"\x20\x00" + len(item).to_bytes(4, "big") + item

    assert properties_from_bytes(table, 0) == read_by_the_driver(table)
