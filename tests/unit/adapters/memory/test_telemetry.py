"""Measurements that a test can look at."""

from __future__ import annotations

import pytest

from celeriac.adapters.memory import RecordingTelemetry, SilentTelemetry
from celeriac.adapters.memory.telemetry import Series


def test_counters_add_up_for_each_set_of_labels():
    telemetry = RecordingTelemetry()

    telemetry.count("sent", queue="a", task="t")
    telemetry.count("sent", 4, task="t", queue="a")
    telemetry.count("sent", queue="b")

    assert telemetry.counts == {
        Series("sent", (("queue", "a"), ("task", "t"))): 5,
        Series("sent", (("queue", "b"),)): 1,
    }


def test_a_gauge_keeps_its_last_value_and_timings_all_of_theirs():
    telemetry = RecordingTelemetry()

    for value in (1.0, 3.0, 2.0):
        telemetry.gauge("busy", value)
        telemetry.timing("run", value)

    assert telemetry.gauges == {Series("busy"): 2.0}
    assert telemetry.timings == {Series("run"): [1.0, 3.0, 2.0]}


def test_spans_are_noted_as_they_end_however_they_end():
    telemetry = RecordingTelemetry()

    with telemetry.span("outer", {"a": "1"}), telemetry.span("inner", {}):
        pass
    with pytest.raises(RuntimeError), telemetry.span("failed", {}):
        raise RuntimeError

    assert telemetry.spans == [("inner", {}), ("outer", {"a": "1"}), ("failed", {})]


def test_a_silent_one_takes_everything_and_swallows_no_exception():
    telemetry = SilentTelemetry()

    telemetry.count("sent", 2, queue="a")
    telemetry.gauge("busy", 1.0)
    telemetry.timing("run", 1.0)

    with pytest.raises(RuntimeError), telemetry.span("failed", {}):
        raise RuntimeError
