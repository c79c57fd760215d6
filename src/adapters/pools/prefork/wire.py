"""What the hub and its children say to each other: frames of plain data over a stream socket.

A frame is a length, a kind and a marshalled value. Marshal is the quickest way to carry plain data
and refuses everything else; a row it refuses (a header that holds a Decimal, say) is pickled, and
one that cannot be pickled either is handed back to its sender, so that no job can break the stream.
Both ends are the same program: nothing here outlives it, and nobody else writes to the sockets.
"""

import marshal
import pickle
import struct
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from ....domain.canvas.chords import ChordGrowth, ChordOpening, ChordPart, Contribution
from ....domain.messaging.message import EMPTY, TaskMessage
from ....domain.messaging.payload import Payload
from ....domain.tasks.result_record import Extended, ResultRecord
from ....domain.work.job import Job, Progress, Report
from ....domain.work.settlement import DONE, DeadLetter, Disposition, Done, Park, Requeue

# From the hub to a child.
JOBS: Final = 1  # rows of jobs, to be run in this order
RECALL: Final = 2  # give back what has not begun
CANCEL: Final = 3  # give up these numbers, if they have not begun
BYE: Final = 4  # leave when all is done
RESIZE: Final = 5  # run so many side by side
INTERRUPT: Final = 6  # raise the soft limit in these numbers
END: Final = 7  # stop these numbers, though they have begun

# From a child to the hub.
READY: Final = 10  # its runner has started
BEGAN: Final = 11  # numbers
PROGRESS: Final = 12  # rows of progress
REPORTS: Final = 13  # rows of reports
FAILED: Final = 14  # number and cause: its runner raised, or its report cannot travel
RECALLED: Final = 15  # numbers given back
CANCELLED: Final = 16  # numbers given up
RETIRE: Final = 17  # it has grown too large and wants to leave
OVERDUE: Final = 18  # number and limit: stopped, since it ran past its hard limit
ENDED: Final = 19  # numbers stopped as the hub wished, after they had begun
WARNED: Final = 20  # number and limit: it goes on, though it is past its soft limit

Row = tuple[Any, ...]
Untransportable = tuple[int, str]

_HEAD: Final = struct.Struct("<IB")
_LONG_ROW: Final = 3  # a shorter one is (number, pickled row)


def frame(kind: int, value: Any = None) -> bytes:
    """Encode one frame. Raises ValueError if the value is not plain data."""
    data = marshal.dumps(value)
    return _HEAD.pack(len(data), kind) + data


def frame_of_rows(kind: int, rows: Sequence[Row]) -> tuple[bytes, Sequence[Untransportable]]:
    """Encode rows; each begins with its job's number. Also say which cannot be sent, and why."""
    try:
        return frame(kind, rows), ()
    except ValueError:
        return _frame_of_odd_rows(kind, rows)


def _frame_of_odd_rows(kind: int, rows: Sequence[Row]) -> tuple[bytes, list[Untransportable]]:
    kept: list[Row] = []
    refused: list[Untransportable] = []
    for row in rows:
        try:
            kept.append(_carried(row))
        except Exception as exc:
            refused.append((row[0], f"what came of it cannot be sent between processes: {exc!r}"))
    return frame(kind, kept), refused


def _carried(row: Row) -> Row:
    try:
        marshal.dumps(row)
    except ValueError:
        data = pickle.dumps(row)
        pickle.loads(data)  # noqa: S301 - made just above; better found out here than over there
        return row[0], data
    return row


