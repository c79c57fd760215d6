"""What must become true together when a delivery is done with.

A settlement is committed whole or not at all, and only for the present owner of the delivery: a
stale token commits nothing. Where broker and backend are one store this is one atomic step.
"""

from dataclasses import dataclass
from datetime import datetime

from ..canvas.chords import ChordGrowth, ChordOpening, Contribution
from ..messaging.delivery import Token
from ..messaging.message import TaskMessage
from ..tasks.result_record import ResultRecord


@dataclass(frozen=True, slots=True)
class Done:
    """The delivery leaves the store."""


@dataclass(frozen=True, slots=True)
class Requeue:
    """The delivery is available again at once, ahead of later ones.

    With `crashed` its count of crashes grows by one.
    """

    crashed: bool = False


@dataclass(frozen=True, slots=True)
class Park:
    """The delivery waits in the store until a time (aware UTC)."""

    until: datetime


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """The delivery is kept aside with its raw bytes, for a person to look at.

    `reason` is one word for sorting (`undecodable`, `unknown-task`, `bad-arguments`, `crashes`,
    `rejected`), `detail` a sentence.
    """

    reason: str
    detail: str = ""


Disposition = Done | Requeue | Park | DeadLetter

DONE = Done()
REQUEUE = Requeue()


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one finished delivery brings about.

    `opens` are chords among what is published; `grows` those that further tasks are added to, which
    comes true before `parts` are counted. The completion of a chord whose last part is among these
    is published too. `closes` are chords whose body is published by this settlement.
    """

    token: Token
    disposition: Disposition = DONE
    results: tuple[ResultRecord, ...] = ()
    publish: tuple[TaskMessage, ...] = ()
    opens: tuple[ChordOpening, ...] = ()
    parts: tuple[Contribution, ...] = ()
    closes: tuple[str, ...] = ()
    grows: tuple[ChordGrowth, ...] = ()
