"""Who holds what: owners and their leases, claims, and the adoption of what lapsed owners held.

What must stay true: a fence is never given twice. It is made of the owner's number, which the
database gives once, and the owner's count of claims. A claimed message is settled only by whoever
shows its fence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count, zip_longest
from typing import Any, Final

from ...domain.errors import LeaseLost
from ...domain.messaging.delivery import Delivery, Orphan, Token, Undecodable
from .envelope import READ, delivery_of
from .flavour import Change, Flavour
from .schema import CLAIMED, NOBODY, OWNER_SHIFT, PARKED, READY, WAITING
from .transaction import Row, Transaction

#: Parked messages made ready in one step, and orphans adopted in one: locks are held shortly.
_STEP: Final = 500
#: A lapsed owner is remembered this long (ms), for a claim of its that was still under way.
_REMEMBERED: Final = 3_600_000


@dataclass(slots=True)
class Owner:
    """This process as the store knows it. `until` is in unix milliseconds."""

    number: int
    node: str
    lease: int
    until: int
    claims: count[int] = field(default_factory=lambda: count(1))
    #: Fences of claims and adoptions of which nobody knows whether they were committed.
    doubtful_claims: list[int] = field(default_factory=list)
    doubtful_adoptions: list[int] = field(default_factory=list)

    def next_fence(self) -> int:
        """Return a fence nobody ever had."""
        return (self.number << OWNER_SHIFT) | next(self.claims)


def held_by(number: int) -> tuple[int, int]:
    """Return the first fence of an owner, and the first that is not its own any more."""
    return number << OWNER_SHIFT, (number + 1) << OWNER_SHIFT


def enlist(transaction: Transaction, flavour: Flavour, node: str, lease: int, now: int) -> Owner:
    """Make a new owner."""
    number = flavour.insert_one(
        transaction,
        "INSERT INTO celeriac_owner (node, lease, expires, lost) VALUES (?, ?, ?, 0)",
        (node, lease, now + lease),
    )
    return Owner(number, node, lease, now + lease)


def renew(transaction: Transaction, owner: Owner, now: int) -> bool:
    """Prolong a lease that has not run out."""
    renewed = transaction.run(
        "UPDATE celeriac_owner SET expires = ? WHERE id = ? AND lost = 0 AND expires > ?",
        (now + owner.lease, owner.number, now),
    )
    return renewed == 1


def leave(transaction: Transaction, owner: Owner) -> None:
    """Return what an owner holds, and forget it."""
    transaction.run(
        f"UPDATE celeriac_message SET state = {READY}, fence = {NOBODY}, started = 0"  # noqa: S608
        f" WHERE state = {CLAIMED} AND fence >= ? AND fence < ?",
        held_by(owner.number),
    )
    transaction.run("DELETE FROM celeriac_owner WHERE id = ?", (owner.number,))


# -- claiming


def look(transaction: Transaction, queues: Sequence[str]) -> tuple[list[str], int | None]:
    """Return which queues have something to claim, and when the next parked message is due."""
    paused, ready, due = set(), set(), None
    for kind, name, moment in transaction.rows(_looking_at(len(queues)), queues):
        match kind:
            case 0:
                ready.add(name)
            case 1:
                paused.add(name)
            case _:
                due = moment
    return [queue for queue in queues if queue in ready and queue not in paused], due


@lru_cache(maxsize=64)
def _looking_at(number: int) -> str:
    # One look into the index a queue. As EXISTS over a list of names it is read to its end by
    # MariaDB, which makes a join of it.
    of_queue = (
        "SELECT * FROM (SELECT 0 AS kind, queue AS name, 0 AS due FROM celeriac_message"  # noqa: S608
        f" WHERE queue = ? AND state = {READY} LIMIT 1) AS ready{{}}"
    )
    parts = [of_queue.format(position) for position in range(number)]
    parts.append("SELECT 1, name, 0 FROM celeriac_queue WHERE paused = 1")
    parts.append(f"SELECT 2, '', min(due) FROM celeriac_message WHERE state = {PARKED}")  # noqa: S608
    return " UNION ALL ".join(parts)


def promote(transaction: Transaction, flavour: Flavour, now: int) -> None:
    """Make parked messages ready whose time has come."""
    change = Change(
        f"SELECT id FROM celeriac_message WHERE state = {PARKED} AND due <= ?"  # noqa: S608
        f" ORDER BY due LIMIT {_STEP}",
        (now,),
        f"state = {READY}, due = NULL",
        (),
        "id",
    )
    flavour.change_free(transaction, change)


def claim(
    transaction: Transaction,
    flavour: Flavour,
    owner: Owner,
    fence: int,
    queues: Sequence[str],
    limit: int,
) -> list[Delivery | Undecodable]:
    """Take due messages of these queues, as evenly as they have them, under a new fence."""
    taken: dict[str, list[Row]] = {queue: [] for queue in queues}
    hungry, left = list(queues), limit
    while hungry and left > 0:
        share = -(-left // len(hungry))
        for queue in tuple(hungry):
            wanted = min(share, left)
            rows = _take(transaction, flavour, owner, fence, queue, wanted) if wanted else []
            taken[queue] += rows
            left -= len(rows)
            if len(rows) < wanted or not wanted:
                hungry.remove(queue)
    if left == limit and not is_present(transaction, owner):
        raise LeaseLost(f"the lease of {owner.node} ran out and others took over; enlist anew")
    return [delivery_of(row, fence) for row in _in_turn(taken)]


def seize(
    transaction: Transaction, flavour: Flavour, owner: Owner, fence: int, task_ids: Sequence[str]
) -> list[Delivery | Undecodable]:
    """Take the waiting messages of these tasks under a new fence, wherever they wait."""
    if not is_present(transaction, owner):
        raise LeaseLost(f"the lease of {owner.node} ran out and others took over; enlist anew")
    # Not those that are free only: what another transaction makes ready just now is waited for.
    rows = transaction.rows(
        f"SELECT {READ}, state, due FROM celeriac_message WHERE {WAITING}"  # noqa: S608
        f" AND {flavour.among('task_id')} ORDER BY id{flavour.take}",
        (flavour.listed(task_ids),),
    )
    if not rows:
        return []
    transaction.run(
        f"UPDATE celeriac_message SET state = {CLAIMED}, due = NULL, fence = ?,"  # noqa: S608
        f" claims = claims + 1 WHERE {flavour.among('id', 'bigint')}",
        (fence, flavour.listed([row[0] for row in rows])),
    )
    return [delivery_of(_claimed_once_more(row), fence) for row in sorted(rows, key=_turn)]


def _turn(row: Row) -> tuple[Any, ...]:
    """Where a row of READ, state and due stands: ready ones by place and id, then those parked."""
    parked = row[-2] == PARKED
    return (row[1], parked, row[-1] if parked else row[3], row[0])


def _claimed_once_more(row: Row) -> Row:
    return (*row[:4], row[4] + 1, *row[5:-2])


def taken_under(transaction: Transaction, fence: int) -> list[Delivery | Undecodable]:
    """Return what was claimed under a fence."""
    sql = f"SELECT {READ} FROM celeriac_message WHERE state = {CLAIMED} AND fence = ?"  # noqa: S608
    rows = transaction.rows(f"{sql} ORDER BY place, id", (fence,))
    return [delivery_of(row, fence) for row in rows]


def adopted_under(transaction: Transaction, fence: int) -> list[Orphan]:
    """Return what was adopted under a fence; whose it was is not known any more."""
    sql = f"SELECT {READ}, started FROM celeriac_message WHERE state = {CLAIMED} AND fence = ?"  # noqa: S608
    rows = transaction.rows(f"{sql} ORDER BY id", (fence,))
    return [Orphan(delivery_of(row[:-1], fence), bool(row[-1]), "unknown") for row in rows]


def is_present(transaction: Transaction, owner: Owner) -> bool:
    """Tell whether the owner's lease was taken from it by nobody."""
    sql = "SELECT 1 FROM celeriac_owner WHERE id = ? AND lost = 0"
    return bool(transaction.rows(sql, (owner.number,)))


