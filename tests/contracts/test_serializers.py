"""What every serializer promises."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celeriac.domain.errors import DecodeError, EncodeError
from celeriac.entrypoints.adapter_table import SERIALIZERS
from celeriac.entrypoints.codecs import find_serializer
from celeriac.ports.codec import Serializer

ANY_INTEGER = st.integers()
LONG = st.integers(-(2**63), 2**64 - 1)


@dataclass(frozen=True)
class Case:
    """A serializer, and what it can hold."""

    serializer: Serializer
    integers: st.SearchStrategy[int] = ANY_INTEGER
    garbage: tuple[bytes, ...] = (b"", b"\x00", b"{", b"\x80\x04", b"\xff\xfe\x00")


CASES = [
    Case(find_serializer("json")),
    Case(find_serializer("pickle")),
    Case(find_serializer("yaml")),
    # To which a single byte may be a number.
    Case(find_serializer("msgpack"), LONG, (b"", b"\xc1", b"{{", b"\x92\x01", b"\xff\xfe\x00")),
]
EACH = pytest.mark.parametrize("case", CASES, ids=lambda case: case.serializer.name)
#: Unpickling arbitrary bytes may do anything at all.
HARMLESS = pytest.mark.parametrize(
    "case", [CASES[0], *CASES[2:]], ids=lambda case: case.serializer.name
)


def plain(integers):
    """Values that JSON has too."""
    return st.recursive(
        st.none() | st.booleans() | integers | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )


@EACH
@given(data=st.data())
def test_plain_values_come_back_as_they_were(case, data):
    value = data.draw(plain(case.integers))

    assert case.serializer.loads(case.serializer.dumps(value)) == value


@HARMLESS
@given(data=st.binary(max_size=200))
def test_any_bytes_give_a_value_or_a_decode_error_and_nothing_else(case, data):
    said = said_of(case.serializer, data)

    assert said is None or said.startswith("not ")


@EACH
def test_garbage_is_refused(case):
    said = [said_of(case.serializer, garbage) for garbage in case.garbage]

    assert all(one is not None and one.startswith("not ") for one in said)


@HARMLESS
@pytest.mark.parametrize("deep", [b"[" * 100_000, b"\x91" * 100_000])
def test_nesting_without_end_is_refused(case, deep):
    with pytest.raises(DecodeError):
        case.serializer.loads(deep)


@EACH
def test_what_cannot_be_encoded_is_refused_naming_the_type(case):
    class Local:
        def __reduce__(self):
            raise TypeError("a Local is never encoded")

    with pytest.raises(EncodeError, match="Local"):
        case.serializer.dumps({"here": Local()})


@EACH
def test_a_serializer_is_found_by_its_name_and_by_its_content_type(case):
    one = case.serializer

    assert one.content_encoding in ("utf-8", "binary")
    assert type(find_serializer(one.name)) is type(find_serializer(one.content_type)) is type(one)


def test_every_serializer_there_is_keeps_these_promises():
    assert {case.serializer.name for case in CASES} | {"auth"} >= {
        name for name in SERIALIZERS if "/" not in name
    }


def said_of(serializer, data):
    """Return what a refusal says; None: the bytes were decoded."""
    try:
        serializer.loads(data)
    except DecodeError as refused:
        return str(refused)
    return None
