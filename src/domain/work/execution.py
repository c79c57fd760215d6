"""The heart: what an outcome brings about.

One outcome leads to exactly one report: the record to keep, the messages to send, and what
becomes of the delivery. Nothing is sent or stored here.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from ..canvas.chords import Contribution
from ..canvas.signature import Signature
from ..errors import TaskError
from ..messaging.payload import Payload
from ..tasks import states
from ..tasks.failures import describe, summary
from ..tasks.options import TaskOptions
from ..tasks.outcomes import (
    Ignored,
    Outcome,
    Raised,
    Rejected,
    Replaced,
    RetryAsked,
    Returned,
)
from ..tasks.result_record import Extended, ResultRecord
from .attempt import Execution
from .chord_parts import calls_never_sent, part_of, parts_never_sent
from .following import FollowUps, additions, after_failure, after_success, replacement
from .job import Report
from .settlement import DONE, REQUEUE, DeadLetter, Disposition


def conclude(run: Execution, outcome: Outcome, *, now: datetime, runtime: float = 0.0) -> Report:
    """Return what an outcome brings about. Raises EncodeError if a value cannot be encoded."""
    report = _concluded(run, outcome, now, runtime)
    if not run.added or report.state == states.RETRY or report.disposition == REQUEUE:
        return report
    more = additions(run)
    return report._replace(
        publish=(*report.publish, *more.messages),
        opens=(*report.opens, *more.opens),
        grows=more.grows,
    )


def _concluded(run: Execution, outcome: Outcome, now: datetime, runtime: float) -> Report:
    match outcome:
        case Returned(value):
            return _succeeded(run, value, now, runtime)
        case Raised():
            return _failed(run, outcome, now, runtime)
        case RetryAsked():
            return _retried(run, outcome, now, runtime)
        case Ignored():
            return _left(run, states.IGNORED, "", DONE, runtime)
        case Rejected(reason, requeue):
            away: Disposition = REQUEUE if requeue else DeadLetter("rejected", reason)
            return _left(run, states.REJECTED, reason, away, runtime)
        case Replaced(sig):
            return _replaced(run, sig, runtime)


def _succeeded(run: Execution, value: Any, now: datetime, runtime: float) -> Report:
    after = after_success(run, value)
    state = states.SUCCESS
    results: tuple[ResultRecord, ...] = ()
    encoded: Payload | None = None
    if run.keeps_result:
        record = _record(run, state, value, now, after.children)
        results, encoded = (record,), record.result
    elif run.body.embed.get("chord"):
        encoded = run.codec.encode(value, run.result_serializer)
    return Report(
        run.number,
        state,
        DONE,
        results,
        after.messages,
        runtime,
        _shown(run, value),
        opens=after.opens,
        parts=part_of(run, state, encoded),
    )


def _failed(run: Execution, outcome: Raised, now: datetime, runtime: float) -> Report:
    exc, state = outcome.exception, outcome.state
    described = run.codec.encode(describe(exc), run.result_serializer)
    results: tuple[ResultRecord, ...] = ()
    if run.keeps_errors:
        record = _kept(run, state, described, now, (), outcome.traceback)
        results = (record, *_never_sent(run, record))
    # What was revoked has not failed: nobody asked to be called for that.
    after = after_failure(run) if state == states.FAILURE else FollowUps()
    return Report(
        run.number,
        state,
        _after_failure(run.options, outcome),
        results,
        after.messages,
        runtime,
        summary(exc),
        outcome.traceback,
        opens=after.opens,
        parts=(*part_of(run, state, described), *parts_never_sent(run, state, described)),
    )


def _never_sent(run: Execution, record: ResultRecord) -> Iterator[ResultRecord]:
    """Yield what is kept of the rest of the chain: whoever waits for its end must not for ever."""
    for call in calls_never_sent(run):
        options = call.options
        if options.get("task_id") and not options.get("ignore_result"):
            yield ResultRecord(
                task_id=options["task_id"],
                state=record.state,
                result=record.result,
                traceback=record.traceback,
                date_done=record.date_done,
                group_id=options.get("group_id"),
                parent_id=options.get("parent_id"),
                reply_to=options.get("reply_to") or record.reply_to,
            )


def _left(run: Execution, state: str, why: str, disposition: Disposition, runtime: float) -> Report:
    """Report a task that keeps no record of its end; chords learn that it will not come."""
    parts: tuple[Contribution, ...] = ()
    if disposition != REQUEUE and (run.body.embed.get("chord") or run.body.embed.get("chain")):
        told = run.codec.encode(describe(TaskError(why or state.lower())), run.result_serializer)
        parts = (*part_of(run, state, told), *parts_never_sent(run, state, told))
    return Report(run.number, state, disposition, runtime=runtime, summary=why, parts=parts)


def _replaced(run: Execution, sig: Signature, runtime: float) -> Report:
    sent = replacement(run, sig)
    return Report(
        run.number,
        states.IGNORED,
        DONE,
        (),
        sent.messages,
        runtime,
        "replaced",
        opens=sent.opens,
    )


def _after_failure(options: TaskOptions, outcome: Raised) -> Disposition:
    acknowledged = options.acks_on_timeout if outcome.timed_out else options.acks_on_failure
    if options.acks_late and not acknowledged:
        return DeadLetter("failure", summary(outcome.exception))
    return DONE


def _retried(run: Execution, outcome: RetryAsked, now: datetime, runtime: float) -> Report:
    cause = outcome.cause or Exception("retry asked for")
    publish = () if outcome.sent else (run.compose(next_attempt(run, outcome)),)
    results: tuple[ResultRecord, ...] = ()
    if run.keeps_result:
        record = _record(run, states.RETRY, describe(cause), None, (), outcome.traceback)
        results = (record,)
    return Report(
        run.number,
        states.RETRY,
        DONE,
        results,
        publish,
        runtime,
        summary(cause),
        outcome.traceback,
    )


#: Headers that the next attempt gets from the message anew, or not at all.
_NOT_INHERITED: Final = frozenset(
    "shadow group group_index retries timelimit root_id parent_id argsrepr kwargsrepr origin "
    "ignore_result replaced_task_nesting stamped_headers stamps lang compression "
    "redelivered".split()
)


def next_attempt(run: Execution, outcome: RetryAsked) -> Signature:
    """Return the call of the next attempt: the same id, one more retry, the same embed."""
    message, body = run.message, run.body
    hard, soft = message.time_limits
    kept = {
        "task_id": message.id,
        "retries": message.retries + 1,
        "eta": outcome.eta,
        "expires": message.expires,
        "queue": message.queue or None,
        "exchange": message.exchange if not message.queue else None,
        "routing_key": message.routing_key if not message.queue else None,
        "priority": message.priority,
        "serializer": run.options.serializer,
        "compression": message.headers.get("compression"),
        "link": body.embed.get("callbacks"),
        "link_error": body.embed.get("errbacks"),
        "chain": body.embed.get("chain"),
        "chord": body.embed.get("chord"),
        "group_id": message.group_id,
        "group_index": message.group_index,
        "root_id": message.root_id,
        "parent_id": message.id,  # as Celery has it: a retry is its own parent
        "time_limit": hard,
        "soft_time_limit": soft,
        "shadow": message.shadow,
        "ignore_result": message.ignore_result,
        "origin": message.headers.get("origin"),
        "reply_to": message.reply_to,
        "stamps": message.headers.get("stamps"),
        "stamped_headers": message.headers.get("stamped_headers"),
        "replaced_task_nesting": message.headers.get("replaced_task_nesting"),
        "headers": {k: v for k, v in message.headers.items() if k not in _NOT_INHERITED},
    }
    asked = outcome.options
    options = {**kept, **asked}
    # A destination asked for is never mixed with the one of the message.
    if asked.get("queue") is not None:
        options |= {name: asked.get(name) for name in ("exchange", "routing_key")}
    elif asked.get("exchange") is not None or asked.get("routing_key") is not None:
        options["queue"] = None
    args = body.args if outcome.args is None else outcome.args
    kwargs = body.kwargs if outcome.kwargs is None else outcome.kwargs
    return Signature(message.task, tuple(args), kwargs, options)


def started(run: Execution, pid: int) -> ResultRecord:
    """Return the record that says a task is running (`task_track_started`)."""
    return _record(run, states.STARTED, {"pid": pid, "hostname": run.node}, None, ())


def progress(run: Execution, state: str, meta: Any) -> ResultRecord:
    """Return the record of a state that a task gave itself."""
    return _record(run, state, meta, None, ())


def _record(
    run: Execution,
    state: str,
    value: Any,
    done: datetime | None,
    sent: Sequence[Any],
    traceback: str | None = None,
) -> ResultRecord:
    result = run.codec.encode(value, run.result_serializer)
    return _kept(run, state, result, done, sent, traceback)


def _kept(
    run: Execution,
    state: str,
    result: Payload,
    done: datetime | None,
    sent: Sequence[Any],
    traceback: str | None,
) -> ResultRecord:
    message = run.message
    return ResultRecord(
        task_id=message.id,
        state=state,
        result=result,
        traceback=traceback,
        children=(*run.children, *sent),
        date_done=done,
        group_id=message.group_id,
        parent_id=message.parent_id,
        extended=_extended(run) if run.result_extended else None,
        reply_to=message.reply_to,
    )


def _extended(run: Execution) -> Extended:
    message = run.message
    stamped = message.headers.get("stamped_headers")
    return Extended(
        name=message.task,
        args=run.codec.encode(list(run.body.args), run.result_serializer),
        kwargs=run.codec.encode(dict(run.body.kwargs), run.result_serializer),
        worker=run.node,
        retries=message.retries,
        queue=message.routing_key or message.queue,
        stamped_headers=tuple(stamped) if stamped else None,
        stamps=message.headers.get("stamps"),
        headers={k: v for k, v in message.headers.items() if k not in _NOT_INHERITED} or None,
    )


def _shown(run: Execution, value: Any) -> str:
    if value is None:
        return "None"
    try:
        text = repr(value)
    except Exception as broken:
        return f"<{type(value).__name__}: its repr raised {type(broken).__name__}>"
    limit = run.options.resultrepr_maxsize
    return text if len(text) <= limit else text[: max(0, limit - 3)] + "..."
