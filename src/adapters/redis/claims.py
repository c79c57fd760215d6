"""What the claim scripts are asked and what they answer, as deliveries, orphans and tokens.

A token's tag is `<number>:<queue>`, the number being given once for each claim; its fence is the
owner's number. What was adopted has the same tag under another owner.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from os import urandom
from typing import Any

from ...domain.errors import BrokerUnavailable, LeaseLost
from ...domain.messaging.delivery import Delivery, Orphan, Token, Undecodable
from ...domain.work.settlement import DeadLetter, Disposition, Done, Park, Relay, Requeue
from .envelope import delivery_of, raw_of
from .layout import step_of
from .times import milliseconds

_STALE = ("0", "", "0")


@dataclass(slots=True)
class Owner:
    """This process as the store knows it. `lease` is in milliseconds."""

    number: int
    node: str
    lease: int
    tickets: count[int] = field(default_factory=lambda: count(1))
    #: Tickets of claims and adoptions of which nobody knows whether they happened.
    doubtful_claims: list[int] = field(default_factory=list)
    doubtful_adoptions: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Asked:
    """A claim as CLAIM is asked for it: `names` in the order in which the script has them."""

    owner: Owner
    ticket: int
    names: Sequence[str]
    limit: int
    arguments: Sequence[Any]


def address_of(token: Token) -> tuple[str, str, str]:
    """Return a token as the scripts take it: number, queue, owner."""
    number, colon, queue = str(token.tag).partition(":")
    if not colon or not number.isascii() or not number.isdigit():
        return _STALE
    return number, queue, str(token.fence)


def ids_in_json(task_ids: Iterable[str]) -> list[str]:
    """Return ids as envelopes have them between quotes, each once."""
    return [json.dumps(task_id)[1:-1] for task_id in dict.fromkeys(task_ids)]


def claimed(
    answer: Sequence[Any], queues: Sequence[str], owner: int
) -> list[Delivery | Undecodable]:
    """Return the deliveries of CLAIM's answer, without its first item."""
    out: list[Delivery | Undecodable] = []
    for k in range(0, len(answer), 4):
        index, number, started, raws = answer[k : k + 4]
        queue = queues[int(index)]
        for offset, raw in enumerate(raws):
            token = Token(f"{number + offset}:{queue}", owner)
            out.append(delivery_of(raw, token, queue, started=offset < started))
    return out


def held(rows: Iterable[Sequence[Any]], owner: int) -> list[Delivery | Undecodable]:
    """Return the deliveries of HELD_UNDER's answer."""
    return [orphan.delivery for orphan in orphans(rows, owner)]


def gathered(
    names: Iterable[bytes], take: Callable[[str], Sequence[Delivery | Undecodable]]
) -> list[Delivery | Undecodable]:
    """Return what is taken from each of these queues.

    Where one fails, what the others gave counts for more: it is in hand.
    """
    found: list[Delivery | Undecodable] = []
    lost: Exception | None = None
    for name in sorted(names):
        try:
            found += take(name.decode())
        except (BrokerUnavailable, LeaseLost) as error:
            lost = error
    if lost is not None and not found:
        raise lost
    return found


def orphans(rows: Iterable[Sequence[Any]], owner: int) -> list[Orphan]:
    """Return the orphans of RECOVER's answer."""
    out: list[Orphan] = []
    for name, number, state, raw in rows:
        queue = name.decode()
        _, started, _, node = state.split(b":", 3)
        delivery = delivery_of(raw or b"", Token(f"{number}:{queue}", owner), queue)
        out.append(Orphan(delivery, started == b"1", node.decode(errors="replace")))
    return out


def relaying(
    token: Token, link: Relay, priorities: Sequence[int], *, is_last: bool
) -> tuple[Any, ...]:
    """Return a delivery that is of another message now, as the scripts take it.

    Unless `is_last` a later settlement of the same batch tells of which.
    """
    raw = raw_of(link.message, urandom(16).hex()) if is_last else b""
    step = step_of(link.message.priority, priorities)
    return (*address_of(token), "relay", raw, f"{step}:{link.number}")


def ending(token: Token, disposition: Disposition) -> tuple[Any, ...]:
    """Return what becomes of a delivery as the scripts take it."""
    return (*address_of(token), *_ending(disposition))


def _ending(disposition: Disposition) -> tuple[Any, Any, Any]:
    match disposition:
        case Done():
            return ("done", "", "")
        case Requeue(crashed):
            return ("again", int(crashed), "")
        case Park(until):
            return ("park", milliseconds(until), "")
        case DeadLetter(reason, detail):
            return ("dead", _packable(reason), _packable(detail))


def _packable(text: str) -> bytes:
    return text.replace("\x00", "").encode("utf-8", "replace")
