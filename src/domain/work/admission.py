"""Who may begin: slots and tokens that a whole cluster shares, given out in the order asked.

What must stay true: never are more slots of a name held than its limit, nor more tokens taken than
the bucket holds; whoever is refused takes nothing.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf
from typing import Final

from ..messaging.delivery import Delivery
from ..tasks.options import TaskOptions

#: What `decide` answers to whoever finds no slot free: nobody knows when one will be.
NO_SLOT: Final = inf
#: The header that carries the value of a task's `concurrency_key`.
KEY_HEADER: Final = "celeriac_concurrency_key"
#: What the first task without a slot waits at least and at most, and the longest that one without
#: a slot or without a token waits while others are before it, in seconds.
SLOT_PAUSE: Final = 0.1
MOST_OF_FIRST: Final = 1.0
LONGEST_FOR_SLOT: Final = 10.0
LONGEST_FOR_TOKEN: Final = 60.0

#: Tokens lost to rounding, and seconds: waiting exactly as long as was said must be enough.
_ROUNDING: Final = 1e-6
_ROUNDED: Final = 2e-6


@dataclass(frozen=True, slots=True)
class Budget:
    """A bucket of tokens that all workers take from: it fills at `rate` a second up to `burst`."""

    bucket: str
    rate: float
    burst: int


@dataclass(frozen=True, slots=True)
class Ask:
    """What one task needs before it may begin: a slot of each (name, limit), and one token."""

    holder: str
    slots: tuple[tuple[str, int], ...] = ()
    budget: Budget | None = None


def budget_of(task: str, rate: float) -> Budget:
    """Return what a rate a second comes to: what is not used may be made up for within a second."""
    return Budget(f"task:{task}", rate, max(1, ceil(rate)))


def ask_of(delivery: Delivery, options: TaskOptions, rate: float | None) -> Ask | None:
    """Return what a delivery has to ask the cluster for, None if nothing.

    `rate` is its task's limit across the cluster, in tasks a second. The holder is this delivery
    in these hands: a worker that has it by a later claim has slots of its own.
    """
    if options.max_concurrency is None and options.concurrency_key is None and not rate:
        return None
    slots: list[tuple[str, int]] = []
    if options.max_concurrency is not None:
        slots.append((f"task:{options.name}", options.max_concurrency))
    key = delivery.message.headers.get(KEY_HEADER)
    if options.concurrency_key is not None and key is not None:
        slots.append((f"task:{options.name}:{key}", options.max_concurrency_per_key))
    if not slots and not rate:
        return None
    token = delivery.token
    holder = f"{delivery.message.id}:{token.tag}:{token.fence}"
    return Ask(holder, tuple(slots), budget_of(options.name, rate) if rate else None)


def decide(
    asks: Sequence[Ask], taken: Mapping[str, Collection[str]], tokens: Mapping[str, float]
) -> list[float]:
    """Return for each ask 0.0 if it is granted, else the seconds to wait, or NO_SLOT.

    Args:
        asks: In the order in which they are served.
        taken: The present holders of each name.
        tokens: What each bucket holds now.
    """
    holders = {name: set(who) for name, who in taken.items()}
    left = dict(tokens)
    answers: list[float] = []
    for ask in asks:
        answers.append(_has_slots(ask, holders) or _token(ask.budget, left))
        if answers[-1] == 0.0:
            for name, _ in ask.slots:
                holders.setdefault(name, set()).add(ask.holder)
    return answers


def used(asks: Iterable[Ask], answers: Iterable[float]) -> dict[str, int]:
    """Count the tokens of each bucket that these answers give out."""
    out: dict[str, int] = {}
    for ask, answer in zip(asks, answers, strict=True):
        if answer == 0.0 and ask.budget is not None:
            out[ask.budget.bucket] = out.get(ask.budget.bucket, 0) + 1
    return out


def _has_slots(ask: Ask, holders: Mapping[str, set[str]]) -> float:
    for name, limit in ask.slots:
        held = holders.get(name, set())
        if ask.holder not in held and len(held) >= limit:
            return NO_SLOT
    return 0.0


def _token(budget: Budget | None, left: dict[str, float]) -> float:
    """Take a token; who gets none is told when there would be one, behind those told before."""
    if budget is None:
        return 0.0
    there = left.get(budget.bucket, float(budget.burst))
    left[budget.bucket] = there - 1.0
    missing = 1.0 - there
    return 0.0 if missing <= _ROUNDING + budget.rate * _ROUNDED else missing / budget.rate


class Lines:
    """Has those who wait come back one after the other, in the order in which they came.

    Nothing is promised to them: who comes back asks again. Times are monotonic seconds.
    """

    __slots__ = ("_ends",)

    def __init__(self) -> None:
        """Nobody waits yet."""
        self._ends: dict[str, float] = {}

    def __len__(self) -> int:
        """Return how many lines are remembered."""
        return len(self._ends)

    def behind(self, ask: Ask, answer: float, estimate: float | None, now: float) -> float:
        """Return the seconds until an ask that was refused with this answer should come back."""
        if answer == NO_SLOT:
            name, limit = ask.slots[-1]
            step = (SLOT_PAUSE if estimate is None else estimate) / max(1, limit)
            wait = max(SLOT_PAUSE, min(step, MOST_OF_FIRST))
            return self.place(f"slot:{name}", wait, step, LONGEST_FOR_SLOT, now)
        if ask.budget is None:  # nobody could be asked
            return answer
        name, step = ask.budget.bucket, 1.0 / ask.budget.rate
        return self.place(f"token:{name}", answer, step, LONGEST_FOR_TOKEN, now)

    def place(self, name: str, wait: float, step: float, longest: float, now: float) -> float:
        """Return the seconds until to come back: at least `wait`, and `step` behind the last one.

        A line longer than `longest` seconds is no use: those who stand behind come back together.
        """
        if len(self._ends) > 1000:  # of many keys; those whose time is past say nothing any more
            self._ends = {line: end for line, end in self._ends.items() if end > now}
        at = max(now + wait, self._ends.get(name, -inf) + step)
        at = min(at, now + max(wait, longest))
        self._ends[name] = at
        return at - now
