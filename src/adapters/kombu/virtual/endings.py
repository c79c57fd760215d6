"""What is to be carried where a delivery has not come to its end: again, later, or aside."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from ....domain.messaging.delivery import DeadMessage
from ....domain.work.settlement import DeadLetter, Disposition, Park, Requeue
from .carrier import DEAD
from .held import Held
from .parcels import Envelope, Letter, crashes_of, mark, marked, message_of, packed


def letter_of(held: Held, ending: Disposition, now: datetime) -> Letter | None:
    """Return the letter an ending asks for; None for a delivery that is done."""
    match ending:
        case Requeue(crashed):
            return again(held, crashed=crashed)
        case Park(until):
            wait = (until - now).total_seconds()
            moment = until.timestamp()
            envelope = marked(held.envelope, until=moment)
            return Letter(held.queue, envelope, max(0.0, wait), held.place, True, moment)
        case DeadLetter(reason, detail):
            dead = marked(
                held.envelope,
                until=None,
                reason=reason,
                detail=detail,
                died_at=now.timestamp(),
                tag=uuid4().hex,
            )
            return Letter(held.queue + DEAD, dead, again=True)
    return None


def again(held: Held, *, crashed: bool = False) -> Letter:
    """Return the letter that brings a delivery back to its queue."""
    crashes = crashes_of(held.envelope) + crashed
    envelope = marked(held.envelope, crashes=crashes or None, redelivered=True)
    return Letter(held.queue, envelope, place=held.place, again=True)


def revived(envelope: Envelope, queue: str) -> Letter:
    """Return the letter that brings a dead message to the end of its queue."""
    alive = marked(
        envelope, reason=None, detail=None, died_at=None, tag=None, crashes=None, until=None
    )
    return Letter(queue, alive, again=True)


def dead_of(envelope: Envelope, queue: str) -> DeadMessage:
    """Return a dead letter as operators see it."""
    kept = mark(envelope)
    died_at = kept.get("died_at")
    return DeadMessage(
        tag=str(kept.get("tag") or ""),
        queue=queue,
        reason=str(kept.get("reason") or "unknown"),
        detail=str(kept.get("detail") or ""),
        died_at=float(died_at) if isinstance(died_at, int | float) else 0.0,
        message=message_of(envelope, queue),
        raw=packed(envelope),
    )
