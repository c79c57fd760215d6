"""Rates, buckets and time limits."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celeriac.domain.tasks.options import TaskOptions
from celeriac.domain.work.limits import Bucket, rate, time_limits
from tests.unit.domain.samples import message


@pytest.mark.parametrize(
    ("value", "per_second"),
    [
        (None, None),
        ("", None),
        (0, None),
        ("0/m", None),
        (5, 5.0),
        (0.5, 0.5),
        (1e-05, 1e-05),
        ("5", 5.0),
        ("10/s", 10.0),
        ("30/m", 0.5),
        (" 1.5 / h ", 1.5 / 3600),
    ],
)
def test_rates_are_read(value: Any, per_second: float | None):
    assert rate(value) == per_second


@pytest.mark.parametrize(
    "value", ["fast", "10/d", "-5", -5, "1e3/s", "10/s/m", True, float("nan"), float("inf")]
)
def test_what_is_no_rate_is_refused(value: Any):
    with pytest.raises(ValueError, match=r"rate_limit=.*'100/m'"):
        rate(value)


def test_a_bucket_gives_its_burst_at_once_and_then_its_rate():
    bucket = Bucket(2.0, burst=3.0)

    waits = [bucket.take(10.0) for _ in range(4)]

    assert waits == [0.0, 0.0, 0.0, 0.5]
    assert bucket.take(10.4) == pytest.approx(0.1)
    assert bucket.take(10.5) == 0.0


def test_a_bucket_holds_no_more_than_its_burst_however_long_it_waited():
    bucket = Bucket(1.0)
    bucket.take(0.0)

    assert [bucket.take(1000.0) for _ in range(2)] == [0.0, 1.0]


@given(
    rate=st.floats(0.01, 1000),
    burst=st.floats(1, 50),
    steps=st.lists(st.floats(0, 20), max_size=60),
)
def test_no_window_sees_more_than_the_burst_and_what_the_rate_allows(
    rate: float, burst: float, steps: list[float]
):
    bucket, now, taken = Bucket(rate, burst), 0.0, []
    for step in steps:
        now += step
        if bucket.take(now) == 0.0:
            taken.append(now)

    for first in range(len(taken)):
        for last in range(first, len(taken)):
            window = taken[last] - taken[first]
            assert last - first + 1 <= burst + rate * window + 1e-6


@given(rate=st.floats(0.01, 1000), steps=st.lists(st.floats(0, 5), max_size=30))
def test_whoever_comes_back_when_told_gets_a_token(rate: float, steps: list[float]):
    bucket, now = Bucket(rate), 0.0
    for step in steps:
        now += step
        if wait := bucket.take(now):
            assert bucket.take(now + wait) == 0.0
            now += wait


@pytest.mark.parametrize(
    ("asked", "task", "worker", "expected"),
    [
        (None, (None, None), (None, None), (None, None)),
        (None, (None, None), (9.0, 8.0), (9.0, 8.0)),
        (None, (5.0, None), (9.0, 8.0), (5.0, 8.0)),
        ([3, None], (5.0, 4.0), (9.0, 8.0), (3, 4.0)),
        ([None, 0], (5.0, 4.0), (9.0, 8.0), (5.0, 0)),
    ],
)
def test_the_call_limits_before_the_task_and_the_task_before_the_worker(
    asked: Any, task: tuple[Any, Any], worker: tuple[Any, Any], expected: tuple[Any, Any]
):
    options = TaskOptions("shop.add", time_limit=task[0], soft_time_limit=task[1])
    sent = message(headers={"timelimit": asked} if asked else {})

    assert time_limits(sent, options, *worker) == expected
