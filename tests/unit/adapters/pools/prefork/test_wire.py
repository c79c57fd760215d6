"""What hub and children send arrives as it was, however the stream is cut."""

import decimal
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celeriac.adapters.pools.prefork import wire
from celeriac.domain.canvas.chords import ChordGrowth, ChordOpening, ChordPart, Contribution
from celeriac.domain.messaging.message import TaskMessage
from celeriac.domain.messaging.payload import Payload
from celeriac.domain.tasks.result_record import Extended, ResultRecord
from celeriac.domain.work.job import Job, Progress, Report
from celeriac.domain.work.settlement import (
    DONE,
    DeadLetter,
    Disposition,
    Park,
    Requeue,
)

NOON = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
counts = st.none() | st.integers(0)
times = st.none() | st.datetimes(timezones=st.just(UTC))
limits = st.none() | st.floats(min_value=0, allow_nan=False)
messages = st.builds(
    TaskMessage,
    st.text(),
    st.text(),
    st.binary(),
    priority=st.integers(0, 255),
    eta=times,
    expires=times,
    headers=st.dictionaries(st.text(), plain),
    properties=st.dictionaries(st.text(), plain),
)
payloads = st.none() | st.builds(Payload, st.binary(), st.text(), st.text())
records = st.builds(
    ResultRecord,
    st.text(),
    st.text(),
    payloads,
    st.none() | st.text(),
    st.tuples(plain),
    times,
    st.none() | st.text(),
    st.none() | st.text(),
    st.none()
    | st.builds(
        Extended,
        st.text(),
        payloads,
        payloads,
        st.text(),
        st.integers(),
        stamps=st.none() | st.dictionaries(st.text(), plain),
    ),
)
dispositions = st.sampled_from(
    [DONE, Requeue(), Requeue(crashed=True), Park(NOON), DeadLetter("crashes", "three of them")]
)
growths = st.builds(ChordGrowth, st.text(), st.integers(0), st.text())
openings = st.builds(ChordOpening, st.text(), st.integers(0))
parts = st.builds(
    Contribution,
    st.builds(ChordPart, st.text(), st.text(), counts, counts, st.text(), payloads),
    messages,
)


def travelled(kind: int, row: wire.Row) -> wire.Row:
    data, refused = wire.frame_of_rows(kind, [row])
    assert not refused
    ((arrived, rows),) = wire.Frames().feed(data)
    assert arrived == kind
    return rows[0]


@given(messages, limits, limits, st.booleans(), limits)
def test_a_job_arrives_as_it_was(
    message: TaskMessage,
    soft: float | None,
    hard: float | None,
    redelivered: bool,
    estimate: float | None,
):
    job = Job(7, message, soft, hard, redelivered, estimate)

    assert wire.job_of(travelled(wire.JOBS, wire.job_row(job))) == job


@given(dispositions, st.lists(records, max_size=2), st.lists(messages, max_size=2))
def test_a_report_arrives_as_it_was(
    disposition: Disposition, results: list[ResultRecord], publish: list[TaskMessage]
):
    report = Report(7, "SUCCESS", disposition, tuple(results), tuple(publish), 0.5, "4", None)

    assert wire.report_of(travelled(wire.REPORTS, wire.report_row(report))) == report


@given(
    st.lists(openings, max_size=2),
    st.lists(parts, max_size=2),
    st.lists(st.text(), max_size=2),
    st.lists(growths, max_size=2),
)
def test_what_a_report_says_of_chords_arrives_as_it_was(
    opens: list[ChordOpening],
    counted: list[Contribution],
    closes: list[str],
    grows: list[ChordGrowth],
):
    report = Report(
        7,
        "SUCCESS",
        opens=tuple(opens),
        parts=tuple(counted),
        closes=tuple(closes),
        grows=tuple(grows),
    )

    assert wire.report_of(travelled(wire.REPORTS, wire.report_row(report))) == report


@given(records)
def test_progress_arrives_as_it_was(record: ResultRecord):
    progress = Progress(7, record)

    assert wire.progress_of(travelled(wire.PROGRESS, wire.progress_row(progress))) == progress


@given(st.lists(st.tuples(st.integers(1, 255), plain), max_size=6), st.data())
def test_frames_are_put_together_however_the_stream_is_cut(
    sent: list[tuple[int, Any]], data: st.DataObject
):
    stream = b"".join(wire.frame(kind, value) for kind, value in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]

    frames = wire.Frames()

    assert [frame for piece in pieces for frame in frames.feed(piece)] == sent


def odd_job(number: int, value: object) -> Job:
    return Job(number, TaskMessage("id", "task", b"", headers={"odd": value}))


@pytest.mark.parametrize("value", [decimal.Decimal("1.5"), NOON, frozenset({1})])
def test_what_is_not_plain_data_arrives_as_it_was_too(value: object):
    job = odd_job(7, value)

    assert wire.job_of(travelled(wire.JOBS, wire.job_row(job))) == job


def test_what_cannot_travel_is_named_and_does_not_hold_up_the_rest():
    rows = [wire.job_row(odd_job(n, value)) for n, value in [(1, 1), (2, threading.Lock()), (3, 3)]]

    data, refused = wire.frame_of_rows(wire.JOBS, rows)

    ((_, arrived),) = wire.Frames().feed(data)
    assert [wire.job_of(row).number for row in arrived] == [1, 3]
    assert [number for number, _ in refused] == [2]
    assert "cannot be sent between processes" in refused[0][1]
