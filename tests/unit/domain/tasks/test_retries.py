"""From an attempt to the delay before the next one, or to giving up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celeriac.domain.tasks.options import AutoRetry
from celeriac.domain.tasks.retries import auto_delay, backoff, exhausted, wants_retry

retries = st.integers(0, 10_000_000)
seconds = st.floats(0, 1e9)
fractions = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(
    ("done", "allowed", "is_exhausted"),
    [(0, 3, False), (2, 3, False), (3, 3, True), (4, 3, True), (0, 0, True), (10**6, None, False)],
)
def test_retries_are_counted_without_the_first_run(
    done: int, allowed: int | None, is_exhausted: bool
):
    assert exhausted(done, allowed) is is_exhausted


def test_backoff_doubles_until_its_maximum():
    delays = [backoff(n, 3, 50, None) for n in range(6)]

    assert delays == [3, 6, 12, 24, 48, 50]


@given(retries=retries, factor=seconds, maximum=seconds, jitter=fractions)
def test_backoff_stays_between_nothing_and_its_maximum(
    retries: int, factor: float, maximum: float, jitter: float
):
    exact = backoff(retries, factor, maximum, None)
    spread = backoff(retries, factor, maximum, jitter)

    assert 0 <= spread <= exact <= maximum


@given(retries=retries, factor=seconds, maximum=seconds)
def test_backoff_never_shrinks_from_one_attempt_to_the_next(
    retries: int, factor: float, maximum: float
):
    assert backoff(retries, factor, maximum, None) <= backoff(retries + 1, factor, maximum, None)


@given(retries=st.integers(0, 20), factor=st.floats(0.1, 100), fraction=fractions)
def test_jitter_is_a_share_of_the_whole_delay(retries: int, factor: float, fraction: float):
    assert backoff(retries, factor, 1e12, fraction) == factor * 2.0**retries * fraction


def test_without_backoff_the_task_waits_its_default_delay():
    assert auto_delay(AutoRetry((OSError,)), 5, default=180, fraction=0.1) == 180


def test_automatic_backoff_is_spread_only_with_jitter():
    spread = AutoRetry((OSError,), backoff=2, backoff_max=100, jitter=True)
    exact = AutoRetry((OSError,), backoff=2, backoff_max=100, jitter=False)

    assert auto_delay(spread, 3, default=180, fraction=0.25) == 4
    assert auto_delay(exact, 3, default=180, fraction=0.25) == 16


def test_what_is_excepted_is_not_retried():
    policy = AutoRetry((OSError,), but_not=(FileNotFoundError,))

    asked = [wants_retry(policy, exc) for exc in (OSError(), FileNotFoundError(), KeyError())]

    assert asked == [True, False, False]
