"""What is said when a child has died: which of its jobs had begun, and why it ended."""

import signal

from ....domain.work.job import Cancelled, Lost, PoolEvent, TimedOut
from .spoke import AtStop, OnRequest, OverLimit, Spoke


def how_it_ended(pid: int, status: int) -> str:
    """Describe an end by exit code or, below zero, by signal."""
    if status >= 0:
        return f"process {pid} exited with code {status}"
    try:
        name = f" ({signal.Signals(-status).name})"
    except ValueError:
        name = ""
    return f"process {pid} was killed by signal {-status}{name}"


def last_rites(spoke: Spoke, cause: str) -> list[PoolEvent]:
    """Answer for all that a dead child held. What it reported before has been taken in already."""
    started, unstarted = spoke.split()
    match spoke.doom:
        case OverLimit(number, limit) if number in started:
            started.remove(number)
            lost = _lost(started, [], cause)
            return [TimedOut(number, limit, tuple(unstarted)), *lost]
        case OnRequest(number) if number in started:
            started.remove(number)
            return [Cancelled((number,), (number,)), *_lost(started, unstarted, cause)]
        case OverLimit() | OnRequest() | AtStop() | None:
            return _lost(started, unstarted, cause)


def _lost(started: list[int], unstarted: list[int], cause: str) -> list[PoolEvent]:
    return [Lost(started, unstarted, cause)] if started or unstarted else []
