"""What must become true together when a delivery is done with.

A settlement is committed whole or not at all, and only for the present owner of the delivery: a
stale token commits nothing. Where broker and backend are one store this is one atomic step.
"""

from dataclasses import dataclass
from datetime import datetime

from ..canvas.chords import ChordGrowth, ChordOpening, Contribution
from ..messaging.delivery import Token
from ..messaging.message import TaskMessage
from ..quick_values import quickly_made
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


@quickly_made
@dataclass(frozen=True, slots=True)
class Relay:
    """The delivery stays claimed, and is one of this message from now on, which has begun.

    `number` grows from link to link: what is told late, or twice, does not bring back an earlier
    one.
    """

    message: TaskMessage
    number: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one finished delivery brings about.

    `opens` are chords among what is published; `grows` those that further tasks are added to, which
    comes true before `parts` are counted. The completion of a chord whose last part is among these
    is published too. `closes` are chords whose body is published by this settlement.

    With a `relay` the delivery comes to no end, whatever its disposition. A batch may then hold
    several of one token; each is of the message that the one before it names.
    """

    token: Token
    disposition: Disposition = DONE
    results: tuple[ResultRecord, ...] = ()
    publish: tuple[TaskMessage, ...] = ()
    opens: tuple[ChordOpening, ...] = ()
    parts: tuple[Contribution, ...] = ()
    closes: tuple[str, ...] = ()
    grows: tuple[ChordGrowth, ...] = ()
    relay: Relay | None = None
