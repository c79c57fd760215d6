"""Exceptions as data: whatever they hold, they are described; whatever is stored, one is made."""

import json
from threading import Lock
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celeriac.domain.errors import WorkerLostError
from celeriac.domain.tasks.failures import describe, restore, summary


class Mute:
    def __repr__(self) -> str:
        raise RuntimeError("no")


class MuteError(Exception):
    def __repr__(self) -> str:
        raise RuntimeError("no")


class TwoNeededError(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def loaded(module: str, name: str) -> type[BaseException] | None:
    return {"KeyError": KeyError, "Two": TwoNeededError}.get(name)


def nothing_loaded(module: str, name: str) -> None:
    return None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def test_an_exception_is_described_by_name_arguments_and_module():
    stored = describe(KeyError("a", 2, [None, {"b": 1.5}]))

    assert stored == {
        "exc_type": "KeyError",
        "exc_message": ["a", 2, [None, {"b": 1.5}]],
        "exc_module": "builtins",
    }


def test_our_own_exceptions_are_stored_under_the_module_celery_readers_know():
    assert describe(WorkerLostError("gone"))["exc_module"] == "celery.exceptions"


def test_arguments_that_are_not_plain_become_their_repr():
    lock = Lock()

    stored = describe(ValueError(lock, {"k": [lock]}, Mute()))

    muted = "<Mute: its repr raised RuntimeError>"
    assert stored["exc_message"] == [repr(lock), {"k": [repr(lock)]}, muted]


def test_arguments_that_contain_themselves_are_described():
    endless: list[Any] = [1]
    endless.append(endless)

    stored = describe(ValueError(endless))

    assert json.loads(json.dumps(stored)) == stored


def test_a_mapping_whose_key_cannot_be_shown_is_described():
    stored = describe(ValueError({Mute(): 1}))

    assert stored["exc_message"] == [{"<Mute: its repr raised RuntimeError>": 1}]


def test_a_summary_survives_a_broken_repr():
    assert summary(KeyError("a")) == "KeyError('a')"
    assert summary(MuteError()) == "<MuteError: its repr raised RuntimeError>"


def test_a_loaded_exception_comes_back_as_itself():
    restored = restore(describe(KeyError("a")), loaded)

    assert (type(restored), restored.args) == (KeyError, ("a",))


def test_an_exception_that_is_not_loaded_comes_back_under_its_name():
    restored = restore(
        {"exc_type": "Shop.Closed", "exc_message": ["till", 8], "exc_module": "shop.errors"},
        nothing_loaded,
    )

    assert repr(restored) == "Closed('till', 8)"
    assert type(restored).__module__ == "shop.errors"


def test_an_exception_that_refuses_its_arguments_comes_back_under_its_name():
    restored = restore({"exc_type": "Two", "exc_message": ["1 and 2"]}, loaded)

    assert repr(restored) == "Two('1 and 2')"
    assert not isinstance(restored, TwoNeededError)


@pytest.mark.parametrize("name", ["", ".", "\x00", "\ud800", "a b"])
def test_a_name_no_class_may_have_still_makes_an_exception(name: str):
    assert isinstance(restore({"exc_type": name}, nothing_loaded), Exception)


@given(
    stored=st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("exc_type", "exc_message", "exc_module"), json_values)
    )
)
def test_whatever_is_stored_an_exception_comes_of_it(stored: dict[str, Any]):
    assert isinstance(restore(stored, nothing_loaded), Exception)


@given(args=st.lists(json_values, max_size=3))
def test_plain_arguments_survive_the_way_there_and_back(args: list[Any]):
    stored = json.loads(json.dumps(describe(KeyError(*args))))

    assert restore(stored, loaded).args == tuple(args)
