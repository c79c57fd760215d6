"""What running a task can come to. Past tense: it has happened, nothing is decided yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Returned:
    """The task returned a value."""

    value: Any


@dataclass(frozen=True, slots=True)
class Raised:
    """The task raised. `expected` when its `throws` names the class: no alarm in the logs."""

    exception: BaseException
    traceback: str
    expected: bool = False
    timed_out: bool = False


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
    """The task asked that nothing be recorded."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The task refused the message."""

    reason: str
    requeue: bool = False


Outcome = Returned | Raised | RetryAsked | Ignored | Rejected
