"""What a cluster agreed on, in memory: leases, slots, token buckets and the last ticks of beat.

Plain tables without lock or clock: the store's lock is held by whoever calls, and `at` is in
monotonic seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from ...domain.work.admission import Ask, Budget, decide, used
from ...ports.coordinator import Grant
from ...ports.schedule_store import LastRun

#: Tokens. Waiting exactly as long as was said must be enough, whatever the rounding.
_ROUNDING: Final = 1e-6


@dataclass(slots=True)
class Lease:
    """Who holds a name, until when. The fence outlives its holder."""

    grant: Grant
    until: float


@dataclass(slots=True)
class Bucket:
    """How many tokens there were at a time."""

    tokens: float
    at: float

    def take(self, count: int, rate: float, burst: int, at: float) -> float:
        """Take tokens, or tell in how many seconds they could be taken."""
        self.tokens = min(burst, self.tokens + max(at - self.at, 0.0) * rate)
        self.at = at
        missing = count - self.tokens
        if missing <= _ROUNDING:
            self.tokens = max(self.tokens - count, 0.0)
            return 0.0
        return missing / rate if rate > 0 and count <= burst else inf


class AgreementTable:
    """All agreements of a store."""

    def __init__(self) -> None:
        self.leases: dict[str, Lease] = {}
        self.slots: dict[str, dict[str, float]] = {}
        self.buckets: dict[str, Bucket] = {}
        self.ticks: dict[str, LastRun] = {}

    def acquire(self, name: str, holder: str, ttl: float, at: float) -> Grant | None:
        """Grant or prolong a lease, unless another holds it."""
        lease = self.leases.get(name)
        if lease is None or lease.until <= at:
            fence = lease.grant.fence + 1 if lease else 1
            self.leases[name] = Lease(Grant(name, holder, fence), at + ttl)
        elif lease.grant.holder == holder:
            lease.until = at + ttl
        else:
            return None
        return self.leases[name].grant

    def release(self, grant: Grant, at: float) -> bool:
        """End a lease, if it is still this one."""
        if self.holder(grant.name, at) != grant:
            return False
        self.leases[grant.name].until = at
        return True

    def holder(self, name: str, at: float) -> Grant | None:
        """Return the grant in force."""
        lease = self.leases.get(name)
        return lease.grant if lease and lease.until > at else None

    def take_slots(
        self, names: Sequence[tuple[str, int]], holder: str, ttl: float, at: float
    ) -> bool:
        """Take a slot of each name, or none."""
        if not all(self._has_room(name, limit, holder, at) for name, limit in names):
            return False
        for name, _ in names:
            self.slots.setdefault(name, {})[holder] = at + ttl
        return True

    def free_slots(self, names: Sequence[str], holder: str) -> None:
        """Give slots back."""
        for name in names:
            self.slots.get(name, {}).pop(holder, None)

    def admit(self, asks: Sequence[Ask], ttl: float, at: float) -> list[float]:
        """Give slots and tokens to those who may begin."""
        taken = {name: self._holders(name, at) for ask in asks for name, _ in ask.slots}
        budgets = {ask.budget.bucket: ask.budget for ask in asks if ask.budget}
        filled = {name: self._filled(budget, at) for name, budget in budgets.items()}
        answers = decide(asks, taken, {name: bucket.tokens for name, bucket in filled.items()})
        for ask, answer in zip(asks, answers, strict=True):
            if answer == 0.0:
                for name, _ in ask.slots:
                    self.slots[name][ask.holder] = at + ttl
        for name, count in used(asks, answers).items():
            filled[name].tokens = max(0.0, filled[name].tokens - count)
        return answers

    def prolong(self, held: Sequence[tuple[str, str]], ttl: float, at: float) -> None:
        """Prolong slots that are still held."""
        for name, holder in held:
            if holder in self._holders(name, at):
                self.slots[name][holder] = at + ttl

    def take_tokens(self, bucket: str, count: int, rate: float, burst: int, at: float) -> float:
        """Take tokens from a bucket, which is full at first."""
        return self.buckets.setdefault(bucket, Bucket(burst, at)).take(count, rate, burst, at)

    def claim_tick(self, run: LastRun) -> bool:
        """Remember a run, if its due time lies after the last one's; `total` is counted here."""
        last = self.ticks.get(run.entry)
        if last and run.due <= last.due:
            return False
        total = last.total + 1 if last else 1
        self.ticks[run.entry] = replace(run, total=total, published=False)
        return True

    def remember(self, run: LastRun) -> None:
        """Write a run over one that is not of a later due time; a known `total` is kept."""
        last = self.ticks.get(run.entry)
        if last is None:
            self.ticks[run.entry] = run
        elif last.due <= run.due:
            self.ticks[run.entry] = replace(run, total=last.total)

    def _has_room(self, name: str, limit: int, holder: str, at: float) -> bool:
        taken = self._holders(name, at)
        return holder in taken or len(taken) < limit

    def _holders(self, name: str, at: float) -> dict[str, float]:
        taken = {who: until for who, until in self.slots.get(name, {}).items() if until > at}
        self.slots[name] = taken
        return taken

    def _filled(self, budget: Budget, at: float) -> Bucket:
        bucket = self.buckets.setdefault(f"budget:{budget.bucket}", Bucket(budget.burst, at))
        bucket.take(0, budget.rate, budget.burst, at)
        return bucket