def _take(
    transaction: Transaction, flavour: Flavour, owner: Owner, fence: int, queue: str, limit: int
) -> list[Row]:
    change = Change(
        f"SELECT id FROM celeriac_message WHERE queue = ? AND state = {READY}"  # noqa: S608
        " AND EXISTS (SELECT 1 FROM celeriac_owner WHERE id = ? AND lost = 0)"
        " ORDER BY place, id LIMIT ?",
        (queue, owner.number, limit),
        f"state = {CLAIMED}, fence = ?, claims = claims + 1",
        (fence,),
        READ,
    )
    rows = flavour.change_free(transaction, change)
    # RETURNING promises no order. Columns 3 and 0 are place and id.
    return sorted(rows, key=lambda row: (row[3], row[0]))


def _in_turn(taken: dict[str, list[Row]]) -> list[Row]:
    if len(taken) == 1:
        return next(iter(taken.values()))
    rounds = zip_longest(*taken.values())
    return [row for one_of_each in rounds for row in one_of_each if row is not None]


# -- adopting


def has_lapsed(transaction: Transaction, owner: Owner, now: int) -> bool:
    """Tell whether there is a lapsed owner to be declared lost, or one that still holds some."""
    width = 1 << OWNER_SHIFT
    sql = (
        "SELECT 1 FROM celeriac_owner WHERE expires <= ? AND id <> ? AND (lost = 0 OR EXISTS"  # noqa: S608
        f" (SELECT 1 FROM celeriac_message WHERE state = {CLAIMED}"
        f" AND fence >= celeriac_owner.id * {width}"
        f" AND fence < (celeriac_owner.id + 1) * {width})) LIMIT 1"
    )
    return bool(transaction.rows(sql, (now, owner.number)))


