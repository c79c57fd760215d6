"""What every clock promises."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest

from celeriac.adapters.host.clock import SystemClock
from celeriac.adapters.memory.clock import RealClock, VirtualClock


@pytest.fixture(params=[SystemClock, RealClock, VirtualClock])
def clock(request):
    return request.param()


def test_the_present_is_aware_and_in_utc(clock):
    assert clock.now().tzinfo is UTC


def test_monotonic_time_never_goes_backwards(clock):
    readings = [clock.monotonic() for _ in range(1000)]

    assert readings == sorted(readings)


def test_so_many_seconds_pass_as_were_waited_for(clock):
    wall, steady = clock.now(), clock.monotonic()

    clock.wait(0.02)

    assert 0.02 <= clock.monotonic() - steady < 5
    assert timedelta(seconds=0.01) <= clock.now() - wall < timedelta(seconds=5)


@pytest.mark.parametrize("seconds", [0, -1, -1e9])
def test_zero_or_less_returns_at_once(clock, seconds):
    steady = clock.monotonic()

    clock.wait(seconds)

    assert 0 <= clock.monotonic() - steady < 5
