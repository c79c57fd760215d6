"""What running a task can come to. Past tense: it has happened, nothing is decided yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..quick_values import quickly_made
from . import states

if TYPE_CHECKING:
    from ..canvas.signature import Signature


@quickly_made
@dataclass(frozen=True, slots=True)
class Returned:
    """The task returned a value."""

    value: Any


@dataclass(frozen=True, slots=True)
class Raised:
    """The task raised, or what happened to it is told by an exception.

    `expected` when its `throws` names the class: no alarm in the logs. `state` is FAILURE, or
    REVOKED for one that was revoked or had expired.
    """

    exception: BaseException
    traceback: str
    expected: bool = False
    timed_out: bool = False
    state: str = states.FAILURE


@dataclass(frozen=True, slots=True)
class RetryAsked:
    """The task asked to be run again at `eta` (aware UTC; None: at once).

    `args`, `kwargs` and `options` are the next attempt's; None means as before. `sent`: the task
    has sent the next attempt itself (`retry(throw=False)`).
    """

    cause: BaseException | None
    eta: datetime | None
    traceback: str = ""
    args: tuple[Any, ...] | None = None
    kwargs: Mapping[str, Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    sent: bool = False


@dataclass(frozen=True, slots=True)
class Ignored:
    """The task asked that nothing be recorded, by raising `why`."""

    why: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The task refused the message."""

    reason: str
    requeue: bool = False


@dataclass(frozen=True, slots=True)
class Replaced:
    """The task asked that another be run in its stead, under its id."""

    sig: "Signature"


Outcome = Returned | Raised | RetryAsked | Ignored | Rejected | Replaced
