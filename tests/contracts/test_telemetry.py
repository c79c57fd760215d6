"""What every telemetry promises, and what the recording one remembers."""

from __future__ import annotations

import pytest

from celeriac.adapters.memory.telemetry import RecordingTelemetry, Series, SilentTelemetry


@pytest.fixture(params=[RecordingTelemetry, SilentTelemetry])
def telemetry(request):
    return request.param()


def test_measuring_returns_nothing_and_never_raises(telemetry):
    answers = [
        telemetry.count("tasks", 2, queue="mail"),
        telemetry.gauge("slots", 3.0),
        telemetry.timing("run", 0.25, task="add"),
    ]

    assert answers == [None, None, None]


def test_a_span_lets_the_exception_inside_it_pass(telemetry):
    with pytest.raises(ValueError, match="inside"), telemetry.span("work", {"task": "add"}):
        raise ValueError("inside")


def test_the_recording_one_keeps_what_it_was_told():
    telemetry = RecordingTelemetry()

    telemetry.count("tasks", queue="mail")
    telemetry.count("tasks", 2, queue="mail")
    telemetry.gauge("slots", 3.0)
    telemetry.gauge("slots", 2.0)
    telemetry.timing("run", 0.25)
    with telemetry.span("work", {"task": "add"}):
        pass

    assert telemetry.counts == {Series("tasks", (("queue", "mail"),)): 3}
    assert telemetry.gauges == {Series("slots"): 2.0}
    assert telemetry.timings == {Series("run"): [0.25]}
    assert telemetry.spans == [("work", {"task": "add"})]
