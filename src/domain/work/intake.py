"""What to do with a delivery that has just come in: run it, park it, or drop it."""

from collections.abc import Callable, Container
from dataclasses import dataclass
from datetime import datetime

from ..errors import NotRegistered, TaskRevokedError, WorkerLostError
from ..messaging.delivery import Delivery
from ..tasks import states
from ..tasks.builtin_names import JOIN_CHORD
from ..tasks.options import TaskOptions
from .settlement import DONE, DeadLetter, Disposition

FindTask = Callable[[str], TaskOptions | None]


@dataclass(frozen=True, slots=True)
class Run:
    """Run it, as soon as a slot is free."""

    options: TaskOptions


@dataclass(frozen=True, slots=True)
class NotYet:
    """It waits in the store until then, not in this worker's memory."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Drop:
    """It is not run: the state and the error to record, and where the message goes."""

    state: str
    error: BaseException
    disposition: Disposition = DONE


@dataclass(frozen=True, slots=True)
class JoinChord:
    """It tells that all parts of a chord are in: the worker itself sees to the body."""


Decision = Run | NotYet | Drop | JoinChord


def decide(
    delivery: Delivery, find: FindTask, revoked: Container[str], now: datetime, max_crashes: int
) -> Decision:
    """Judge one delivery. The order matters: a revoked task is dropped even if unknown here."""
    message = delivery.message
    if message.task == JOIN_CHORD:
        return JoinChord()
    if message.id in revoked:
        return Drop(states.REVOKED, TaskRevokedError("revoked"))
    if message.expires is not None and message.expires <= now:
        return Drop(states.REVOKED, TaskRevokedError("expired"))
    if delivery.crashes >= max_crashes:
        return _crashed_too_often(delivery)
    options = find(message.task)
    if options is None:
        return unknown(message.task)
    if message.eta is not None and message.eta > now:
        return NotYet(message.eta)
    return Run(options)


def unknown(task: str) -> Drop:
    """Put a message aside whose task nobody here knows."""
    detail = (
        f"no task is registered under {task!r} in this worker: import its module "
        "(settings imports or include, or -I), or check the name the sender uses"
    )
    return Drop(states.FAILURE, NotRegistered(task), DeadLetter("unknown-task", detail))


def _crashed_too_often(delivery: Delivery) -> Drop:
    detail = f"its process died {delivery.crashes} times while running it"
    return Drop(states.FAILURE, WorkerLostError(detail), DeadLetter("crashes", detail))
