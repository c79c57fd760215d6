"""Values that are made quickly are what dataclasses would have made."""

import inspect
import pickle
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, dataclass, field, replace
from typing import Any

import pytest

from celeriac.domain.quick_values import quickly_made


@quickly_made
@dataclass(frozen=True, slots=True)
class Parcel:
    """A value with every kind of field."""

    id: str
    weight: int = 1
    labels: list[str] = field(default_factory=list)
    headers: Mapping[str, Any] = field(default_factory=dict, compare=False)
    mark: str | None = field(default=None, init=False, compare=False, repr=False)
    seen: list[str] = field(default_factory=list, init=False, compare=False)


def test_it_is_made_by_place_by_name_and_by_default():
    parcel = Parcel("a", labels=["x"])

    assert (parcel.id, parcel.weight, parcel.labels, parcel.headers) == ("a", 1, ["x"], {})
    assert (parcel.mark, parcel.seen) == (None, [])
    assert type(parcel) is Parcel
    assert parcel == Parcel("a", 1, ["x"], {"other": 1})
    assert repr(parcel) == "Parcel(id='a', weight=1, labels=['x'], headers={}, seen=[])"


def test_each_has_defaults_of_its_own():
    one, other = Parcel("a"), Parcel("b")

    one.labels.append("x")

    assert other.labels == []


def test_it_is_frozen():
    parcel = Parcel("a")

    with pytest.raises(FrozenInstanceError):
        parcel.id = "b"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del parcel.id  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises((AttributeError, TypeError)):
        parcel.other = 1  # type: ignore[attr-defined]


def test_it_can_be_copied_with_changes_and_sent():
    parcel = Parcel("a", 2, ["x"])

    assert replace(parcel, weight=3) == Parcel("a", 3, ["x"])
    assert pickle.loads(pickle.dumps(parcel)) == parcel


def test_what_is_missing_or_too_much_is_said_as_python_says_it():
    with pytest.raises(TypeError, match=r"Parcel.__init__\(\) missing 1 required .* 'id'"):
        Parcel()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'wheight'"):
        Parcel("a", wheight=2)  # type: ignore[call-arg]


def test_its_parameters_and_their_types_can_be_looked_up():
    parameters = inspect.signature(Parcel).parameters

    assert list(parameters) == ["id", "weight", "labels", "headers"]
    assert parameters["weight"].default == 1
    assert parameters["weight"].annotation is int
