"""The heart: what an outcome brings about.

One outcome leads to exactly one report: the record to keep, the messages to send, and what
becomes of the delivery. Nothing is sent or stored here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any, Final
from uuid import UUID, uuid5

from ..canvas.signature import Signature
from ..canvas.unfold import unfold
from ..canvas.workflow import Kind, frozen, kind_of
from ..messaging.message import TaskMessage
from ..messaging.payload import Codec
from ..tasks import states
from ..tasks.failures import describe, summary
from ..tasks.options import TaskOptions
from ..tasks.outcomes import Ignored, Outcome, Raised, Rejected, RetryAsked, Returned
from ..tasks.result_record import Extended, ResultRecord
from .job import Report
from .settlement import DONE, REQUEUE, DeadLetter, Disposition

#: Makes the message of a signature, with its options, sent now by the running task.
Compose = Callable[[Signature], TaskMessage]


@dataclass(frozen=True, slots=True)
class Body:
    """A decoded message body."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    embed: Mapping[str, Any]

    @classmethod
    def read(cls, value: object) -> "Body":
        """Make a body of a decoded value. Raises ValueError saying what is wrong with it."""
        if isinstance(value, list | tuple) and len(value) == 3:
            args, kwargs, embed = value
            if isinstance(args, list | tuple) and isinstance(kwargs, dict):
                body = cls(tuple(args), kwargs, embed if isinstance(embed, dict) else {})
                # Better refused now than found broken when the task is done.
                for name in ("callbacks", "errbacks", "chain"):
                    body.signatures(name)
                return body
        raise ValueError("the body is not [args, kwargs, embed]")

    def signatures(self, name: str) -> tuple[Signature, ...]:
        """Return the signatures embedded under a name. Raises ValueError."""
        stored = self.embed.get(name) or ()
        if not isinstance(stored, list | tuple):
            raise ValueError(f"the body's {name!r} is {stored!r}: expected a list of signatures")
        return tuple(Signature.from_dict(item) for item in stored)


@dataclass(frozen=True, slots=True)
class Execution:
    """One attempt at one message: all an outcome needs to be judged by."""

    number: int
    message: TaskMessage
    body: Body
    options: TaskOptions
    node: str
    codec: Codec
    compose: Compose
    result_serializer: str = "json"
    result_extended: bool = False
    children: Sequence[Any] = field(default_factory=list)

    @property
    def keeps_result(self) -> bool:
        """Whether a returned value is stored."""
        return not (self.options.ignore_result or self.message.ignore_result)

    @property
    def keeps_errors(self) -> bool:
        """Whether a failure is stored."""
        return self.keeps_result or self.options.store_errors_even_if_ignored


def conclude(run: Execution, outcome: Outcome, *, now: datetime, runtime: float = 0.0) -> Report:
    """Return what an outcome brings about. Raises EncodeError if a value cannot be encoded."""
    match outcome:
        case Returned(value):
            return _succeeded(run, value, now, runtime)
        case Raised():
            return _failed(run, outcome, now, runtime)
        case RetryAsked():
            return _retried(run, outcome, now, runtime)
        case Ignored():
            return Report(run.number, states.IGNORED, runtime=runtime)
        case Rejected(reason, requeue):
            away: Disposition = REQUEUE if requeue else DeadLetter("rejected", reason)
            return Report(run.number, states.REJECTED, away, runtime=runtime, summary=reason)


def _succeeded(run: Execution, value: Any, now: datetime, runtime: float) -> Report:
    after = _next_after(run, value)
    publish = tuple(message for sent in after for message in sent.messages)
    results: tuple[ResultRecord, ...] = ()
    if run.keeps_result:
        results = (_record(run, states.SUCCESS, value, now, after),)
    return Report(run.number, states.SUCCESS, DONE, results, publish, runtime, _shown(run, value))