class Frames:
    """Puts frames together from what a stream yields."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[tuple[int, Any]]:
        """Take in some bytes, and return the frames that are complete now."""
        rest = self._rest
        source: bytes | bytearray = data
        if rest:
            rest += data
            source = rest
        found: list[tuple[int, Any]] = []
        at, end = 0, len(source)
        with memoryview(source) as view:
            while end - at >= _HEAD.size:
                size, kind = _HEAD.unpack_from(source, at)
                start = at + _HEAD.size
                if start + size > end:
                    break
                at = start + size
                found.append((kind, marshal.loads(view[start:at])))  # noqa: S302 - as above
        if source is rest:
            del rest[:at]
        elif at < end:
            rest += data[at:]
        return found


# -- jobs ------------------------------------------------------------------------------------------


def job_row(job: Job) -> Row:
    """Lay out a job as plain data."""
    message = job.message
    return (
        job.number,
        job.estimate,
        job.soft_limit,
        job.hard_limit,
        job.redelivered,
        job.relays,
        *message_row(message),
    )


def job_of(row: Row) -> Job:
    """Build a job from its row."""
    if len(row) < _LONG_ROW:
        row = pickle.loads(row[1])  # noqa: S301 - pickled by our own hub
    return Job(row[0], message_of(row[6:]), row[2], row[3], row[4], row[1], row[5])


def has_relays(row: Row) -> bool:
    """Whether links of its chain may follow a job; one whose row is pickled has none."""
    return len(row) >= _LONG_ROW and row[5] > 0


def message_row(message: TaskMessage) -> Row:
    """Lay out a message as plain data."""
    return (
        message.id,
        message.task,
        message.body,
        message.content_type,
        message.content_encoding,
        message.queue,
        message.exchange,
        message.routing_key,
        message.priority,
        _text_of(message.eta),
        _text_of(message.expires),
        dict(message.headers),
        dict(message.properties),
    )


def message_of(row: Row) -> TaskMessage:
    """Build a message from its row."""
    eta, expires, headers, properties = row[9:]
    return TaskMessage(
        row[0],
        row[1],
        row[2],
        row[3],
        row[4],
        row[5],
        row[6],
        row[7],
        row[8],
        _time_of(eta),
        _time_of(expires),
        headers or EMPTY,
        properties or EMPTY,
    )


# -- reports ---------------------------------------------------------------------------------------


def report_row(report: Report) -> Row:
    """Lay out a report as plain data."""
    return (
        report.number,
        report.state,
        _disposition_row(report.disposition),
        [record_row(record) for record in report.results],
        [message_row(message) for message in report.publish],
        report.runtime,
        report.summary,
        report.traceback,
        [(one.group_id, one.size) for one in report.opens],
        [contribution_row(one) for one in report.parts],
        report.closes,
        [(one.group_id, one.by, one.key) for one in report.grows],
        None if report.relay is None else message_row(report.relay),
    )


def report_of(row: Row) -> Report:
    """Build a report from its row."""
    if len(row) < _LONG_ROW:
        row = pickle.loads(row[1])  # noqa: S301 - pickled by our own child
    number, state, disposition, results, publish, runtime, summary, traceback, *chords = row
    opens, parts, closes, grows, relay = chords
    return Report(
        number,
        state,
        DONE if disposition is None else _disposition_of(disposition),
        tuple([record_of(record) for record in results]),
        tuple([message_of(message) for message in publish]),
        runtime,
        summary,
        traceback,
        tuple([ChordOpening(*opening) for opening in opens]),
        tuple([contribution_of(part) for part in parts]),
        closes,
        tuple([ChordGrowth(*growth) for growth in grows]),
        None if relay is None else message_of(relay),
    )


def contribution_row(one: Contribution) -> Row:
    """Lay out a part of a chord as plain data."""
    part = one.part
    return (
        part.group_id,
        part.task_id,
        part.index,
        part.size,
        part.state,
        _payload_row(part.result),
        _shared_row(one.completion),
        one.parent_id,
        one.root_id,
    )


def contribution_of(row: Row) -> Contribution:
    """Build a part of a chord from its row."""
    group_id, task_id, index, size, state, result, completion, parent_id, root_id = row
    value = None if result is None else Payload(*result)
    part = ChordPart(group_id, task_id, index, size, state, value)
    return Contribution(part, _shared_message(completion), parent_id, root_id)


# Parts of a chord share their completion. Marshal keeps what is one object one, within a frame:
# so it is laid out once, travels once a frame, and is built once a frame.
_last_sent: tuple[TaskMessage | None, Row] = (None, ())
_last_built: tuple[Row | None, TaskMessage | None] = (None, None)


def _shared_row(message: TaskMessage) -> Row:
    global _last_sent
    known, row = _last_sent
    if known is not message:
        row = message_row(message)
        _last_sent = message, row
    return row


def _shared_message(row: Row) -> TaskMessage:
    global _last_built
    known, message = _last_built
    if known is not row or message is None:
        message = message_of(row)
        _last_built = row, message
    return message


def progress_row(progress: Progress) -> Row:
    """Lay out progress as plain data."""
    return progress.number, record_row(progress.record), None


def progress_of(row: Row) -> Progress:
    """Build progress from its row."""
    if len(row) < _LONG_ROW:
        row = pickle.loads(row[1])  # noqa: S301 - pickled by our own child
    return Progress(row[0], record_of(row[1]))


def record_row(record: ResultRecord) -> Row:
    """Lay out a result record as plain data."""
    return (
        record.task_id,
        record.state,
        _payload_row(record.result),
        record.traceback,
        record.children,
        _text_of(record.date_done),
        record.group_id,
        record.parent_id,
        None if record.extended is None else _extended_row(record.extended),
        record.reply_to,
    )


def record_of(row: Row) -> ResultRecord:
    """Build a result record from its row."""
    task_id, state, result, traceback, children, date_done, group_id, parent_id, *rest = row
    extended, reply_to = rest
    return ResultRecord(
        task_id,
        state,
        None if result is None else Payload(*result),
        traceback,
        children,
        _time_of(date_done),
        group_id,
        parent_id,
        None if extended is None else _extended_of(extended),
        reply_to,
    )


def _extended_row(extended: Extended) -> Row:
    stamps = extended.stamps
    return (
        extended.name,
        _payload_row(extended.args),
        _payload_row(extended.kwargs),
        extended.worker,
        extended.retries,
        extended.queue,
        extended.stamped_headers,
        None if stamps is None else dict(stamps),
        None if extended.headers is None else dict(extended.headers),
    )


def _extended_of(row: Row) -> Extended:
    name, args, kwargs, *rest = row
    return Extended(
        name,
        None if args is None else Payload(*args),
        None if kwargs is None else Payload(*kwargs),
        *rest,
    )


def _payload_row(payload: Payload | None) -> Row | None:
    if payload is None:
        return None
    return payload.data, payload.content_type, payload.content_encoding


def _disposition_row(disposition: Disposition) -> Row | None:
    match disposition:
        case Done():
            return None
        case Requeue(crashed):
            return "requeue", crashed
        case Park(until):
            return "park", until.isoformat()
        case DeadLetter(reason, detail):
            return "dead", reason, detail


def _disposition_of(row: Row) -> Disposition:
    match row:
        case ("requeue", crashed):
            return Requeue(crashed)
        case ("park", until):
            return Park(datetime.fromisoformat(until))
        case (_, reason, detail):
            return DeadLetter(reason, detail)
    raise AssertionError(row)


def _text_of(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _time_of(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
