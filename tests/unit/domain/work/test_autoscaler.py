"""How many slots there should be, between two bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celeriac.domain.work.capacity import Autoscaler, wanted_slots


@pytest.mark.parametrize(
    ("slots", "wanted", "by"),
    [(3, 7, 4), (3, 99, 7), (3, 3, 0), (10, 99, 0), (1, 0, 2), (12, 99, -2)],
)
def test_a_pool_grows_at_once_up_to_its_upper_bound(slots: int, wanted: int, by: int):
    assert Autoscaler(10, 3).change(slots, wanted, tick=0.0) == by


def test_a_pool_shrinks_only_a_while_after_it_grew_last():
    scaler = Autoscaler(10, 3, keepalive=30.0)
    scaler.change(3, 8, tick=100.0)

    assert scaler.change(8, 0, tick=129.0) == 0
    assert scaler.change(8, 5, tick=130.0) == -3
    assert scaler.change(5, 0, tick=131.0) == -2


@pytest.mark.parametrize(
    ("change", "bounds"),
    [
        ({"most": 5}, (5, 3)),
        ({"most": 2}, (2, 2)),
        ({"least": 6}, (10, 6)),
        ({"least": 12}, (12, 12)),
        ({"most": 4, "least": 0}, (4, 1)),
        ({"most": 4, "least": 9}, (4, 4)),
        ({}, (10, 3)),
    ],
)
def test_when_one_bound_is_changed_the_other_gives_way(change: dict[str, int], bounds: object):
    scaler = Autoscaler(10, 3)

    scaler.set_bounds(**change)

    assert (scaler.most, scaler.least) == bounds


@pytest.mark.parametrize("bounds", [{"most": 0}, {"most": -1}, {"least": -1}])
def test_bounds_that_leave_no_room_are_refused(bounds: dict[str, int]):
    with pytest.raises(ValueError, match="expected a number of slots"):
        Autoscaler(10, 3).set_bounds(**bounds)


numbers = st.integers(0, 50)


@given(most=st.integers(1, 50), least=numbers, slots=st.integers(1, 60), wanted=numbers)
def test_left_alone_a_pool_always_comes_to_lie_between_its_bounds(
    most: int, least: int, slots: int, wanted: int
):
    scaler = Autoscaler(most, least, keepalive=10.0)

    slots += scaler.change(slots, wanted, tick=0.0)
    slots += scaler.change(slots, wanted, tick=10.0)

    assert scaler.least <= slots <= scaler.most
    assert scaler.change(slots, wanted, tick=20.0) == 0


def test_a_worker_that_may_take_no_more_wants_one_more_slot_than_it_has_work_for():
    assert wanted_slots(3, allowed=8) == 3
    assert wanted_slots(8, allowed=8) == 9
