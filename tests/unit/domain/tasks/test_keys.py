"""Keys: equal for equal values, and for no others, in every process."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celeriac.domain.tasks.keys import LONGEST, canonical, chosen, key_of

plain = st.none() | st.booleans() | st.integers() | st.text() | st.binary()
values = st.recursive(
    plain, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10
)


class Colour(Enum):
    RED = "red"


@given(values, values)
def test_keys_are_equal_exactly_when_the_values_are(one, other):
    assert (canonical(one) == canonical(other)) is (typed(one) == typed(other))


def typed(value):
    """The value such that True is not 1."""
    if isinstance(value, list):
        return [typed(one) for one in value]
    if isinstance(value, dict):
        return {name: typed(one) for name, one in value.items()}
    return (type(value).__name__, value)


@given(st.dictionaries(st.text(), st.integers()))
def test_the_order_of_a_mapping_does_not_matter(mapping):
    assert canonical(mapping) == canonical(dict(reversed(mapping.items())))


def test_what_is_the_same_once_it_has_travelled_has_the_same_key():
    assert canonical((1, 2)) == canonical([1, 2])
    assert canonical(Colour.RED) == canonical("red")
    assert canonical({3, 1, 2}) == canonical(frozenset({2, 3, 1}))


def test_dates_and_decimals_have_keys():
    moment = datetime(2026, 1, 2, tzinfo=UTC)

    assert canonical(moment) != canonical(str(moment))
    assert canonical(Decimal("1.0")) != canonical(1.0)


def test_an_object_has_none():
    with pytest.raises(ValueError, match="no key can be made of object values"):
        key_of([object()])


@given(st.text())
def test_a_key_is_never_long(text):
    assert len(key_of(text)) <= LONGEST
    assert len(key_of([text] * 50)) <= LONGEST


def test_a_long_text_is_kept_by_its_hash():
    assert re.fullmatch("[0-9a-f]{64}", key_of("x" * 101))
    assert key_of("x" * 101) != key_of("x" * 102)
    assert key_of("x" * 100) == "x" * 100


def test_one_argument_is_its_own_value_and_several_are_a_list():
    assert chosen(["x"], {"x": 1, "y": 2}) == 1
    assert chosen(["x", "y"], {"x": 1, "y": 2}) == [1, 2]
