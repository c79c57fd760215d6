"""A call not yet made, as data."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celeriac.domain.canvas.signature import Signature

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)
mappings = st.dictionaries(st.text(), json_values, max_size=3)
signatures = st.builds(
    Signature,
    task=st.text(min_size=1),
    args=st.lists(json_values).map(tuple),
    kwargs=mappings,
    options=mappings,
    subtask_type=st.none() | st.text(),
    immutable=st.booleans(),
)


def test_the_stored_form_has_every_key_celery_reads():
    assert Signature("shop.add", (2,), {"k": 1}, {"queue": "slow"}).to_dict() == {
        "task": "shop.add",
        "args": [2],
        "kwargs": {"k": 1},
        "options": {"queue": "slow"},
        "subtask_type": None,
        "immutable": False,
    }


@given(signature=signatures)
def test_a_signature_survives_its_stored_form(signature: Signature):
    assert Signature.from_dict(signature.to_dict()) == signature


def test_what_is_missing_is_empty():
    assert Signature.from_dict({"task": "shop.add", "args": None}) == Signature("shop.add")


@given(
    stored=json_values
    | st.dictionaries(
        st.sampled_from(["task", "args", "kwargs", "options", "immutable"]), json_values
    )
)
def test_anything_stored_is_a_signature_or_a_value_error(stored: Any):
    try:
        signature = Signature.from_dict(stored)
    except ValueError:
        return

    assert signature.task == stored["task"]
    assert list(signature.args) == (stored.get("args") or [])


@pytest.mark.parametrize(
    "stored",
    [
        "shop.add",
        {},
        {"task": ""},
        {"task": "shop.add", "args": "ab"},
        {"task": "shop.add", "kwargs": [1]},
        {"task": "shop.add", "options": 3},
    ],
)
def test_what_is_no_signature_is_refused(stored: Any):
    with pytest.raises(ValueError, match="a signature"):
        Signature.from_dict(stored)


def test_further_arguments_come_in_front():
    assert Signature("shop.add", (2, 3)).applied((1,)) == Signature("shop.add", (1, 2, 3))


def test_an_immutable_signature_takes_no_further_arguments():
    fixed = Signature("shop.add", (2,), immutable=True)

    assert fixed.applied((1,)) is fixed
