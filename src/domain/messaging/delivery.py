"""A message in hand: who holds it, under which fencing token, and how often it went wrong."""

from dataclasses import dataclass
from typing import NamedTuple

from ..quick_values import quickly_made
from .message import TaskMessage


class Token(NamedTuple):
    """What a settlement must show: the store commits only for the token of the present owner.

    `tag` finds the message in its store, `fence` changes with every claim.
    """

    tag: str | int
    fence: str | int


@quickly_made
@dataclass(frozen=True, slots=True)
class Delivery:
    """One claimed message.

    `crashes` counts how often a process died after it had started this message; claims that ended
    otherwise are not counted. `started` tells that the broker has noted it as started already,
    together with the claim.
    """

    message: TaskMessage
    token: Token
    queue: str
    crashes: int = 0
    redelivered: bool = False
    started: bool = False


@dataclass(frozen=True, slots=True)
class Undecodable:
    """A claimed message that cannot be read. `raw` is kept for the dead letter.

    `kind` is the dead letter's reason in one word, `reason` says it in a sentence.
    """

    raw: bytes
    token: Token
    queue: str
    reason: str
    kind: str = "undecodable"


@dataclass(frozen=True, slots=True)
class Orphan:
    """A delivery whose owner's lease ran out, now owned by the worker that adopted it."""

    delivery: Delivery | Undecodable
    started: bool
    owner: str


@dataclass(frozen=True, slots=True)
class DeadMessage:
    """A message in the dead-letter queue, as `peek` shows it. `died_at` is in unix seconds."""

    tag: str | int
    queue: str
    reason: str
    detail: str
    died_at: float
    message: TaskMessage | None
    raw: bytes
