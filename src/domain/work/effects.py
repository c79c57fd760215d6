"""What a worker core asks its shell to do. Imperatives, carried out in order."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ..messaging.delivery import Delivery, Token
from ..tasks import states
from .admission import Ask
from .job import Job, Report
from .settlement import Disposition, Settlement
from .uniqueness import UniqueKey


@dataclass(frozen=True, slots=True)
class Start:
    """Mark these tokens as started in the store, then hand the jobs to the pool.

    `mark` has the tokens of jobs by their numbers, but for those the broker marked as it gave them.
    Those in `early` are never repeated: their messages may leave the store already.
    """

    jobs: Sequence[Job]
    mark: Mapping[int, Token]
    early: Collection[Token] = ()


@dataclass(frozen=True, slots=True)
class Admit:
    """Ask the cluster whether these may begin, and tell the core at once (`on_admission`)."""

    asks: Sequence[Ask]


@dataclass(frozen=True, slots=True)
class Release:
    """Let go of the keys of unique tasks; what was settled before is done."""

    keys: Sequence[UniqueKey]


@dataclass(frozen=True, slots=True)
class Settle:
    """Commit settlements."""

    settlements: Sequence[Settlement]


@dataclass(frozen=True, slots=True)
class Bury:
    """Make the report of a job that no process makes, and give it back to the core.

    Its process died, or it is never run. `state` is FAILURE or REVOKED; `disposition` overrides
    the usual one of a failure.
    """

    number: int
    delivery: Delivery
    error: BaseException
    timed_out: bool = False
    disposition: Disposition | None = None
    state: str = states.FAILURE


@dataclass(frozen=True, slots=True)
class Join:
    """Make the report of a chord whose parts are all in, and give it back to the core."""

    number: int
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Kill:
    """End the processes that run these jobs, if the pool can; else cancel them as it can."""

    numbers: Sequence[int]


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth a line in the log: `what` is a past participle such as `revoked`."""

    what: str
    task: str
    task_id: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class HandOver:
    """Give a delivery to whoever receives its task's messages; it is settled when they say so."""

    number: int
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class CallBegan:
    """Tell whoever asked for a call that this process has begun it."""

    number: int
    pid: int


@dataclass(frozen=True, slots=True)
class CallEnded:
    """Tell whoever asked for a call how it ended.

    Without a report it was not begun, or its process died; `cause` says which. The deliveries it
    was `about` are judged already then, else those that are still in hand may be settled now.
    """

    number: int
    about: Sequence[int]
    report: Report | None = None
    cause: str = ""


#: What only a worker meets some of whose tasks receive their messages by themselves.
HandingEffect = HandOver | CallBegan | CallEnded

Effect = Start | Admit | Release | Settle | Bury | Join | Kill | Note | HandingEffect
