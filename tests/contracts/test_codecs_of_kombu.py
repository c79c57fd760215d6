"""What kombu writes is read here, and what is written here kombu reads, format by format."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kombu import compression as kombus_compression
from kombu import serialization as kombus

from celeriac.domain.errors import EncodeError
from celeriac.entrypoints.codecs import find_compressor, find_serializer

NAMES = ("json", "pickle", "yaml", "msgpack")
CONTENT_TYPES = (
    "application/x-gzip",
    "application/x-bz2",
    "application/x-lzma",
    "application/x-brotli",
    "application/zstd",
)
#: Celery's names, some of which lead to the same format.
ALIASES = "gzip zlib bzip2 bzip lzma xz brotli zstd zstandard".split()

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)

#: What some formats hold, and others turn into something else or refuse.
BEYOND = {
    "aware datetime": datetime(2026, 3, 1, 12, 30, 15, 250, tzinfo=UTC),
    "datetime elsewhere": datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=2))),
    "naive datetime": datetime(2026, 3, 1, 12),  # noqa: DTZ001 - naive ones too
    "date": date(2026, 3, 1),
    "time": time(12, 30),
    "decimal": Decimal("10.50"),
    "uuid": UUID("12345678123456781234567812345678"),
    "text as bytes": "café".encode(),
    "bytes": b"\xff\xfe",
    "tuple": (1, (2, 3)),
    "set": {1, 2},
    "timedelta": timedelta(seconds=5),
    "nan": float("nan"),
    "keys that are numbers": {1: "one"},
    "an exception": ValueError("no"),
}


def kombus_word(name, value):
    """Return what kombu writes, in bytes, with its content type and encoding."""
    content_type, encoding, data = kombus.dumps(value, name)
    return (data if isinstance(data, bytes) else data.encode()), content_type, encoding


def kombu_reads(name, data):
    """Return what kombu makes of bytes that are accepted."""
    one = find_serializer(name)
    return kombus.loads(data, one.content_type, one.content_encoding, accept={one.content_type})


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40)
@given(value=PLAIN)
def test_it_is_byte_for_byte_what_kombu_writes(name, value):
    ours = find_serializer(name)

    data = ours.dumps(value)

    assert (data, ours.content_type, ours.content_encoding) == kombus_word(name, value)
    assert kombu_reads(name, data) == ours.loads(data) == value


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", BEYOND.values(), ids=BEYOND)
def test_what_is_beyond_plain_values_is_written_or_refused_where_kombu_does(name, value):
    ours = find_serializer(name)
    try:
        data, _, _ = kombus_word(name, value)
    except kombus.EncodeError:
        with pytest.raises(EncodeError):
            ours.dumps(value)
        return

    assert ours.dumps(value) == data
    if (name, value) != ("msgpack", BEYOND["keys that are numbers"]):  # which kombu cannot read
        assert repr(ours.loads(data)) == repr(kombu_reads(name, data))


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_what_kombu_makes_smaller_is_read_here_and_the_other_way_round(content_type):
    ours = find_compressor(content_type)
    data = bytes(range(256)) * 20

    kombus_own, named = kombus_compression.compress(data, content_type)

    assert named == ours.content_type == content_type
    assert ours.decompress(kombus_own) == data
    assert kombus_compression.decompress(ours.compress(data), content_type) == data


@pytest.mark.parametrize("alias", ALIASES)
def test_compressions_have_the_names_that_celery_knows(alias):
    _, content_type = kombus_compression.get_encoder(alias)

    assert find_compressor(alias).content_type == content_type
