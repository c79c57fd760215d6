"""What every serializer promises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celeriac.adapters.serializers.json import JsonSerializer
from celeriac.adapters.serializers.pickle import PickleSerializer
from celeriac.domain.errors import DecodeError, EncodeError

SERIALIZERS = [JsonSerializer(), PickleSerializer()]

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.fixture(params=SERIALIZERS, ids=lambda one: one.name)
def serializer(request):
    return request.param


@given(value=PLAIN)
@pytest.mark.parametrize("serializer", SERIALIZERS, ids=lambda one: one.name)
def test_plain_values_come_back_as_they_were(serializer, value):
    assert serializer.loads(serializer.dumps(value)) == value


@given(data=st.binary(max_size=200))
@pytest.mark.parametrize("serializer", [JsonSerializer()], ids=lambda one: one.name)
def test_any_bytes_give_a_value_or_a_decode_error_and_nothing_else(serializer, data):
    said = said_of(serializer, data)

    assert said is None or said.startswith("not JSON")


@pytest.mark.parametrize("garbage", [b"", b"\x00", b"{", b"\x80\x04", b"\xff\xfe\x00"])
def test_garbage_is_refused(serializer, garbage):
    with pytest.raises(DecodeError):
        serializer.loads(garbage)


def test_what_cannot_be_encoded_is_refused_naming_the_type(serializer):
    class Local:
        def __reduce__(self):
            raise TypeError("a Local is never encoded")

    with pytest.raises(EncodeError, match="Local"):
        serializer.dumps({"here": Local()})


def test_a_serializer_names_itself_and_its_content_type(serializer):
    assert serializer.name
    assert "/" in serializer.content_type
    assert serializer.content_encoding in ("utf-8", "binary")


def said_of(serializer, data):
    """Return what a refusal says; None: the bytes were decoded."""
    try:
        serializer.loads(data)
    except DecodeError as refused:
        return str(refused)
    return None
