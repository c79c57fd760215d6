"""JSON in the layout that Celery 5.7 and kombu write and read."""

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celeriac.adapters.serializers.json import JsonSerializer
from celeriac.domain.errors import DecodeError, EncodeError

SERIALIZER = JsonSerializer()
BERLIN_SUMMER = timezone(timedelta(hours=2))

TAGGED = [
    (
        datetime(2026, 3, 1, 12, 30, 15, 250, tzinfo=UTC),
        "datetime",
        "2026-03-01T12:30:15.000250+00:00",
    ),
    (datetime(2026, 7, 1, 12, tzinfo=BERLIN_SUMMER), "datetime", "2026-07-01T12:00:00+02:00"),
    (datetime(2026, 3, 1, 12), "datetime", "2026-03-01T12:00:00"),  # noqa: DTZ001 - naive ones too
    (date(2026, 3, 1), "date", "2026-03-01"),
    (time(12, 30), "time", "12:30:00"),
    (Decimal("10.50"), "decimal", "10.50"),
    (UUID("12345678123456781234567812345678"), "uuid", {"hex": "12345678123456781234567812345678"}),
    (b"caf\xc3\xa9", "bytes", "café"),
    (b"\xff\xfe", "base64", "//4="),
]


@pytest.mark.parametrize(("value", "kind", "text"), TAGGED)
def test_what_json_lacks_travels_under_the_name_of_its_type(value, kind, text):
    written = SERIALIZER.dumps({"it": value})

    assert json.loads(written) == {"it": {"__type__": kind, "__value__": text}}
    assert SERIALIZER.loads(written) == {"it": value}


def unfolded(moment):
    """Return it without the mark of a repeated hour, which ISO 8601 has no room for."""
    return moment.replace(fold=0)


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.dates()
    | st.times().map(unfolded)
    | st.datetimes().map(unfolded)
    | st.datetimes(timezones=st.just(UTC)).map(unfolded)
    | st.decimals(allow_nan=False)
    | st.uuids()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(values)
def test_whatever_is_encoded_comes_back_as_it_was(value):
    back = SERIALIZER.loads(SERIALIZER.dumps(value))

    assert back == value
    assert repr(back) == repr(value)


@given(st.binary() | st.text().map(str.encode))
def test_arbitrary_bytes_give_a_value_or_a_decode_error(data):
    with suppress(DecodeError):
        SERIALIZER.loads(data)


@given(
    st.sampled_from(["datetime", "date", "time", "decimal", "uuid", "bytes", "base64", "other"]),
    st.none() | st.integers() | st.text() | st.lists(st.text()) | st.just({"hex": "x"}),
)
def test_arbitrary_tagged_values_give_a_value_or_a_decode_error(kind, value):
    data = json.dumps({"__type__": kind, "__value__": value}).encode()

    with suppress(DecodeError):
        SERIALIZER.loads(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xff",
        b"[1, 2",
        b"[" * 100_000,
        b'{"__type__": "datetime", "__value__": "yesterday"}',
        b'{"__type__": "uuid", "__value__": {"no": "hex"}}',
    ],
)
def test_bytes_that_are_no_json_are_refused(data):
    with pytest.raises(DecodeError, match="not JSON"):
        SERIALIZER.loads(data)


def test_a_mapping_of_an_unknown_type_is_left_as_it_is():
    data = b'{"__type__": "money", "__value__": 5}'

    assert SERIALIZER.loads(data) == {"__type__": "money", "__value__": 5}


def test_nan_and_infinity_are_written_as_celery_writes_them():
    written = SERIALIZER.dumps([float("nan"), float("inf")])

    assert written == b"[NaN, Infinity]"
    assert repr(SERIALIZER.loads(written)) == "[nan, inf]"


class Point(NamedTuple):
    x: int
    y: int


def test_tuples_become_lists():
    assert SERIALIZER.loads(SERIALIZER.dumps((1, (2, Point(3, 4))))) == [1, [2, [3, 4]]]


@dataclass
class Money:
    amount: int

    def __json__(self) -> Any:
        return {"amount": self.amount}


def test_an_object_that_knows_its_json_form_is_written_in_it():
    assert SERIALIZER.loads(SERIALIZER.dumps([Money(5)])) == [{"amount": 5}]


class Broken:
    def __json__(self) -> Any:
        raise AttributeError("no such thing")


def test_an_object_whose_json_form_fails_cannot_be_encoded():
    with pytest.raises(EncodeError, match="no such thing"):
        SERIALIZER.dumps(Broken())


def circular() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({1, 2}, "builtins.set"),
        (timedelta(1), "datetime.timedelta"),
        (object(), "builtins.object"),
        ({(1, 2): 3}, "keys must be"),
        (circular(), "Circular"),
    ],
)
def test_what_cannot_be_written_is_refused_by_its_type(value, why):
    with pytest.raises(EncodeError, match=why):
        SERIALIZER.dumps(value)


@given(values)
def test_it_is_byte_for_byte_what_kombu_writes(value):
    kombus = pytest.importorskip("kombu.utils.json")

    assert SERIALIZER.dumps(value) == kombus.dumps(value).encode()
    assert repr(kombus.loads(SERIALIZER.dumps(value))) == repr(
        SERIALIZER.loads(kombus.dumps(value).encode())
    )


def test_what_stands_around_a_value_is_skipped_if_it_is_white_space_and_else_refused():
    assert SERIALIZER.loads(b' [1, "x"]\n') == [1, "x"]
    with pytest.raises(DecodeError, match="Extra data"):
        SERIALIZER.loads(b"[1] [2]")
    with pytest.raises(DecodeError, match="not JSON"):
        SERIALIZER.loads(b"")