@dataclass(frozen=True, slots=True)
class _FollowUp:
    """What one signature became: a message, or as many as its group has members."""

    messages: tuple[TaskMessage, ...]
    group_id: str | None = None

    @property
    def children(self) -> tuple[Any, ...]:
        """Its results as data, as they are kept with the task's own."""
        sent = tuple(((message.id, None), None) for message in self.messages)
        return sent if self.group_id is None else (((self.group_id, None), sent),)


def _next_after(run: Execution, value: Any) -> tuple[_FollowUp, ...]:
    """Return what becomes of the callbacks and of the chain's next link."""
    embed = run.body.embed
    if not embed.get("callbacks") and not embed.get("chain"):
        return ()
    ids = _ids_after(run, "returned")
    calls = [
        _follow_up(run, sig.applied((value,)), None, ids)
        for sig in run.body.signatures("callbacks")
    ]
    rest = list(embed.get("chain") or ())
    if rest:
        link = Signature.from_dict(rest.pop()).applied((value,))
        calls.append(_follow_up(run, link, rest, ids))
    return tuple(calls)


def _follow_up(
    run: Execution, sig: Signature, rest: Sequence[Any] | None, ids: Iterator[str]
) -> _FollowUp:
    lineage = _lineage(run)
    if kind_of(sig) is Kind.CALL:
        options = lineage if rest is None else {**lineage, "chain": rest}
        return _FollowUp((run.compose(with_options(sig, options)),))
    unfolded = unfold(frozen(sig, ids.__next__), rest or ())
    calls = (with_options(call, lineage) for call in unfolded.calls)
    return _FollowUp(tuple(run.compose(call) for call in calls), unfolded.group_id)


#: Namespace of ids that follow from a task's own; drawn once, for this alone.
_FOLLOWING: Final = UUID("0b9c9d8e-3f0a-4c59-9a55-6d1f3a7be214")


def _ids_after(run: Execution, outcome: str) -> Iterator[str]:
    """Yield ids made of the task's: whoever runs it again sends the same work-flow again."""
    names = (f"{run.message.id}\n{outcome}\n{number}" for number in count())
    return (str(uuid5(_FOLLOWING, name)) for name in names)


def _failed(run: Execution, outcome: Raised, now: datetime, runtime: float) -> Report:
    exc = outcome.exception
    results: tuple[ResultRecord, ...] = ()
    if run.keeps_errors:
        record = _record(run, states.FAILURE, describe(exc), now, (), outcome.traceback)
        results = (record,)
    return Report(
        run.number,
        states.FAILURE,
        _after_failure(run.options, outcome),
        results,
        _errbacks(run),
        runtime,
        summary(exc),
        outcome.traceback,
    )


def _after_failure(options: TaskOptions, outcome: Raised) -> Disposition:
    acknowledged = options.acks_on_timeout if outcome.timed_out else options.acks_on_failure
    if options.acks_late and not acknowledged:
        return DeadLetter("failure", summary(outcome.exception))
    return DONE


def _errbacks(run: Execution) -> tuple[TaskMessage, ...]:
    ids = _ids_after(run, "raised")
    calls = (
        _follow_up(run, sig.applied((run.message.id,)), None, ids)
        for sig in run.body.signatures("errbacks")
    )
    return tuple(message for sent in calls for message in sent.messages)


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


def _lineage(run: Execution) -> dict[str, Any]:
    return {"parent_id": run.message.id, "root_id": run.message.root_id}


def with_options(call: Signature, options: Mapping[str, Any]) -> Signature:
    """Return the call with further options, which win."""
    return Signature(
        call.task,
        call.args,
        call.kwargs,
        {**call.options, **options},
        call.subtask_type,
        call.immutable,
    )


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
    follow_ups: Sequence[_FollowUp],
    traceback: str | None = None,
) -> ResultRecord:
    message = run.message
    children = (*run.children, *(child for sent in follow_ups for child in sent.children))
    return ResultRecord(
        task_id=message.id,
        state=state,
        result=run.codec.encode(value, run.result_serializer),
        traceback=traceback,
        children=children,
        date_done=done,
        group_id=message.group_id,
        parent_id=message.parent_id,
        extended=_extended(run) if run.result_extended else None,
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
