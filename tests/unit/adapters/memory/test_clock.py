"""Virtual time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from celeriac.adapters.memory import VirtualClock

START = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)


def test_virtual_time_stands_still_until_it_is_advanced():
    clock = VirtualClock(START)

    assert (clock.now(), clock.monotonic()) == (START, 0.0)
    clock.advance(90)
    assert (clock.now(), clock.monotonic()) == (START + timedelta(seconds=90), 90.0)


def test_waiting_makes_virtual_time_pass():
    clock = VirtualClock(START)

    clock.wait(2.5)

    assert (clock.now(), clock.monotonic()) == (START + timedelta(seconds=2.5), 2.5)


@pytest.mark.parametrize("jump", [3600, -3600])
def test_the_wall_clock_may_jump_and_steady_time_does_not(jump):
    clock = VirtualClock(START)
    clock.advance(10)

    clock.jump_wall(jump)

    assert (clock.now(), clock.monotonic()) == (START + timedelta(seconds=10 + jump), 10.0)


def test_time_does_not_run_backwards():
    clock = VirtualClock(START)

    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)

    assert clock.now() == START
