"""How much a worker holds, and what it expects of its tasks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celeriac.domain.work.capacity import SHORT, UNBOUNDED, RunTimes, prefetch

runtimes = st.lists(st.floats(0, 1000), min_size=1, max_size=50)


@pytest.mark.parametrize(
    ("multiplier", "disabled", "expected"),
    [(4, False, 8), (1, False, 2), (0, False, UNBOUNDED), (4, True, 2), (0, True, 2)],
)
def test_how_many_deliveries_two_slots_may_hold(multiplier: int, disabled: bool, expected: int):
    assert prefetch(2, multiplier, disabled=disabled) == expected


def test_nothing_is_expected_of_a_task_that_never_ran():
    times = RunTimes()
    times.learn("shop.add", 1.0)

    assert (times.of("shop.add"), times.of("shop.other")) == (1.0, None)


@given(runtimes=runtimes)
def test_a_task_is_never_expected_to_be_quicker_than_its_last_run(runtimes: list[float]):
    times = RunTimes()
    for runtime in runtimes:
        times.learn("shop.add", runtime)

    expected = times.of("shop.add")
    assert expected is not None
    assert runtimes[-1] <= expected <= max(runtimes) * (1 + 1e-9)


def test_one_long_run_is_remembered_for_dozens_of_short_ones():
    times = RunTimes()
    times.learn("shop.add", 1.0)

    needed = 0
    while (times.of("shop.add") or 0.0) > SHORT:
        times.learn("shop.add", 0.0001)
        needed += 1

    assert 24 <= needed <= 100
