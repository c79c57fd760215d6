"""What is to be done about a child at this moment: pure, but for a look at its journal."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Final

from ....domain.work.job import Job
from ....ports.pool import Cancel
from .spoke import LONG, Doom, OnRequest, OverLimit, Spoke

# However small a limit is, looks are so many seconds apart.
SHORTEST_PAUSE: Final = 0.005


@dataclass(frozen=True, slots=True)
class Kill:
    """Kill the child."""

    doom: Doom


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Raise the soft limit in the child's job."""

    number: int


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Take back what waits behind the child's job."""

    number: int


Measure = Kill | Interrupt | TakeBack


def measures(
    spoke: Spoke, now: float, unwanted: Mapping[int, Cancel]
) -> tuple[list[Measure], float]:
    """Return what to do, the weightiest first, and when to look again."""
    if spoke.doom is not None:
        return [], inf
    again = _next_look(spoke, now)
    running = spoke.journal.running()
    job = spoke.inflight.get(running[0]) if running else None
    if running is None:
        return [], again
    number, since = running
    if job is None:
        # A link that follows one of which the child has not told yet: it is to tell now.
        overdue = spoke.stuck is None and now - since >= LONG
        return ([TakeBack(number)] if overdue else []), again
    if doom := _doom(job, since, now, unwanted):
        return [Kill(doom)], inf
    found: list[Measure] = []
    if spoke.interrupted != job.number and (
        _is_over(job.soft_limit, since, now) or unwanted.get(job.number) is Cancel.SOFT
    ):
        found.append(Interrupt(job.number))
    if len(spoke.inflight) > 1 and spoke.stuck is None and now - since >= LONG:
        found.append(TakeBack(job.number))
    for limit in (job.soft_limit, job.hard_limit):
        if limit and since + limit > now:
            again = min(again, since + limit)
    return found, again


def _doom(job: Job, since: float, now: float, unwanted: Mapping[int, Cancel]) -> Doom | None:
    if unwanted.get(job.number) is Cancel.KILL:
        return OnRequest(job.number)
    if job.hard_limit and _is_over(job.hard_limit, since, now):
        return OverLimit(job.number, job.hard_limit)
    return None


def _is_over(limit: float | None, since: float, now: float) -> bool:
    return bool(limit) and now >= since + (limit or 0.0)


def _next_look(spoke: Spoke, now: float) -> float:
    """When a job that has not begun yet may be over its limit, or those behind it wait too long."""
    soonest = LONG if len(spoke.inflight) > 1 else inf
    for job in spoke.inflight.values():
        if job.relays:
            soonest = min(soonest, LONG)
        for limit in (job.soft_limit, job.hard_limit):
            if limit and limit < soonest:
                soonest = limit
    return now + max(soonest, SHORTEST_PAUSE)
