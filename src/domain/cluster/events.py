"""Events as data, in Celery's fields: what happened to which task or worker, when and where.

An event is a mapping of `type`, `timestamp` (unix seconds), `hostname`, `utcoffset` (hours west of
UTC), `pid`, `clock`, and what its type adds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..messaging.message import TaskMessage
from ..tasks import states
from .speech import BusMessage

#: What celeriac calls itself; Celery's workers say `py-celery`.
IDENT: Final = "py-celeriac"
#: Events a message: bounds how long one gets.
BATCH: Final = 100

Fields = Mapping[str, Any]
#: Type, unix seconds, fields.
Happening = tuple[str, float, Fields]

_OF_STATE: Final = {
    states.SUCCESS: "task-succeeded",
    states.FAILURE: "task-failed",
    states.RETRY: "task-retried",
    states.REVOKED: "task-revoked",
    states.REJECTED: "task-rejected",
}


@dataclass(frozen=True, slots=True)
class Source:
    """Who speaks: its node name, offset in hours, and process."""

    hostname: str
    utcoffset: float
    pid: int


@dataclass(frozen=True, slots=True)
class Vitals:
    """How a worker is. `freq` is the seconds between heartbeats."""

    freq: float
    active: int
    processed: int
    loadavg: Sequence[float]
    software: Mapping[str, str]


def event(kind: str, source: Source, timestamp: float, clock: int | None, fields: Fields) -> Fields:
    """Return an event."""
    return {
        "hostname": source.hostname,
        "utcoffset": source.utcoffset,
        "pid": source.pid,
        "clock": clock,
        **fields,
        "timestamp": timestamp,
        "type": kind,
    }


def single(channel: str, said: Fields) -> BusMessage:
    """Return the message of one event; its key is the type in dotted words."""
    key = str(said["type"]).replace("-", ".")
    return BusMessage(channel, dict(said), key, {"hostname": said["hostname"]})


def batched(channel: str, group: str, said: Sequence[Fields]) -> list[BusMessage]:
    """Return messages that hold lists of events of one group, such as `task`."""
    return [
        BusMessage(
            channel,
            [dict(one) for one in said[start : start + BATCH]],
            f"{group}.multi",
            {"hostname": said[start]["hostname"]},
        )
        for start in range(0, len(said), BATCH)
    ]


def events_in(body: Any) -> list[dict[str, Any]]:
    """Return the events of a message, single or a list; what is none is left out."""
    said = body if isinstance(body, list) else [body]
    return [
        dict(one) for one in said if isinstance(one, Mapping) and isinstance(one.get("type"), str)
    ]


# -- tasks


def sent(message: TaskMessage) -> Fields:
    """Return what a client says of a message it has published."""
    return {
        **_described(message),
        "queue": message.queue,
        "exchange": message.exchange,
        "routing_key": message.routing_key,
    }


def received(message: TaskMessage) -> Fields:
    """Return what a worker says of a task it has taken in."""
    return _described(message)


def ended(
    uuid: str,
    state: str,
    summary: str,
    traceback: str | None = None,
    runtime: float = 0.0,
    *,
    requeue: bool = False,
    signum: str | int | None = None,
) -> tuple[str, Fields] | None:
    """Return type and fields for what a task came to; None for a state that has no event.

    `summary` is the repr of the result or the exception, `runtime` seconds.
    """
    kind = _OF_STATE.get(state)
    match kind:
        case "task-succeeded":
            return kind, {"uuid": uuid, "result": summary, "runtime": runtime}
        case "task-failed" | "task-retried":
            return kind, failed(uuid, summary, traceback)
        case "task-revoked":
            return kind, revoked(uuid, terminated=True, signum=signum)
        case "task-rejected":
            return kind, {"uuid": uuid, "requeue": requeue}
        case _:
            return None


def failed(uuid: str, exception: str, traceback: str | None) -> Fields:
    """Return what is said of a task that raised."""
    return {"uuid": uuid, "exception": exception, "traceback": traceback}


def revoked(
    uuid: str, *, terminated: bool = False, signum: str | int | None = None, expired: bool = False
) -> Fields:
    """Return what is said of a task that is not run, or was ended."""
    return {"uuid": uuid, "terminated": terminated, "signum": signum, "expired": expired}


def _described(message: TaskMessage) -> dict[str, Any]:
    headers = message.headers
    return {
        "uuid": message.id,
        "name": message.shadow or message.task,
        "args": headers.get("argsrepr", ""),
        "kwargs": headers.get("kwargsrepr", ""),
        "root_id": message.root_id,
        "parent_id": message.parent_id,
        "retries": message.retries,
        "eta": message.eta and message.eta.isoformat(),
        "expires": message.expires and message.expires.isoformat(),
    }


# -- workers


def alive(vitals: Vitals) -> Fields:
    """Return what a worker says of itself: when it comes, every `freq` seconds, when it goes."""
    return {
        "freq": vitals.freq,
        "active": vitals.active,
        "processed": vitals.processed,
        "loadavg": list(vitals.loadavg),
        **vitals.software,
    }


# -- reading


def localized(said: dict[str, Any], *, utcoffset: float, received_at: float) -> dict[str, Any]:
    """Return an event with its time in the reader's offset (hours), and when it was received."""
    offset, timestamp = said.get("utcoffset"), said.get("timestamp")
    if isinstance(offset, int | float) and isinstance(timestamp, int | float):
        said["timestamp"] = timestamp - (offset - utcoffset) * 3600
    said["local_received"] = received_at
    return said


def group_of(kind: str) -> str:
    """Return the group of an event type: `task` of `task-sent`."""
    return kind.partition("-")[0]