def adopt(
    transaction: Transaction,
    flavour: Flavour,
    owner: Owner,
    fence: int,
    queues: Sequence[str],
    now: int,
) -> list[Orphan]:
    """Take over what lapsed owners hold of these queues, under a new fence."""
    # From here on they cannot renew: what they hold is up for adoption.
    transaction.run(
        "UPDATE celeriac_owner SET lost = 1 WHERE expires <= ? AND lost = 0 AND id <> ?",
        (now, owner.number),
    )
    lapsed = transaction.rows("SELECT id, node FROM celeriac_owner WHERE lost = 1 ORDER BY id")
    orphans: list[Orphan] = []
    for number, node in lapsed:
        left = _STEP - len(orphans)
        orphans += _adopt_from(transaction, flavour, fence, queues, number, node, left)
        if len(orphans) >= _STEP:
            break
    _forget_empty(transaction, now)
    return orphans


def _adopt_from(
    transaction: Transaction,
    flavour: Flavour,
    fence: int,
    queues: Sequence[str],
    lapsed: int,
    node: str,
    limit: int,
) -> list[Orphan]:
    marks = ", ".join("?" * len(queues))
    change = Change(
        f"SELECT id FROM celeriac_message WHERE state = {CLAIMED} AND fence >= ? AND fence < ?"  # noqa: S608
        f" AND queue IN ({marks}) ORDER BY id LIMIT ?",
        (*held_by(lapsed), *queues, limit),
        "fence = ?, claims = claims + 1",
        (fence,),
        f"{READ}, started",
    )
    rows = flavour.change_free(transaction, change)
    return [
        Orphan(delivery_of(row[:-1], fence), bool(row[-1]), node)
        for row in sorted(rows, key=lambda row: row[0])
    ]


def _forget_empty(transaction: Transaction, now: int) -> None:
    old = transaction.rows(
        "SELECT id FROM celeriac_owner WHERE lost = 1 AND expires <= ?", (now - _REMEMBERED,)
    )
    for (number,) in old:
        held = transaction.rows(
            f"SELECT 1 FROM celeriac_message WHERE state = {CLAIMED}"  # noqa: S608
            " AND fence >= ? AND fence < ? LIMIT 1",
            held_by(number),
        )
        if not held:
            transaction.run("DELETE FROM celeriac_owner WHERE id = ?", (number,))


# -- tokens


def held(transaction: Transaction, flavour: Flavour, tokens: Sequence[Token]) -> list[bool]:
    """Tell which tokens are the present owner's, and keep it so until the commit."""
    wanted = [tag for tag, _ in tokens if isinstance(tag, int)]
    if not wanted:
        return [False] * len(tokens)
    rows = transaction.rows(
        f"SELECT id, fence FROM celeriac_message WHERE {flavour.among('id', 'bigint')}"  # noqa: S608
        f" AND state = {CLAIMED}{flavour.take}",
        (flavour.listed(wanted),),
    )
    present: set[tuple[Any, Any]] = {(row[0], row[1]) for row in rows}
    answers = []
    for token in tokens:
        answers.append((token.tag, token.fence) in present)
        # A token counts once, also within a batch.
        present.discard((token.tag, token.fence))
    return answers
